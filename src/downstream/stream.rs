//! A client's socket, plain or TLS, and whether its other end has closed.

use std::{
    future::Future as _,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::{io::Interest, net::TcpStream};
use tokio_rustls::server::TlsStream;

/// A client's byte stream, plain or TLS.
pub enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }

    /// The peer's FIN or reset has arrived, even if bytes before it are unread. Makes no system
    /// call.
    pub(super) fn peer_has_closed(&self) -> bool {
        let ready = pin!(self.tcp().ready(Interest::READABLE));
        match ready.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }
}
