//! One upstream connection and the exchange it carries: HTTP/1.1 framing, truthfully, in both directions at once.
//! awc reads the answer through it and believes that it sent the request; the head and the body on the wire are ours.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    exchange::{Exchange, Progress},
    failure::{Cause, Failure},
    framing::{self, Asked, Framing, Head, Malformed},
    outbox::Outbox,
    pool::PoolKey,
    request_body::BodyLength,
    socket::Socket,
};

/// Room asked for when a head does not fit what was read first.
const HEAD_READ: usize = 8 * 1024;

/// Where the connection stands in its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No request yet, or the answer is complete.
    Rest,
    /// A request was begun; no final response head yet.
    AwaitHead,
    /// A final head is complete in `inbox`; so many bytes of it are still to be shown.
    ShowHead { left: usize, then: Framing },
    /// The response body.
    Body(Framing),
}

/// How the rest of the request body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upload {
    Done,
    /// So many bytes are owed to the Content-Length.
    Length(u64),
    Chunked,
    /// Held until 101.
    AfterSwitch,
    Tunnel,
}

pub struct Connection {
    socket: Option<Socket>,
    key: Arc<PoolKey>,
    exchanges: u32,
    idle_since: Instant,
    phase: Phase,
    keep_alive: bool,
    /// Bytes read from the wire and not yet shown to awc.
    inbox: BytesMut,
    outbox: Outbox,
    /// Bytes the socket took may still rest in it: TLS has a buffer of its own.
    unflushed: bool,
    upload: Upload,
    write_error: Option<io::ErrorKind>,
    progress: Progress,
    exchange: Option<Rc<Exchange>>,
}

impl Connection {
    pub fn new(socket: Socket, key: Arc<PoolKey>) -> Self {
        Connection {
            socket: Some(socket),
            key,
            exchanges: 0,
            idle_since: Instant::now(),
            phase: Phase::Rest,
            keep_alive: true,
            inbox: BytesMut::new(),
            outbox: Outbox::default(),
            unflushed: false,
            upload: Upload::Done,
            write_error: None,
            progress: Progress::default(),
            exchange: None,
        }
    }

    pub fn key(&self) -> &Arc<PoolKey> {
        &self.key
    }

    pub fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// At rest at a clean message boundary, with nothing owed in either direction.
    pub fn is_reusable(&self) -> bool {
        self.socket.is_some()
            && self.phase == Phase::Rest
            && self.exchanges > 0
            && self.keep_alive
            && self.is_sent()
            && self.inbox.is_empty()
    }

    /// An idle connection is alive while a read of it would block; bytes or an end make it useless.
    pub fn is_alive(&mut self, ask_kernel: bool, cx: &mut Context<'_>) -> bool {
        let mut byte = [0; 1];
        let Some(socket) = &mut self.socket else {
            return false;
        };
        (!ask_kernel || socket.is_quiet())
            && Pin::new(socket)
                .poll_read(cx, &mut ReadBuf::new(&mut byte))
                .is_pending()
    }

    /// Begins an exchange: the next flush sends its head.
    pub fn begin(&mut self, exchange: Rc<Exchange>) {
        self.exchanges += 1;
        self.phase = Phase::AwaitHead;
        self.keep_alive = false;
        self.write_error = None;
        self.progress = Progress {
            reused: self.exchanges > 1,
            ..Progress::default()
        };
        self.outbox.put_head(exchange.head.clone());
        self.upload = match exchange.body.borrow().length() {
            BodyLength::None => Upload::Done,
            BodyLength::Exact(0) => Upload::Done,
            BodyLength::Exact(length) => Upload::Length(length),
            BodyLength::Chunked => Upload::Chunked,
            BodyLength::Tunnel => Upload::AfterSwitch,
        };
        self.exchange = Some(exchange);
    }

    /// Ends the exchange from outside: nobody reads the answer any more.
    pub fn release(&mut self) {
        self.publish();
        self.exchange = None;
        if !self.is_reusable() {
            self.socket = None;
        }
    }

    fn is_sent(&self) -> bool {
        self.is_written() && !self.unflushed
    }

    fn is_written(&self) -> bool {
        self.outbox.is_empty() && matches!(self.upload, Upload::Done | Upload::AfterSwitch)
    }

    fn publish(&mut self) {
        self.progress.upload_done = self.is_sent();
        if let Some(exchange) = &self.exchange {
            exchange.set_progress(self.progress);
        }
    }

    /// Records the failure for the caller and gives awc an error of the same kind.
    fn fail(&mut self, cause: Cause) -> io::Error {
        let kind = match &cause {
            Cause::Write(kind) | Cause::Read(kind) => *kind,
            Cause::Malformed(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::UnexpectedEof,
        };
        self.publish();
        if let Some(exchange) = &self.exchange {
            exchange.set_failure(Failure {
                cause,
                reused: self.progress.reused,
                sent: self.progress.sent,
                received: self.progress.received,
            });
        }
        self.socket = None;
        self.inbox.clear();
        io::Error::new(kind, "upstream exchange failed")
    }

    fn malformed(&mut self, why: Malformed) -> io::Error {
        self.fail(Cause::Malformed(why))
    }

    // ---- up: the request ----------------------------------------------------------------------------------------

    /// Sends what can be sent now. Never pending: awc reads only after it, and the rest is sent while it reads.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.poll_upload(cx))
    }

