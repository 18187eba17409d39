//! Reads the response: skips interim heads, reads the final head, and yields the data of the body
//! up to its end.

use std::{
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::{StatusCode, header::HeaderMap};
use bytes::{Buf as _, Bytes};

use super::{Connection, Phase, Upload};
use crate::{
    http::{MAX_HEAD, chunks::ChunkScanner},
    upstream::{
        failure::{Cause, Failure},
        framing::{self, Framing, Head, Malformed},
    },
};

impl Connection {
    /// Sends what can be sent and waits for the first bytes of a response.
    pub fn poll_first_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.poll_upload(cx)?;
        match self.inbox.is_empty() {
            true => self.poll_more_of_head(cx),
            false => Poll::Ready(Ok(())),
        }
    }

    /// The status of the final response; its header lines are added to `headers`.
    pub fn poll_head(
        &mut self,
        headers: &mut HeaderMap,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StatusCode, Failure>> {
        loop {
            if self.line_ended
                && let Some(head) = self.take_head(headers)?
            {
                return Poll::Ready(self.begin_body(&head).map(|()| head.status));
            }
            ready!(self.poll_more_of_head(cx))?;
        }
    }

    /// Reads until a line has ended: a head ends with a line, so a slow one is not parsed anew for
    /// each byte. The first bytes are parsed in any case, since they may not be HTTP at all.
    fn poll_more_of_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            let first = self.inbox.is_empty();
            let fresh = match ready!(self.poll_read(cx)) {
                Ok(fresh) if fresh.is_empty() && first => {
                    return Poll::Ready(Err(self.closed_early(Cause::ClosedBeforeHead)));
                }
                Ok(fresh) if fresh.is_empty() => {
                    return Poll::Ready(Err(self.closed_early(Cause::ClosedInHead)));
                }
                Ok(fresh) => fresh,
                Err(kind) => return Poll::Ready(Err(self.closed_early(Cause::Read(kind)))),
            };
            self.line_ended = first || memchr::memchr(b'\n', &fresh).is_some();
            self.inbox = joined(std::mem::take(&mut self.inbox), fresh);
            self.line_ended |= self.inbox.len() >= MAX_HEAD;
            if self.line_ended {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// The final head, if all of it is here. Drops interim heads (1xx, RFC 9110 §15.2), up to the
    /// size of one head in all.
    fn take_head(&mut self, headers: &mut HeaderMap) -> Result<Option<Head>, Failure> {
        self.line_ended = false;
        while !self.inbox.is_empty() {
            let read = framing::read_head(&self.inbox, self.asked, headers);
            let Some(head) = read.map_err(|why| self.malformed(why))? else {
                return Ok(None);
            };
            self.inbox.advance(head.len);
            if head.is_final() {
                return Ok(Some(head));
            }
            self.interim += head.len;
            if self.interim > MAX_HEAD {
                return Err(self.malformed(Malformed::HeadTooLarge));
            }
        }
        self.inbox = Bytes::new();
        Ok(None)
    }

    /// Begins the body. Refuses a response whose framing is malformed in the bytes that came with
    /// its head.
    fn begin_body(&mut self, head: &Head) -> Result<(), Failure> {
        self.keep_alive = head.keep_alive && self.write_error.is_none();
        self.idle_timeout = head.idle_timeout;
        if let Some(body) = &self.body {
            body.borrow_mut().note_response();
        }
        self.complete = match head.framing {
            Framing::Bodyless => {
                self.end();
                return Ok(());
            }
            Framing::Length(length) => length <= self.inbox.len() as u64,
            Framing::Chunked(mut scanner) => {
                let scanned = scanner.feed(&self.inbox);
                scanned
                    .map_err(|broken| self.malformed(broken.why.into()))?
                    .ended
            }
            Framing::UntilClose | Framing::Tunnel => false,
        };
        if head.framing == Framing::Tunnel && self.upload == Upload::AfterSwitch {
            self.upload = Upload::Tunnel;
        }
        self.phase = Phase::Body(head.framing);
        self.publish();
        Ok(())
    }

    /// Skips a body that is here whole.
    pub(super) fn skip_complete(&mut self) {
        while let Phase::Body(framing) = self.phase
            && self.complete
            && !self.inbox.is_empty()
        {
            self.take_data(framing);
        }
    }

    /// The next data of the body, or its end. Also moves the request on.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        if self.is_at_rest() {
            return Poll::Ready(None);
        }
        if let Err(failure) = self.poll_upload(cx) {
            return Poll::Ready(Some(Err(failure)));
        }
        loop {
            let framing = match self.phase {
                Phase::Rest | Phase::AwaitHead => return Poll::Ready(None),
                Phase::Broken(why) => return Poll::Ready(Some(Err(self.malformed(why)))),
                Phase::Body(framing) => framing,
            };
            if self.inbox.is_empty() {
                match ready!(self.poll_read(cx)) {
                    Ok(fresh) if fresh.is_empty() => {
                        return Poll::Ready(self.end_of_input(framing));
                    }
                    Ok(fresh) => self.inbox = fresh,
                    Err(_) => return Poll::Ready(Some(Err(self.fail(Cause::Truncated)))),
                }
            }
            let data = self.take_data(framing);
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }

    /// Takes data of the body from what has been read; empty if that is only framing.
    fn take_data(&mut self, framing: Framing) -> Bytes {
        match framing {
            Framing::Length(left) => {
                let data = self.take_inbox(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - data.len() as u64;
                self.phase = Phase::Body(Framing::Length(left));
                if left == 0 {
                    self.end();
                }
                data
            }
            Framing::Chunked(scanner) => self.take_chunk(scanner),
            Framing::Bodyless | Framing::UntilClose | Framing::Tunnel => {
                self.take_inbox(usize::MAX)
            }
        }
    }

    /// Takes the rest of a chunk, and the framing after it. If that is malformed, the data is still
    /// yielded, and the failure follows it.
    fn take_chunk(&mut self, mut scanner: ChunkScanner) -> Bytes {
        let length = scanner.take_data(self.inbox.len());
        let data = self.take_inbox(length);
        match scanner.skip_framing(&self.inbox) {
            Ok(skipped) => {
                self.take_inbox(skipped.length);
                self.phase = Phase::Body(Framing::Chunked(scanner));
                if skipped.ended {
                    self.end();
                }
            }
            Err(why) => self.phase = Phase::Broken(why.into()),
        }
        data
    }

    /// Takes up to this many bytes of what has been read. An empty inbox keeps no memory.
    fn take_inbox(&mut self, length: usize) -> Bytes {
        match length >= self.inbox.len() {
            true => std::mem::take(&mut self.inbox),
            false => self.inbox.split_to(length),
        }
    }

    fn end_of_input(&mut self, framing: Framing) -> Option<Result<Bytes, Failure>> {
        match framing {
            Framing::UntilClose | Framing::Tunnel => {
                self.keep_alive = false;
                self.end();
                None
            }
            Framing::Bodyless | Framing::Length(_) | Framing::Chunked(_) => {
                Some(Err(self.fail(Cause::Truncated)))
            }
        }
    }

    /// Bytes from the socket; empty at its end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, io::ErrorKind>> {
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected));
        };
        let read = ready!(self.read_buffer.poll_read(socket, cx));
        Poll::Ready(match read {
            Ok(fresh) => {
                self.received += fresh.len() as u64;
                Ok(fresh)
            }
            Err(error) => Err(error.kind()),
        })
    }

    /// The message has ended. Bytes after it, or a request still being sent, end the connection.
    fn end(&mut self) {
        self.phase = Phase::Rest;
        self.complete = true;
        self.publish();
        let reusable = self.inbox.is_empty() && self.keep_alive && self.is_sent();
        self.inbox = Bytes::new();
        if !reusable {
            self.socket = None;
        }
    }

    /// The failure of an early end. A write that failed before is the cause of it.
    fn closed_early(&mut self, cause: Cause) -> Failure {
        let cause = self.write_error.map_or(cause, Cause::Write);
        self.fail(cause)
    }

    /// How long the upstream keeps the connection, if its last response said so.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }
}

/// Appends in place if `before` is not shared.
fn joined(before: Bytes, fresh: Bytes) -> Bytes {
    if before.is_empty() {
        return fresh;
    }
    let mut all = bytes::BytesMut::from(before);
    all.extend_from_slice(&fresh);
    all.freeze()
}
