//! Bytes on their way into a socket: the request head, then body chunks in their framing. They are
//! written with vectored writes, never copied, and dropped once the socket has accepted them.

use std::{
    io::{self, IoSlice, Write as _},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::socket::Socket;

/// Longest chunk-size line: 16 digits and a line break.
const SIZE_LINE: usize = 18;

/// What is to be written, in this order: head, size line, chunk, tail.
#[derive(Default)]
pub struct WriteBuffer {
    head: Bytes,
    size_line: [u8; SIZE_LINE],
    size_line_at: usize,
    size_line_end: usize,
    chunk: Bytes,
    tail: &'static [u8],
}

impl WriteBuffer {
    pub fn put_head(&mut self, head: Bytes) {
        self.head = head;
    }

    /// Adds body bytes that need no framing: those of a Content-Length or a tunnel.
    pub fn put_plain(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// Adds body bytes as one chunk of a chunked body.
    pub fn put_chunk(&mut self, chunk: Bytes) {
        let mut line = io::Cursor::new(&mut self.size_line[..]);
        // Sixteen hexadecimal digits and a line break always fit.
        let written = write!(line, "{:x}\r\n", chunk.len());
        debug_assert!(written.is_ok());
        self.size_line_end = line.position() as usize;
        self.size_line_at = 0;
        self.chunk = chunk;
        self.tail = b"\r\n";
    }

    /// Adds the last chunk of a chunked body.
    pub fn put_last_chunk(&mut self) {
        self.tail = b"0\r\n\r\n";
    }

    /// There is room for another chunk; what precedes it may still be unwritten.
    pub fn takes_chunk(&self) -> bool {
        self.chunk.is_empty() && self.tail.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.size_line_at == self.size_line_end && self.takes_chunk()
    }

    pub fn clear(&mut self) {
        *self = WriteBuffer::default();
    }

    /// Writes until everything is written. Adds accepted bytes to `sent` at once, so that the count
    /// is right after errors, too.
    pub fn poll_drain(
        &mut self,
        socket: &mut Socket,
        sent: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = {
                let line = &self.size_line[self.size_line_at..self.size_line_end];
                let parts = [&self.head[..], line, &self.chunk[..], self.tail];
                let mut slices = [IoSlice::new(&[]); 4];
                let mut count = 0;
                for part in parts.iter().filter(|part| !part.is_empty()) {
                    slices[count] = IoSlice::new(part);
                    count += 1;
                }
                ready!(Pin::new(&mut *socket).poll_write_vectored(cx, &slices[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += written as u64;
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut written: usize) {
        written -= take(&mut self.head, written);
        let line = written.min(self.size_line_end - self.size_line_at);
        self.size_line_at += line;
        written -= line;
        let chunk = take(&mut self.chunk, written);
        self.tail = &self.tail[written - chunk..];
    }
}

/// Drops up to this many bytes and returns how many. Empties the value then, since `Bytes` of
/// length zero would keep their allocation.
fn take(bytes: &mut Bytes, written: usize) -> usize {
    let taken = written.min(bytes.len());
    match taken == bytes.len() {
        true => *bytes = Bytes::new(),
        false => bytes.advance(taken),
    }
    taken
}
