//! The bytes of one accepted connection: reads request heads and bodies, writes responses, and
//! notices a client that leaves while the mock waits. It knows nothing of routes.

use std::io;
use std::time::Duration;

use actix_rt::net::TcpStream;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::request::{Framing, HeadError, Request, take_head};

/// Longest request body accepted, in bytes.
const BODY_LIMIT: u64 = 1 << 30;

/// Most bytes that are read ahead of the current request while its response waits.
const READ_AHEAD: usize = 1 << 20;

/// A connection with the bytes received but not yet used, and those not yet sent.
pub(crate) struct Connection {
    stream: TcpStream,
    inbox: BytesMut,
    /// Bytes that the next [`Connection::flush`] writes.
    pub(crate) outbox: Vec<u8>,
}

/// Why a request could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("a chunk of the request body is malformed")]
    Chunk,
    #[error("the request body is longer than {BODY_LIMIT} bytes")]
    TooLong,
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Why a response was not written to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Disconnected {
    /// The client closed the connection while the mock was waiting.
    #[error("the client closed the connection")]
    ClientGone,
    /// A write failed.
    #[error("a write to the client failed")]
    Write,
}

impl Connection {
    /// Wraps an accepted connection; small writes are sent without delay.
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Without this option the tokens of a stream would be delayed. That is all a failure does.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            inbox: BytesMut::with_capacity(8 * 1024),
            outbox: Vec::with_capacity(8 * 1024),
        }
    }

    /// The next request's head; `None` when the client closed between requests.
    pub(crate) async fn read_head(&mut self) -> Result<Option<Request>, ReadError> {
        loop {
            if let Some(request) = take_head(&mut self.inbox)? {
                return Ok(Some(request));
            }
            self.inbox.reserve(8 * 1024);
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return match self.inbox.is_empty() {
                    true => Ok(None),
                    false => Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into())),
                };
            }
        }
    }

    /// The body that follows the head of `request`. Answers `Expect: 100-continue` if the client
    /// waits for it.
    pub(crate) async fn read_body(&mut self, request: &Request) -> Result<Bytes, ReadError> {
        if request.framing == Framing::None {
            return Ok(Bytes::new());
        }
        if self.inbox.is_empty() && request.header_lists("expect", "100-continue") {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.stream.write_all(interim).await?;
        }
        match request.framing {
            Framing::None => Ok(Bytes::new()),
            Framing::Length(length) if length > BODY_LIMIT => Err(ReadError::TooLong),
            Framing::Length(length) => self.take(length as usize).await,
            Framing::Chunked => self.read_chunks().await,
        }
    }

    /// Writes all of the outbox, `pieces` bytes at a time if given.
    pub(crate) async fn flush(&mut self, pieces: Option<usize>) -> Result<(), Disconnected> {
        let size = pieces.unwrap_or(usize::MAX);
        for piece in self.outbox.chunks(size) {
            self.stream
                .write_all(piece)
                .await
                .map_err(|_| Disconnected::Write)?;
            if pieces.is_some() {
                tokio::task::yield_now().await;
            }
        }
        self.outbox.clear();
        Ok(())
    }

    /// Writes `bytes` directly. The outbox must be empty.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Disconnected> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|_| Disconnected::Write)
    }

    /// Waits for `pause`, or until the client closes the connection.
    pub(crate) async fn pause(&mut self, pause: Duration) -> Result<(), Disconnected> {
        if pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.client_closes() => Err(Disconnected::ClientGone),
        }
    }

    /// Waits until the client closes its side or the connection breaks.
    pub(crate) async fn client_closes(&mut self) {
        while self.inbox.len() < READ_AHEAD {
            self.inbox.reserve(1024);
            match self.stream.read_buf(&mut self.inbox).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Ends the connection with FIN.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Ends the connection with RST; the kernel discards what it has not sent.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        let _ = socket.set_linger(Some(Duration::ZERO));
    }

    /// Closes the sending side and discards what the client sends for up to two seconds. Closing
    /// with unread bytes would send RST, which can make the client lose the response.
    pub(crate) async fn drain_and_close(mut self) {
        let _ = self.stream.shutdown().await;
        let drain = async {
            let mut unread = [0; 16 * 1024];
            while matches!(self.stream.read(&mut unread).await, Ok(read) if read > 0) {}
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
    }

    /// The next `length` bytes.
    pub(crate) async fn take(&mut self, length: usize) -> Result<Bytes, ReadError> {
        while self.inbox.len() < length {
            self.fill(length - self.inbox.len()).await?;
        }
        Ok(self.inbox.split_to(length).freeze())
    }

    async fn read_chunks(&mut self) -> Result<Bytes, ReadError> {
        let mut body = BytesMut::new();
        loop {
            let size = chunk_size(&self.take_line().await?).ok_or(ReadError::Chunk)?;
            if size == 0 {
                while !self.take_line().await?.is_empty() {}
                return Ok(body.freeze());
            }
            if body.len() as u64 + size > BODY_LIMIT {
                return Err(ReadError::TooLong);
            }
            body.extend_from_slice(&self.take(size as usize).await?);
            if !self.take_line().await?.is_empty() {
                return Err(ReadError::Chunk);
            }
        }
    }

    /// The next line, without its CRLF.
    async fn take_line(&mut self) -> Result<Bytes, ReadError> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.inbox, b"\r\n") {
                let mut line = self.inbox.split_to(end + 2).freeze();
                line.truncate(end);
                return Ok(line);
            }
            if self.inbox.len() > 16 * 1024 {
                return Err(ReadError::Chunk);
            }
            self.fill(1024).await?;
        }
    }

    /// Reads once, with room for `wanted` bytes or 64 KiB, whichever is less.
    async fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.inbox.reserve(wanted.min(64 * 1024));
        match self.stream.read_buf(&mut self.inbox).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(size).ok()?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::chunk_size;

    #[test]
    fn chunk_sizes_are_hexadecimal_and_may_have_extensions() {
        let table: [(&[u8], Option<u64>); 6] = [
            (b"0", Some(0)),
            (b"1aF", Some(0x1af)),
            (b"5;name=value", Some(5)),
            (b"", None),
            (b"+5", None),
            (b"zz", None),
        ];
        for (line, size) in table {
            assert_eq!(chunk_size(line), size);
        }
    }
}