    /// Moves the request on, as far as caller and socket allow. A write that fails does not end the exchange, since the
    /// answer may be here already; a caller's body that fails does.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.is_sent() {
            return Ok(());
        }
        match self.pump(cx) {
            Ok(()) => {}
            Err(Cause::Write(kind)) => {
                self.write_error = Some(kind);
                self.upload = Upload::Done;
                self.outbox.clear();
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
            let starved = self.outbox.takes_chunk() && !self.fill(cx)?;
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
        let before = self.progress.sent;
        let drained = self.outbox.poll_drain(socket, &mut self.progress.sent, cx);
        self.unflushed |= self.progress.sent != before;
        match drained {
            Poll::Ready(Err(error)) => Err(Cause::Write(error.kind())),
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// A TLS socket may hold bytes back until it is flushed, and its flush may have to wait for the peer to read.
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

    /// Puts the body's next chunk into the outbox; false when the caller has none to give now.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<bool, Cause> {
        if matches!(self.upload, Upload::Done | Upload::AfterSwitch) {
            return Ok(true);
        }
        let Some(exchange) = &self.exchange else {
            return Err(Cause::RequestBody);
        };
        let next = exchange.body.borrow_mut().poll_chunk(cx);
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
                self.outbox.put_plain(chunk);
            }
            (Poll::Ready(Some(Ok(chunk))), Upload::Chunked) => self.outbox.put_chunk(chunk),
            (Poll::Ready(Some(Ok(chunk))), _) => self.outbox.put_plain(chunk),
            (Poll::Ready(None), Upload::Chunked) => {
                self.outbox.put_last_chunk();
                self.upload = Upload::Done;
            }
            (Poll::Ready(None), Upload::Length(_)) | (Poll::Ready(Some(Err(_))), _) => {
                return Err(Cause::RequestBody);
            }
            (Poll::Ready(None), _) => self.upload = Upload::Done,
        }
        Ok(true)
    }

    // ---- down: the response -------------------------------------------------------------------------------------

    /// Shows awc the next bytes of the answer; an empty read says that the message is over.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.phase != Phase::Rest {
            self.poll_upload(cx)?;
        }
        let result = self.poll_answer(cx, buf);
        self.publish();
        result
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.phase {
                Phase::Rest => return Poll::Ready(Ok(())),
                Phase::AwaitHead if self.inbox.is_empty() => {
                    if ready!(self.poll_head_in_place(cx, buf))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::AwaitHead => ready!(self.poll_rest_of_head(cx))?,
                Phase::ShowHead { left, then } => {
                    let shown = left.min(buf.remaining());
                    buf.put_slice(&self.inbox.split_to(shown));
                    match left - shown {
                        0 => self.enter_body(then, !self.inbox.is_empty()),
                        left => self.phase = Phase::ShowHead { left, then },
                    }
                    return Poll::Ready(Ok(()));
                }
                Phase::Body(framing) if !self.inbox.is_empty() => {
                    let room = self.inbox.len().min(buf.remaining());
                    let bytes = self.inbox.split_to(room);
                    let used = self.account_or_break_off(framing, &bytes);
                    buf.put_slice(&bytes[..used]);
                    self.drop_empty_inbox();
                    return Poll::Ready(Ok(()));
                }
                Phase::Body(framing) => return self.poll_body(framing, cx, buf),
            }
        }
    }

    /// The common case: a whole final head arrives in one read, straight into awc's buffer. False when the slow path
    /// has to take over.
    fn poll_head_in_place(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let start = buf.filled().len();
        if ready!(self.poll_socket(cx, buf))? == 0 {
            return Poll::Ready(Err(self.fail(self.closed_early(Cause::ClosedBeforeHead))));
        }
        let fresh = &buf.filled()[start..];
        let head = match framing::read_head(fresh, self.asked()) {
            Ok(head) => head,
            Err(why) => return Poll::Ready(Err(self.malformed(why))),
        };
        match head {
            Some(head) if is_final(&head) => {
                framing::adapt_for_awc(&mut buf.filled_mut()[start..], &head);
                self.keep_alive = head.keep_alive && self.write_error.is_none();
                let body = &buf.filled()[start + head.len..];
                self.enter_body(head.framing, !body.is_empty());
                let used = match self.phase {
                    Phase::Body(framing) => self.account(framing, body)?,
                    _ => 0,
                };
                buf.set_filled(start + head.len + used);
                Poll::Ready(Ok(true))
            }
            _ => {
                self.inbox.extend_from_slice(fresh);
                buf.set_filled(start);
                self.read_inbox_heads()?;
                Poll::Ready(Ok(false))
            }
        }
    }

    /// Collects a head that did not come whole, or came behind a 1xx.
    fn poll_rest_of_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inbox.reserve(HEAD_READ);
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(self.fail(Cause::Read(io::ErrorKind::NotConnected))));
        };
        let read = tokio_util::io::poll_read_buf(Pin::new(socket), cx, &mut self.inbox);
        match ready!(read) {
            Ok(0) => Poll::Ready(Err(self.fail(self.closed_early(Cause::ClosedInHead)))),
            Ok(count) => {
                self.progress.received += count as u64;
                Poll::Ready(self.read_inbox_heads())
            }
            Err(error) => Poll::Ready(Err(self.fail(Cause::Read(error.kind())))),
        }
    }

    /// Swallows 1xx heads (RFC 9110 §15.2) and stops at a final one.
    fn read_inbox_heads(&mut self) -> io::Result<()> {
        loop {
            match framing::read_head(&self.inbox, self.asked()) {
                Err(why) => return Err(self.malformed(why)),
                Ok(None) => return Ok(()),
                Ok(Some(head)) if !is_final(&head) => self.inbox.advance(head.len),
                Ok(Some(head)) => {
                    self.show(head);
                    return Ok(());
                }
            }
        }
    }

    fn show(&mut self, head: Head) {
        framing::adapt_for_awc(&mut self.inbox, &head);
        self.keep_alive = head.keep_alive && self.write_error.is_none();
        self.phase = Phase::ShowHead {
            left: head.len,
            then: head.framing,
        };
    }

    /// The head has been shown; a head without a body ends the message. `more` bytes may have come behind it.
    fn enter_body(&mut self, framing: Framing, more: bool) {
        if let Some(exchange) = &self.exchange {
            exchange.body.borrow_mut().forget();
        }
        self.drop_empty_inbox();
        if framing == Framing::Bodyless {
            return self.end(more);
        }
        self.phase = Phase::Body(framing);
        if framing == Framing::Tunnel && self.upload == Upload::AfterSwitch {
            self.upload = Upload::Tunnel;
        }
    }

    /// Gives back the memory of a head that did not come in one piece: streams are long, and many.
    fn drop_empty_inbox(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }

    fn poll_body(
        &mut self,
        framing: Framing,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        if ready!(self.poll_socket(cx, buf))? == 0 {
            return Poll::Ready(match framing {
                Framing::UntilClose | Framing::Tunnel => {
                    self.end(true);
                    Ok(())
                }
                _ => Err(self.fail(Cause::Truncated)),
            });
        }
        let used = self.account_or_break_off(framing, &buf.filled()[start..]);
        buf.set_filled(start + used);
        Poll::Ready(Ok(()))
    }

    /// Reads into `buf`; the number of bytes read.
    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let start = buf.filled().len();
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(self.fail(Cause::Read(io::ErrorKind::NotConnected))));
        };
        match ready!(Pin::new(socket).poll_read(cx, buf)) {
            Ok(()) => {
                let count = buf.filled().len() - start;
                self.progress.received += count as u64;
                Poll::Ready(Ok(count))
            }
            Err(error) => {
                let cause = match self.phase {
                    Phase::Body(_) => Cause::Truncated,
                    _ => self.closed_early(Cause::Read(error.kind())),
                };
                Poll::Ready(Err(self.fail(cause)))
            }
        }
    }

    /// Like [`account`](Self::account), for bytes behind a head that is on its way to the client: what came before a broken
    /// chunk still counts. awc's decoder hands it on, stops at the same byte, and the failure is recorded by then.
    fn account_or_break_off(&mut self, framing: Framing, bytes: &[u8]) -> usize {
        self.account(framing, bytes).unwrap_or(bytes.len())
    }

    /// Accounts for body bytes; the number of them that belong to this message.
    fn account(&mut self, framing: Framing, bytes: &[u8]) -> io::Result<usize> {
        let (framing, used, ended) = match framing {
            Framing::Length(left) => {
                let used = left.min(bytes.len() as u64);
                (Framing::Length(left - used), used as usize, left == used)
            }
            Framing::Chunked(mut scanner) => match scanner.feed(bytes) {
                Ok((used, ended)) => (Framing::Chunked(scanner), used, ended),
                Err(why) => return Err(self.malformed(why)),
            },
            framing => (framing, bytes.len(), false),
        };
        self.phase = Phase::Body(framing);
        if ended {
            self.end(used < bytes.len());
        }
        Ok(used)
    }

    /// The message is over. Bytes after it, or a request still being sent, end the connection with it.
    fn end(&mut self, surplus: bool) {
        self.phase = Phase::Rest;
        self.idle_since = Instant::now();
        self.progress.complete = true;
        self.publish();
        if surplus || !self.inbox.is_empty() || !self.keep_alive || !self.is_sent() {
            self.inbox.clear();
            self.socket = None;
        }
    }

    fn asked(&self) -> Asked {
        self.exchange
            .as_ref()
            .map_or(Asked::Ordinary, |exchange| exchange.asked)
    }

    /// Of a failed write and the end that followed it, the write came first.
    fn closed_early(&self, cause: Cause) -> Cause {
        self.write_error.map_or(cause, Cause::Write)
    }
}

fn is_final(head: &Head) -> bool {
    head.status >= 200 || head.status == 101
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
