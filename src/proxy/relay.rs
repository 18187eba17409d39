//! An upstream's answer on its way down: the head made ours, the body chunk by chunk, and the way it ends. A body that breaks
//! off ends as an aborted transfer, after every byte that was received; never as a complete answer.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_http::{
    ConnectionType, Response, StatusCode,
    body::BodySize,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;

use super::{
    ReplyBody,
    caching::{Keeping, Kept},
    drive::{Held, Opened, TokenWatch, at_most},
    headers::strip_response,
    reply,
    websocket::Frames,
};
use crate::{
    cache::NoCacheReason,
    downstream::{ExchangeGuard, Expired},
    gateway::Gateway,
    observe::metrics::Outcome,
    rate_limit::Lease,
    record::Recorder,
    standing::Permit,
    upstream::{AnswerBody, Asked, RequestBody},
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const SILENT: &str = "the upstream fell silent (`timeouts.idle`)";
const NO_TOKEN: &str = "the upstream sent no token in time (`timeouts.first_token`)";
const OUT_OF_TIME: &str = "the exchange took too long (`timeouts.total`)";

/// The transfer to the client was broken off on purpose. actix-http closes the connection on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transfer was aborted")]
pub struct Aborted;

/// An answer for the client, and what of its request matters to relaying it.
pub struct Relaying {
    pub opened: Box<Opened>,
    /// Places among the requests under way.
    pub leases: Vec<Lease>,
    /// The answer is kept, if it may be.
    pub keeping: Option<Keeping>,
    /// The caller's own body, of which the target may have got an edited form.
    pub request_body: Rc<RefCell<RequestBody>>,
    pub asked: Asked,
    pub http10: bool,
    pub wants_upgrade: bool,
    pub server_timing: bool,
    pub idle: Duration,
    pub ends_at: Option<Instant>,
    /// The first token is still awaited.
    pub first_token: Option<TokenWatch>,
}

impl Relaying {
    /// The client's response: status and headers as they came, less what ends here, with our reply headers.
    pub fn begin(
        self,
        mut recorder: Recorder,
        guard: ExchangeGuard,
        gateway: &Gateway,
    ) -> Response<ReplyBody> {
        let mut leases = self.leases;
        let opened = *self.opened;
        leases.extend(opened.leases);
        let answer = opened.answer;
        let status = answer.head.status;
        let switched = status == StatusCode::SWITCHING_PROTOCOLS;
        let mut headers = answer.head.headers;
        strip_response(&mut headers, gateway.portkey, switched);
        let size = body_size(status, self.asked, &headers);
        let kept = match self.keeping.map(|it| it.begin(status, &headers)) {
            None => None,
            Some(Ok(kept)) => Some(Box::new(kept)),
            Some(Err(reason)) => {
                recorder.note_not_kept(reason);
                None
            }
        };
        if self.server_timing {
            headers.append(SERVER_TIMING, timing(&recorder));
        }
        reply::trace(&mut headers, recorder.trace_id().clone());
        reply::describe(&mut headers, &recorder);
        recorder.note_bytes_in(self.request_body.borrow().bytes_read());
        let close_delimited =
            size == BodySize::Stream && !switched && (self.http10 || self.wants_upgrade);
        let relay = Relay {
            state: match size {
                BodySize::None => State::Bodyless,
                _ if self.asked == Asked::Head => State::Bodyless,
                _ => State::Flowing,
            },
            held: opened.held,
            body: answer.body,
            request_body: self.request_body,
            sent_body: opened.body,
            size,
            idle: self.idle,
            ends_at: self.ends_at,
            first_token: self.first_token,
            permit: opened.permit,
            _leases: leases,
            kept,
            close_delimited,
            says_close: guard.link().is_closing(),
            uploaded: 0,
            frames: switched.then(Frames::default),
            recorder: Some(recorder),
            guard,
        };
        relay.restart_idle();
        let mut response = Response::with_body(status, ReplyBody::Relay(Box::new(relay)));
        *response.headers_mut() = headers;
        frame(&mut response, switched, close_delimited);
        if self.wants_upgrade && !switched {
            // actix-http reads what follows a handshake as a stream without end: the connection cannot go on.
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
        }
        response
    }
}

/// How the body's end is told downstream, beyond what [`BodySize`] says.
fn frame(response: &mut Response<ReplyBody>, switched: bool, close_delimited: bool) {
    let head = response.head_mut();
    if switched {
        head.set_connection_type(ConnectionType::Upgrade);
    } else if close_delimited {
        // HTTP/1.0 knows no chunks, and actix-http writes none after a handshake: the close tells the end.
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
}

/// The upstream's length stays a length; an unknown one is chunked. HEAD keeps the length it was told (RFC 9110 §9.3.2).
fn body_size(status: StatusCode, asked: Asked, headers: &HeaderMap) -> BodySize {
    let length = || {
        headers
            .get(header::CONTENT_LENGTH)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => BodySize::None,
        _ => match (length(), asked) {
            (Some(length), _) => BodySize::Sized(length),
            (None, Asked::Head) => BodySize::None,
            (None, Asked::Ordinary | Asked::Upgrade) => BodySize::Stream,
        },
    }
}

/// `server-timing` (W3C): the wait for the upstream's head.
fn timing(recorder: &Recorder) -> HeaderValue {
    let upstream = recorder.elapsed().as_secs_f64() * 1e3;
    HeaderValue::from_str(&format!("upstream;dur={upstream:.3}"))
        .unwrap_or_else(|_| HeaderValue::from_static("upstream"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    /// There is nothing to send: HEAD, 204, 304.
    Bodyless,
    /// The transfer breaks off once everything received has reached the kernel, after this many flushes.
    Aborting {
        after_flush: u64,
    },
    Over,
}

/// A body under way.
pub struct Relay {
    held: Held,
    body: AnswerBody,
    request_body: Rc<RefCell<RequestBody>>,
    /// What the upstream gets: the caller's body, or an edited copy.
    sent_body: Rc<RefCell<RequestBody>>,
    size: BodySize,
    state: State,
    idle: Duration,
    ends_at: Option<Instant>,
    first_token: Option<TokenWatch>,
    /// A body cut short counts against the target.
    permit: Option<Permit>,
    _leases: Vec<Lease>,
    kept: Option<Box<Kept>>,
    /// The close of the connection tells the client the end; a reset tells it of an abort.
    close_delimited: bool,
    /// The head said `connection: close`, because the gateway drains.
    says_close: bool,
    /// Bytes of the client's that had come at the last look.
    uploaded: u64,
    /// Follows a WebSocket's frames, to close it between two of them when the gateway drains.
    frames: Option<Frames>,
    recorder: Option<Recorder>,
    guard: ExchangeGuard,
}

impl Relay {
    pub fn size(&self) -> BodySize {
        self.size
    }

    /// The next bytes for the client.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        match self.state {
            State::Flowing => {}
            State::Aborting { after_flush } => return self.poll_abort(after_flush),
            State::Bodyless => return self.complete(),
            State::Over => return Poll::Ready(None),
        }
        if self.ends_at.is_some_and(|end| Instant::now() >= end) {
            return self.abort(Outcome::truncated, OUT_OF_TIME.to_owned(), cx);
        }
        if let Some(close) = self.going_away() {
            return Poll::Ready(Some(Ok(close)));
        }
        match self.held.poll_chunk(&mut self.body, cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.pass(&chunk);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(failure))) => {
                // A client that leaves in the middle of its upload fails that, too.
                let outcome = match self.guard.link().is_gone() {
                    true => Outcome::client_gone,
                    false => {
                        self.blame();
                        Outcome::truncated
                    }
                };
                self.abort(outcome, failure.to_string(), cx)
            }
            Poll::Ready(None) => self.complete(),
            Poll::Pending => self.poll_watch(cx),
        }
    }

    fn pass(&mut self, chunk: &Bytes) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note_bytes_out(chunk.len());
        }
        if let Some(frames) = &mut self.frames {
            frames.feed(chunk);
        }
        if let Some(Err(reason)) = self.kept.as_mut().map(|kept| kept.feed(chunk)) {
            self.kept = None;
            self.note_not_kept(reason);
        }
        if self
            .first_token
            .as_mut()
            .is_some_and(|watch| watch.is_over(chunk))
        {
            self.first_token = None;
        }
        self.restart_idle();
    }

    fn note_not_kept(&mut self, reason: NoCacheReason) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note_not_kept(reason);
        }
    }

    fn restart_idle(&self) {
        let limit = at_most(self.idle, self.ends_at);
        self.guard.link().set_deadline(Some(limit));
    }

    /// Nothing has come from upstream: look at the timers.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        if let Some(watch) = &mut self.first_token
            && watch.poll_expired(cx).is_ready()
        {
            self.blame();
            return self.abort(Outcome::truncated, NO_TOKEN.to_owned(), cx);
        }
        let uploaded = self.request_body.borrow().bytes_read();
        let waiting = self.sent_body.borrow().is_waiting();
        let link = self.guard.link();
        if self.frames.is_none() {
            link.await_body(waiting && !self.body.progress().upload_done);
        } else if uploaded != self.uploaded {
            self.uploaded = uploaded;
            self.restart_idle();
        }
        let (outcome, detail) = match link.expired() {
            None => return Poll::Pending,
            Some(Expired::Deadline) => {
                self.blame();
                (Outcome::truncated, SILENT)
            }
            Some(Expired::BodyIdle) => (Outcome::client_gone, "the request body stalled"),
            Some(Expired::ClientGone | Expired::Head | Expired::WriteStall | Expired::Lingered) => {
                (Outcome::client_gone, "the client left or stopped reading")
            }
        };
        self.abort(outcome, detail.to_owned(), cx)
    }

    /// The upstream is at fault.
    fn blame(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.fail();
        }
    }

    fn complete(&mut self) -> Poll<Option<Result<Bytes, Aborted>>> {
        let outcome = match self.frames {
            Some(_) => Outcome::tunnelled,
            None => Outcome::relayed,
        };
        if self.close_delimited || self.frames.is_some() {
            self.guard.link().finish();
        }
        if let Some(Err(reason)) = self.kept.take().map(|kept| kept.finish()) {
            self.note_not_kept(reason);
        }
        self.close(outcome, None);
        self.state = State::Over;
        Poll::Ready(None)
    }

    /// actix-http throws away what it has not flushed when a body fails, so the failure waits for the flush.
    fn abort(
        &mut self,
        outcome: Outcome,
        detail: String,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        if self.kept.take().is_some() {
            self.note_not_kept(NoCacheReason::Truncated);
        }
        self.close(outcome, Some(detail));
        let link = self.guard.link();
        self.state = State::Aborting {
            after_flush: link.flushes(),
        };
        link.settle();
        link.wake_after_flush();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_abort(&mut self, after_flush: u64) -> Poll<Option<Result<Bytes, Aborted>>> {
        let link = self.guard.link();
        if link.flushes() == after_flush {
            link.wake_after_flush();
            return Poll::Pending;
        }
        self.reset_if_ambiguous();
        self.state = State::Over;
        Poll::Ready(Some(Err(Aborted)))
    }

    /// Where the connection's end could be taken for the body's, an abort is a reset. Node's `fetch` takes it so even for
    /// chunks, when the head said `connection: close`.
    fn reset_if_ambiguous(&self) {
        let announced = self.says_close && self.size == BodySize::Stream;
        if self.close_delimited || announced {
            self.guard.link().reset_on_close();
        }
    }

    fn close(&mut self, outcome: Outcome, detail: Option<String>) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.note_bytes_in(self.request_body.borrow().bytes_read());
            if let Some(detail) = detail {
                recorder.note_detail(detail);
            }
            recorder.close(outcome);
        }
    }

    /// A WebSocket of a draining gateway is told so (close code 1001, RFC 6455 §7.4.1), between two frames.
    fn going_away(&mut self) -> Option<Bytes> {
        let frames = self.frames.as_mut()?;
        if !self.guard.link().is_closing() || !frames.at_boundary() {
            return None;
        }
        self.guard.link().finish();
        self.close(Outcome::tunnelled, None);
        self.state = State::Over;
        Some(Frames::going_away())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.state == State::Over {
            return;
        }
        let link = self.guard.link();
        let outcome = if matches!(self.size, BodySize::None | BodySize::Sized(0)) {
            // actix-http does not ask for a body of no bytes.
            Outcome::relayed
        } else if self.frames.as_ref().is_some_and(Frames::is_closed) {
            // After the server's close frame either side may be the first to close.
            Outcome::tunnelled
        } else if link.is_closing() && !link.is_gone() {
            // The drain budget ran out.
            Outcome::aborted
        } else {
            Outcome::client_gone
        };
        self.reset_if_ambiguous();
        self.close(outcome, None);
    }
}
