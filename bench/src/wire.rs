//! One TCP connection with a read buffer: heads and bodies come out of it, bytes go into it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::body::{Body, Step};
use crate::failure::Failure;
use crate::head::Head;

pub struct Wire {
    stream: TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// One piece of a body, or the news that a chunk ended.
pub enum Piece<'a> {
    Data(&'a [u8]),
    ChunkEnd,
    /// Nothing is left in the buffer; the next call waits for the socket.
    Drained,
    Done,
}

impl Wire {
    pub async fn connect(target: SocketAddr, buffer: usize) -> Result<Self, Failure> {
        let stream = TcpStream::connect(target).await.map_err(Failure::Connect)?;
        Self::over(stream, buffer)
    }

    pub fn over(stream: TcpStream, buffer: usize) -> Result<Self, Failure> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; buffer].into(),
            start: 0,
            end: 0,
        })
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Sends `total` bytes in blocks.
    pub async fn send_zeros(&mut self, total: u64, block: usize) -> Result<(), Failure> {
        let zeros = vec![0; block];
        let mut left = total;
        while left > 0 {
            let take = usize::try_from(left).map_or(block, |left| left.min(block));
            self.send(&zeros[..take]).await?;
            left -= take as u64;
        }
        Ok(())
    }

    /// Makes room for large reads; what has arrived stays.
    pub fn grow(&mut self, size: usize) {
        if self.buffer.len() < size {
            let mut buffer = std::mem::take(&mut self.buffer).into_vec();
            buffer.resize(size, 0);
            self.buffer = buffer.into();
        }
    }

    /// The next head; its bytes stay readable through `bytes` until consumed. `None` when the peer
    /// closed before one.
    pub async fn head(&mut self) -> Result<Option<Head>, Failure> {
        loop {
            if let Some(head) = Head::parse(self.bytes())? {
                return Ok(Some(head));
            }
            if self.fill().await? == 0 {
                return if self.bytes().is_empty() {
                    Ok(None)
                } else {
                    Err(Failure::Closed("inside a head"))
                };
            }
        }
    }

    /// The next piece of `body`; reads from the socket only when the buffer has none.
    pub async fn piece(&mut self, body: &mut Body) -> Result<Piece<'_>, Failure> {
        loop {
            match body.step(&self.buffer[self.start..self.end])? {
                Step::Data { take } => {
                    let from = self.consume(take);
                    return Ok(Piece::Data(&self.buffer[from..from + take]));
                }
                Step::Framing { take } => _ = self.consume(take),
                Step::ChunkEnd { take } => {
                    self.consume(take);
                    return Ok(Piece::ChunkEnd);
                }
                Step::Done => return Ok(Piece::Done),
                Step::NeedMore => {
                    if self.fill().await? > 0 {
                        return Ok(Piece::Drained);
                    }
                    return if body.may_close() {
                        Ok(Piece::Done)
                    } else {
                        Err(Failure::Closed("inside a body"))
                    };
                }
            }
        }
    }

    /// Reads a body to its end and throws it away; returns its length in bytes.
    pub async fn discard(&mut self, body: &mut Body) -> Result<u64, Failure> {
        let mut total = 0;
        loop {
            match self.piece(body).await? {
                Piece::Data(data) => total += data.len() as u64,
                Piece::ChunkEnd | Piece::Drained => {}
                Piece::Done => return Ok(total),
            }
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Gives up `count` bytes and returns where in the buffer they began.
    pub fn consume(&mut self, count: usize) -> usize {
        let from = self.start;
        self.start += count;
        from
    }

    async fn fill(&mut self) -> Result<usize, Failure> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            return Err(Failure::Malformed("head: larger than the buffer"));
        }
        let count = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += count;
        Ok(count)
    }
}
