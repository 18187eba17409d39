//! Sends the request: its head, then the caller's body as it comes, in its framing, as fast as the
//! socket accepts it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use super::{Connection, Upload};
use crate::upstream::failure::{Cause, Failure};

impl Connection {
    /// Sends as much as caller and socket allow. A failed write does not end the exchange, since
    /// the response may be here already; a failed body of the caller does.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        if self.is_sent() {
            return Ok(());
        }
        match self.pump(cx) {
            Ok(()) => {}
            Err(Cause::Write(kind)) => {
                self.write_error = Some(kind);
                self.upload = Upload::Done;
                self.write_buffer.clear();
                self.unflushed = false;
                self.keep_alive = false;
            }
            Err(cause) => return Err(self.fail(cause)),
        }
        self.publish();
        Ok(())
    }

    fn pump(&mut self, cx: &mut Context<'_>) -> Result<(), Cause> {
        loop {
            let starved = self.write_buffer.takes_chunk() && !self.fill(cx)?;
            if self.poll_drain(cx)?.is_pending() {
                return Ok(());
            }
            if starved || self.is_written() {
                return self.flush(cx);
            }
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Cause> {
        let Some(socket) = &mut self.socket else {
            return Err(Cause::Write(io::ErrorKind::NotConnected));
        };
        let before = self.sent;
        let drained = self.write_buffer.poll_drain(socket, &mut self.sent, cx);
        self.unflushed |= self.sent != before;
        match drained {
            Poll::Ready(Err(error)) => Err(Cause::Write(error.kind())),
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// A TLS socket may hold bytes back until it is flushed, and its flush may have to wait for the
    /// peer to read.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Cause> {
        let Some(socket) = &mut self.socket else {
            return Err(Cause::Write(io::ErrorKind::NotConnected));
        };
        match Pin::new(socket).poll_flush(cx) {
            Poll::Ready(Ok(())) => self.unflushed = false,
            Poll::Ready(Err(error)) => return Err(Cause::Write(error.kind())),
            Poll::Pending => {}
        }
        Ok(())
    }

    /// Puts the body's next chunk into the write buffer; returns false if the caller has none now.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<bool, Cause> {
        if matches!(self.upload, Upload::Done | Upload::AfterSwitch) {
            return Ok(true);
        }
        let Some(body) = &self.body else {
            return Err(Cause::RequestBody);
        };
        let next = body.borrow_mut().poll_chunk(cx);
        match (next, &mut self.upload) {
            (Poll::Pending, _) => return Ok(false),
            (Poll::Ready(Some(Ok(chunk))), _) if chunk.is_empty() => {
                cx.waker().wake_by_ref();
                return Ok(false);
            }
            (Poll::Ready(Some(Ok(chunk))), Upload::Length(left)) => {
                let Some(rest) = left.checked_sub(chunk.len() as u64) else {
                    return Err(Cause::RequestBody);
                };
                self.upload = if rest == 0 {
                    Upload::Done
                } else {
                    Upload::Length(rest)
                };
                self.write_buffer.put_plain(chunk);
            }
            (Poll::Ready(Some(Ok(chunk))), Upload::Chunked) => self.write_buffer.put_chunk(chunk),
            (Poll::Ready(Some(Ok(chunk))), _) => self.write_buffer.put_plain(chunk),
            (Poll::Ready(None), Upload::Chunked) => {
                self.write_buffer.put_last_chunk();
                self.upload = Upload::Done;
            }
            (Poll::Ready(None), Upload::Length(_)) | (Poll::Ready(Some(Err(_))), _) => {
                return Err(Cause::RequestBody);
            }
            (Poll::Ready(None), _) => self.upload = Upload::Done,
        }
        Ok(true)
    }
}
