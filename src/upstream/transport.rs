//! The stream that awc reads and writes: a [`Connection`] for the length of one exchange. Dropping it ends the exchange
//! and gives the connection back to the pool if it may be used again.

use std::{
    fmt, io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_rt::net::{ActixStream, Ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{connection::Connection, pool::Pool};

pub struct Transport {
    /// `Some` until dropped.
    connection: Option<Box<Connection>>,
    pool: Rc<Pool>,
}

impl Transport {
    pub fn new(connection: Box<Connection>, pool: Rc<Pool>) -> Self {
        Transport {
            connection: Some(connection),
            pool,
        }
    }

    fn connection(&mut self) -> io::Result<&mut Connection> {
        self.connection
            .as_deref_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.release();
            if connection.is_reusable() {
                self.pool.put(connection);
            }
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.connection()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Transport {
    /// awc's idea of the request head. What goes on the wire is the exchange's own head, sent by the flush that follows.
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whether the connection closes is decided in `Drop`, never by awc.
        Poll::Ready(Ok(()))
    }
}

/// awc asks for this bound and never calls it.
impl ActixStream for Transport {
    fn poll_read_ready(&self, _cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::READABLE))
    }

    fn poll_write_ready(&self, _cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::WRITABLE))
    }
}
