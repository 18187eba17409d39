//! The socket actix-http reads and writes. Passes bytes through; tells the [`Link`] what happens and obeys its timers.

use std::{
    fmt, io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_rt::net::{ActixStream, Ready};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::link::Link;

/// A client's byte stream, plain or TLS.
pub enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! on_stream {
    ($link:expr, $stream:ident => $call:expr) => {
        match &mut *$link.stream() {
            Stream::Tcp($stream) => $call,
            Stream::Tls($stream) => $call,
        }
    };
}

/// One accepted connection.
pub struct Inbound(pub(super) Rc<Link>);

impl Inbound {
    pub fn link(&self) -> &Rc<Link> {
        &self.0
    }

    /// A timer ended the connection, or the client left in the middle of an exchange: nothing more is written.
    fn is_over(&self) -> bool {
        self.0.expired().is_some_and(|expired| {
            matches!(expired, super::Expired::Head | super::Expired::WriteStall)
        }) || (self.0.is_gone() && self.0.is_exchanging())
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbound({:?})", self.0.peer())
    }
}

impl AsyncRead for Inbound {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let link = &self.0;
        if self.is_over() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = on_stream!(link, stream => Pin::new(stream).poll_read(cx, buf));
        match &read {
            Poll::Ready(Ok(())) => link.note_read(buf.filled().len() - before),
            Poll::Ready(Err(_)) => link.note_failed(),
            // An idle connection of a draining gateway ends as if the client had closed it.
            Poll::Pending if link.is_closing() && !link.is_exchanging() => {
                return Poll::Ready(Ok(()));
            }
            Poll::Pending => link.remember_task(cx),
        }
        read
    }
}

impl Inbound {
    fn written(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &outcome {
            Poll::Ready(Ok(count)) => self.0.note_written(*count),
            Poll::Ready(Err(_)) => self.0.note_failed(),
            Poll::Pending => self.0.note_blocked(),
        }
        outcome
    }
}

impl AsyncWrite for Inbound {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let outcome = on_stream!(self.0, stream => Pin::new(stream).poll_write(cx, buf));
        self.written(outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = on_stream!(self.0, stream => Pin::new(stream).poll_flush(cx));
        if let Poll::Ready(Ok(())) = outcome {
            self.0.note_flushed(cx);
        }
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.0, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl ActixStream for Inbound {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.0.stream().tcp(), cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.0.stream().tcp(), cx)
    }
}
