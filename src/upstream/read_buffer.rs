//! The read buffer that all upstream connections of a worker share: a quiet stream holds none.
//! Bytes leave it as an allocation of exactly their size, or with the buffer itself if they fill
//! it.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use tokio_util::io::poll_read_buf;

use super::socket::Socket;

/// Bytes of one read at most. What the client's side gathers before it writes, and one more read,
/// together stay below 64 KiB.
const SIZE: usize = 28 * 1024;
/// From so many bytes on, the buffer is handed over instead of copied.
const HAND_OVER: usize = SIZE / 2;

/// Cheap to clone: all clones are one buffer.
#[derive(Clone, Default)]
pub struct ReadBuffer(Rc<RefCell<BytesMut>>);

impl ReadBuffer {
    /// The next bytes of the socket; none at its end.
    pub fn poll_read(&self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let mut buffer = self.0.borrow_mut();
        buffer.reserve(SIZE);
        let count = ready!(poll_read_buf(Pin::new(socket), cx, &mut *buffer))?;
        if count >= HAND_OVER {
            return Poll::Ready(Ok(buffer.split().freeze()));
        }
        let bytes = Bytes::copy_from_slice(&buffer);
        buffer.clear();
        Poll::Ready(Ok(bytes))
    }
}
