//! The socket that actix-http reads and writes. Passes bytes through, reports to the
//! [`ClientConnection`] what happens, and obeys its timers.

use std::{
    fmt, io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_rt::net::{ActixStream, Ready};
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{connection::ClientConnection, pipelining::AHEAD, stream::Stream};

macro_rules! on_stream {
    ($connection:expr, $stream:ident => $call:expr) => {
        match &mut *$connection.stream() {
            Stream::Tcp($stream) => $call,
            Stream::Tls($stream) => $call,
        }
    };
}

/// One accepted connection.
pub struct ClientSocket(pub(super) Rc<ClientConnection>);

impl ClientSocket {
    pub fn connection(&self) -> &Rc<ClientConnection> {
        &self.0
    }
}

impl fmt::Debug for ClientSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSocket({:?})", self.0.peer())
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = &self.0;
        // Before each read, since reads of a client that sends without a pause never block.
        connection.remember_task(cx);
        if connection.is_over() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.release(buf) {
            return Poll::Ready(Ok(()));
        }
        let broken = connection.malformed().is_some();
        let open = connection.gate().is_open();
        let read = match (broken, open) {
            (true, _) => self.poll_discard(cx),
            (false, true) => self.poll_through(cx, buf),
            (false, false) => self.poll_ahead(cx),
        };
        match read {
            Poll::Ready(Err(error)) => {
                connection.note_gone();
                Poll::Ready(Err(error))
            }
            // An idle connection of a draining gateway ends as if the client had closed it.
            Poll::Pending if connection.may_close() => Poll::Ready(Ok(())),
            read => read,
        }
    }
}

impl ClientSocket {
    /// Passes on bytes that came ahead of their turn; returns whether there were any.
    fn release(&self, buf: &mut ReadBuf<'_>) -> bool {
        let mut held = self.0.held();
        let mut gate = self.0.gate();
        if held.is_empty() || !gate.is_open() {
            return false;
        }
        let was_draining = gate.is_draining();
        let next = held.len().min(buf.remaining());
        let admitted = gate.admit(&mut held[..next]);
        let broken = gate.broken();
        buf.put_slice(&held.split_to(admitted));
        if held.is_empty() || broken.is_some() {
            // An idle connection holds no buffer.
            *held = BytesMut::new();
        }
        drop(gate);
        if let Some(why) = broken {
            self.0.note_malformed(why);
            return false;
        }
        self.0.note_read(admitted, was_draining);
        true
    }

    /// Reads what is due now, and holds back what came behind it.
    fn poll_through(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(on_stream!(self.0, stream => Pin::new(stream).poll_read(cx, buf)))?;
        let fresh = &mut buf.filled_mut()[before..];
        if fresh.is_empty() {
            self.0.note_gone();
            return Poll::Ready(Ok(()));
        }
        let mut gate = self.0.gate();
        let was_draining = gate.is_draining();
        let admitted = gate.admit(fresh);
        let broken = gate.broken();
        drop(gate);
        if let Some(why) = broken {
            buf.set_filled(before);
            self.0.note_malformed(why);
            return self.poll_discard(cx);
        }
        if admitted < fresh.len() {
            self.0.held().extend_from_slice(&fresh[admitted..]);
            buf.set_filled(before + admitted);
        }
        self.0.note_read(admitted, was_draining);
        Poll::Ready(Ok(()))
    }

    /// Throws away what follows a malformed body: a close with bytes unread is a reset, which may
    /// overtake the response. Ready when the client has closed or no response is under way.
    fn poll_discard(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        while self.0.may_respond() {
            let mut surplus = ReadBuf::new(&mut bytes);
            ready!(on_stream!(self.0, stream => Pin::new(stream).poll_read(cx, &mut surplus)))?;
            if surplus.filled().is_empty() {
                self.0.note_gone();
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing is due: reads a little ahead, to see whether the client closes. Ready when it has.
    fn poll_ahead(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 512];
        while self.0.held().len() < AHEAD {
            let mut ahead = ReadBuf::new(&mut bytes);
            ready!(on_stream!(self.0, stream => Pin::new(stream).poll_read(cx, &mut ahead)))?;
            if ahead.filled().is_empty() {
                self.0.note_gone();
                return Poll::Ready(Ok(()));
            }
            self.0.held().extend_from_slice(ahead.filled());
        }
        // From here on, the timers look whether the client has closed.
        Poll::Pending
    }

    fn written(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(_)) => self.0.note_written(),
            Poll::Ready(Err(_)) => self.0.note_gone(),
            Poll::Pending => self.0.note_blocked(),
        }
        outcome
    }

    /// Shuts the write side, while the connection is still read from.
    fn shut(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = on_stream!(self.0, stream => Pin::new(stream).poll_shutdown(cx));
        match &outcome {
            Poll::Ready(_) => self.0.note_shut(),
            Poll::Pending => self.0.note_blocked(),
        }
        outcome
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.0.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let outcome = on_stream!(self.0, stream => Pin::new(stream).poll_write(cx, buf));
        self.written(outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = on_stream!(self.0, stream => Pin::new(stream).poll_flush(cx));
        match &outcome {
            Poll::Ready(Ok(())) => self.0.note_flushed(cx),
            Poll::Ready(Err(_)) => self.0.note_gone(),
            // TLS accepts bytes for which the socket has no room.
            Poll::Pending => self.0.note_blocked(),
        }
        if outcome.is_ready() && self.0.is_finishing() {
            return self.shut(cx);
        }
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut(cx)
    }
}

impl ActixStream for ClientSocket {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.0.stream().tcp(), cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.0.stream().tcp(), cx)
    }
}
