//! One upstream connection and the exchange it carries: HTTP/1.1 framing, truthfully, in both directions at once.
//! awc reads the answer through it and believes that it sent the request; the head and the body on the wire are ours.

mod answer;
#[cfg(test)]
mod tests;
mod upload;

use std::{io, pin::Pin, rc::Rc, sync::Arc, task::Context, time::Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    exchange::{Exchange, Progress},
    failure::{Cause, Failure},
    framing::{Framing, Malformed},
    outbox::Outbox,
    pool::PoolKey,
    request_body::BodyLength,
    socket::Socket,
};

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
    /// A chunked body has ended; so many bytes of the empty line that ends it for awc are still to
    /// be shown.
    ShowEnd { left: usize },
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
    /// Bytes of the 1xx heads of this exchange.
    interim: usize,
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
            interim: 0,
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
            && self.is_at_end()
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
        self.interim = 0;
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

    /// Nothing of an answer is to come.
    fn is_at_end(&self) -> bool {
        matches!(self.phase, Phase::Rest | Phase::ShowEnd { .. })
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
}
