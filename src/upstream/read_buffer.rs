//! The read buffer that all upstream connections of a worker share, so that a quiet stream needs
//! none. Bytes leave it as an allocation of exactly their size, or with the buffer itself if they
//! fill it.

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

/// Most bytes of one read. Together with what the client's side gathers before it writes, they stay
/// below 64 KiB.
const SIZE: usize = 28 * 1024;
/// Reads of this many bytes and more hand over the buffer instead of a copy.
const HAND_OVER: usize = SIZE / 2;

/// All clones share one buffer.
#[derive(Clone, Default)]
pub struct ReadBuffer(Rc<RefCell<BytesMut>>);

impl ReadBuffer {
    /// The next bytes of the socket; empty at its end.
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
