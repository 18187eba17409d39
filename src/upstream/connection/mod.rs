//! One upstream connection and the exchange on it: HTTP/1.1 framing in both directions at once.
//! Knows neither the pool nor the client library.

mod request;
mod response;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::Context,
    time::Duration,
};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    failure::{Cause, Failure},
    framing::{Asked, Framing, Malformed},
    pool::PoolKey,
    progress::Progress,
    read_buffer::ReadBuffer,
    request_body::{BodyLength, RequestBody},
    socket::Socket,
    write_buffer::WriteBuffer,
};

/// How far the connection is in its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No request yet, or the response is complete.
    Rest,
    /// A request was begun; no final response head yet.
    AwaitHead,
    /// The response body.
    Body(Framing),
    /// The framing of the body is malformed after the data that was yielded last.
    Broken(Malformed),
}

/// How the rest of the request body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upload {
    Done,
    /// This many bytes of the Content-Length are still to be sent.
    Length(u64),
    Chunked,
    /// Held until 101.
    AfterSwitch,
    Tunnel,
}

/// A request as it goes on the wire.
pub struct Outgoing {
    /// The head, framing lines and empty line included.
    pub head: Bytes,
    pub asked: Asked,
    /// Shared by all attempts of one request.
    pub body: Rc<RefCell<RequestBody>>,
}

pub struct Connection {
    /// `None` once the connection is closed.
    socket: Option<Socket>,
    key: Arc<PoolKey>,
    read_buffer: ReadBuffer,
    exchanges: u32,
    phase: Phase,
    asked: Asked,
    keep_alive: bool,
    idle_timeout: Option<Duration>,
    /// Bytes read from the wire and not yet yielded.
    inbox: Bytes,
    /// A line has ended in `inbox` since it was last parsed as a head.
    line_ended: bool,
    /// The whole response has come; some of it may not be yielded yet.
    complete: bool,
    /// Bytes of the 1xx heads of this exchange.
    interim: usize,
    write_buffer: WriteBuffer,
    /// The socket may still hold bytes that it accepted: TLS has a buffer of its own.
    unflushed: bool,
    upload: Upload,
    body: Option<Rc<RefCell<RequestBody>>>,
    write_error: Option<io::ErrorKind>,
    /// Bytes of this exchange that the socket accepted.
    sent: u64,
    /// Bytes of this exchange that were received.
    received: u64,
    progress: Option<Rc<Cell<Progress>>>,
}

impl Connection {
    pub fn new(socket: Socket, key: Arc<PoolKey>, read_buffer: ReadBuffer) -> Self {
        Connection {
            socket: Some(socket),
            key,
            read_buffer,
            exchanges: 0,
            phase: Phase::Rest,
            asked: Asked::Ordinary,
            keep_alive: true,
            idle_timeout: None,
            inbox: Bytes::new(),
            line_ended: false,
            complete: false,
            interim: 0,
            write_buffer: WriteBuffer::default(),
            unflushed: false,
            upload: Upload::Done,
            body: None,
            write_error: None,
            sent: 0,
            received: 0,
            progress: None,
        }
    }

    pub fn key(&self) -> &Arc<PoolKey> {
        &self.key
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.socket, Some(Socket::Tls(_)))
    }

    /// No response is under way.
    pub fn is_at_rest(&self) -> bool {
        self.phase == Phase::Rest
    }

    /// At rest at a clean message boundary, with nothing owed in either direction.
    pub fn is_reusable(&self) -> bool {
        self.socket.is_some()
            && self.is_at_rest()
            && self.exchanges > 0
            && self.keep_alive
            && self.is_sent()
            && self.inbox.is_empty()
    }

    /// An idle connection is alive while a read would block: bytes or an end make it useless.
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

    /// Begins an exchange: the next poll sends its head.
    pub fn begin(&mut self, outgoing: Outgoing, progress: Rc<Cell<Progress>>) {
        self.exchanges += 1;
        self.phase = Phase::AwaitHead;
        self.asked = outgoing.asked;
        self.keep_alive = false;
        self.line_ended = false;
        self.complete = false;
        self.interim = 0;
        self.write_error = None;
        (self.sent, self.received) = (0, 0);
        self.write_buffer.put_head(outgoing.head);
        self.upload = match outgoing.body.borrow().length() {
            BodyLength::None => Upload::Done,
            BodyLength::Exact(0) => Upload::Done,
            BodyLength::Exact(length) => Upload::Length(length),
            BodyLength::Chunked => Upload::Chunked,
            BodyLength::Tunnel => Upload::AfterSwitch,
        };
        self.body = Some(outgoing.body);
        self.progress = Some(progress);
    }

    /// Ends the exchange, since the response is not read any more. A response that has come whole
    /// does not prevent another exchange.
    pub fn release(&mut self) {
        self.skip_complete();
        self.publish();
        (self.body, self.progress) = (None, None);
        if !self.is_reusable() {
            self.socket = None;
        }
    }

    fn is_sent(&self) -> bool {
        self.is_written() && !self.unflushed
    }

    fn is_written(&self) -> bool {
        self.write_buffer.is_empty() && matches!(self.upload, Upload::Done | Upload::AfterSwitch)
    }

    fn publish(&self) {
        if let Some(progress) = &self.progress {
            progress.set(Progress {
                upload_done: self.is_sent(),
                complete: self.complete,
            });
        }
    }

    /// The exchange has failed, and the connection with it.
    fn fail(&mut self, cause: Cause) -> Failure {
        self.publish();
        self.socket = None;
        self.inbox = Bytes::new();
        Failure {
            cause,
            reused: self.exchanges > 1,
            sent: self.sent,
            received: self.received,
        }
    }

    fn malformed(&mut self, why: Malformed) -> Failure {
        self.fail(Cause::Malformed(why))
    }
}
