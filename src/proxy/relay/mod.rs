//! An upstream's response on its way down: the head made ours, the body chunk by chunk, and the way
//! it ends. A body that breaks off ends as an aborted transfer, after every byte that was received;
//! never as a complete response.

mod begin;
mod completion;
mod hit;
mod own;
mod read_on;
mod reply_body;
pub mod reply_headers;
mod websocket;

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_http::body::BodySize;
use bytes::Bytes;

use self::completion::StreamCompletion;
use self::websocket::Frames;
pub use self::{
    begin::begin,
    own::{own, refuse},
    reply_body::ReplyBody,
};
use super::{
    clock,
    exchange::Exchange,
    send::{OpenResponse, at_most},
};
use crate::{
    cache::coalesce::{Broken, Follower},
    dialect::{FirstEvent, Verdict},
    downstream::AbortReason,
    gateway::Beginning,
    observe::metrics::Outcome,
    record::{CutReason, Recorder},
    upstream::Asked,
};

/// The gateway aborted the transfer; actix-http then closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transfer was aborted")]
pub struct Aborted;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    /// There is nothing to send: HEAD, 204, 304.
    Bodyless,
    /// The transfer breaks off once everything received has reached the kernel, after this many
    /// flushes.
    Aborting {
        after_flush: u64,
    },
    Over,
}

impl State {
    fn first(size: BodySize, asked: Asked) -> Self {
        match (size, asked) {
            (BodySize::None, _) | (_, Asked::Head) => State::Bodyless,
            (_, Asked::Ordinary | Asked::Upgrade) => State::Flowing,
        }
    }
}

/// Where the body comes from.
enum Source {
    Upstream(Box<OpenResponse>),
    /// Read once from upstream for all equal requests.
    Shared(Follower<Beginning>),
    /// All of it is there.
    Whole(Option<Bytes>),
}

/// A body under way.
pub struct Relay {
    source: Source,
    size: BodySize,
    state: State,
    idle: Duration,
    ends_at: Option<Instant>,
    /// The close of the connection tells the client the end; a reset tells it of an abort.
    close_delimited: bool,
    /// The head said `connection: close`, because the gateway drains.
    says_close: bool,
    /// Bytes of the client's that had come at the last look.
    uploaded: u64,
    /// Follows a WebSocket's frames, to close it between two of them when the gateway drains.
    frames: Option<Frames>,
    ending: StreamCompletion,
    /// Looks for a stream's first token, for the record.
    first_token: Option<Box<FirstEvent>>,
    exchange: Exchange,
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
            State::Bodyless => return self.complete(cx),
            State::Over => return Poll::Ready(None),
        }
        if self.ends_at.is_some_and(|end| clock::now() >= end) {
            return self.abort(Outcome::Truncated, CutReason::OutOfTime, cx);
        }
        if self.ending.is_withheld() {
            return self.break_off_unfinished(cx);
        }
        if let Some(close) = self.going_away() {
            return Poll::Ready(Some(Ok(close)));
        }
        self.poll_source(cx)
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        match &mut self.source {
            Source::Upstream(incoming) => match incoming.poll_chunk(cx) {
                Poll::Ready(Some(Ok(chunk))) => self.pass(chunk, cx),
                Poll::Ready(Some(Err(failure))) => {
                    self.broke_off(CutReason::UpstreamBrokeOff(failure.to_string()), cx)
                }
                Poll::Ready(None) => self.complete(cx),
                Poll::Pending => self.poll_watch(cx),
            },
            Source::Shared(reader) => match reader.poll_chunk(cx) {
                Poll::Ready(Some(Ok(chunk))) => self.pass(chunk, cx),
                Poll::Ready(Some(Err(broken))) => {
                    let outcome = match broken {
                        Broken::Upstream(_) => Outcome::Truncated,
                        Broken::Abandoned | Broken::LeftBehind => Outcome::Aborted,
                    };
                    self.abort(outcome, broken.into(), cx)
                }
                Poll::Ready(None) => self.complete(cx),
                Poll::Pending => self.poll_client(cx),
            },
            Source::Whole(body) => match body.take() {
                Some(body) => self.pass(body, cx),
                None => self.complete(cx),
            },
        }
    }

    fn pass(&mut self, chunk: Bytes, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        let chunk = self.ending.pass(chunk);
        if chunk.is_empty() && self.ending.is_withheld() {
            return self.break_off_unfinished(cx);
        }
        self.look_for_first_token(&chunk);
        self.exchange.notes.recorder.note_bytes_out(&chunk);
        if let Some(frames) = &mut self.frames {
            frames.feed(&chunk);
        }
        self.restart_idle();
        Poll::Ready(Some(Ok(chunk)))
    }

    fn look_for_first_token(&mut self, chunk: &[u8]) {
        match self.first_token.as_mut().map(|it| it.feed(chunk)) {
            Some(Verdict::Undecided) | None => return,
            Some(Verdict::Begun) => self.exchange.notes.recorder.note_first_token(),
            Some(Verdict::Refused(_)) => {}
        }
        self.first_token = None;
    }

    fn broke_off(
        &mut self,
        reason: CutReason,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        // A client that leaves in the middle of its upload fails that, too.
        let outcome = match self.exchange.connection().is_gone() {
            true => Outcome::ClientGone,
            false => {
                self.note_fault(OpenResponse::note_broken_off);
                Outcome::Truncated
            }
        };
        self.abort(outcome, reason, cx)
    }

    fn restart_idle(&self) {
        let limit = match self.source {
            Source::Upstream(_) => Some(at_most(self.idle, self.ends_at)),
            Source::Shared(_) | Source::Whole(_) => None,
        };
        self.exchange.connection().set_deadline(limit);
    }

    /// Nothing has come from upstream: checks the timers.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        if let Source::Upstream(incoming) = &mut self.source {
            if incoming.poll_no_token(cx).is_ready() {
                incoming.note_no_token();
                return self.abort(Outcome::Truncated, CutReason::NoToken, cx);
            }
            let uploaded = self.exchange.body.borrow().bytes_read();
            if self.frames.is_none() {
                self.exchange
                    .connection()
                    .await_body(incoming.awaits_upload());
            } else if uploaded != self.uploaded {
                self.uploaded = uploaded;
                self.restart_idle();
            }
        }
        self.poll_client(cx)
    }

    /// Nothing has come: checks whether the client or a deadline ended the wait.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        let (outcome, reason) = match self.exchange.connection().expired() {
            None => return Poll::Pending,
            Some(AbortReason::Deadline) => {
                self.note_fault(OpenResponse::note_silence);
                (Outcome::Truncated, CutReason::UpstreamSilent)
            }
            Some(AbortReason::BodyIdle) => (Outcome::ClientGone, CutReason::RequestBodyStalled),
            Some(AbortReason::BodyMalformed(_)) => {
                (Outcome::ClientGone, CutReason::RequestBodyMalformed)
            }
            Some(
                AbortReason::ClientGone
                | AbortReason::Head
                | AbortReason::HeadMemory
                | AbortReason::WriteStall
                | AbortReason::Lingered,
            ) => (Outcome::ClientGone, CutReason::ClientLeft),
        };
        self.abort(outcome, reason, cx)
    }

    /// Notes against the target that its body ended early.
    fn note_fault(&mut self, note: impl FnOnce(&mut OpenResponse)) {
        if let Source::Upstream(incoming) = &mut self.source {
            note(incoming);
        }
    }

    /// The stream's own end is missing, and the client is told by the transfer's.
    fn break_off_unfinished(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        self.note_fault(OpenResponse::note_broken_off);
        self.abort(Outcome::Truncated, CutReason::UnfinishedStrictly, cx)
    }

    fn complete(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        if self.ending.breaks_off() {
            return self.break_off_unfinished(cx);
        }
        let (outcome, reason) = match self.frames {
            Some(_) => (Outcome::Tunnelled, None),
            None if self.ending.is_unfinished() => {
                (Outcome::Unfinished, Some(CutReason::Unfinished))
            }
            None => (Outcome::Relayed, None),
        };
        if self.close_delimited || self.frames.is_some() {
            self.exchange.connection().finish();
        }
        self.close(outcome, reason);
        self.state = State::Over;
        Poll::Ready(None)
    }

    /// actix-http throws away what it has not flushed when a body fails, so the failure waits for
    /// the flush.
    fn abort(
        &mut self,
        outcome: Outcome,
        reason: CutReason,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        self.close(outcome, Some(reason));
        let connection = self.exchange.connection();
        self.state = State::Aborting {
            after_flush: connection.flushes(),
        };
        connection.settle();
        connection.wake_after_flush();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_abort(&mut self, after_flush: u64) -> Poll<Option<Result<Bytes, Aborted>>> {
        let connection = self.exchange.connection();
        if connection.flushes() == after_flush {
            connection.wake_after_flush();
            return Poll::Pending;
        }
        self.reset_if_ambiguous();
        self.state = State::Over;
        Poll::Ready(Some(Err(Aborted)))
    }

    /// Where the connection's end could be taken for the body's, an abort is a reset. Node's
    /// `fetch` takes it so even for chunks, when the head said `connection: close`.
    fn reset_if_ambiguous(&self) {
        let announced = self.says_close && self.size == BodySize::Stream;
        if self.close_delimited || announced {
            self.exchange.connection().reset_on_close();
        }
    }

    fn close(&mut self, outcome: Outcome, reason: Option<CutReason>) {
        let recorder = &mut self.exchange.notes.recorder;
        if let Source::Shared(reader) = &self.source
            && let Some(reason) = reader.refused()
        {
            recorder.note_not_kept(reason);
        }
        if let Some(reason) = reason {
            recorder.note_cut(reason);
        }
        if outcome == Outcome::ClientGone
            && let Source::Shared(reader) = &self.source
            && read_on::begin(reader, &mut self.exchange)
        {
            return;
        }
        self.exchange.notes.recorder.close(outcome);
    }

    /// A WebSocket of a draining gateway is told so (close code 1001, RFC 6455 §7.4.1), between two
    /// frames.
    fn going_away(&mut self) -> Option<Bytes> {
        let frames = self.frames.as_mut()?;
        if !self.exchange.connection().is_closing() || !frames.at_boundary() {
            return None;
        }
        self.exchange.connection().finish();
        self.close(Outcome::Tunnelled, None);
        self.state = State::Over;
        Some(Frames::going_away())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.state == State::Over {
            return;
        }
        let connection = self.exchange.connection();
        let outcome = if matches!(self.size, BodySize::None | BodySize::Sized(0)) {
            // actix-http does not ask for a body of no bytes.
            match self.ending.is_unfinished() {
                true => Outcome::Unfinished,
                false => Outcome::Relayed,
            }
        } else if self.frames.as_ref().is_some_and(Frames::is_closed) {
            // After the server's close frame either side may be the first to close.
            Outcome::Tunnelled
        } else {
            Recorder::dropped(connection)
        };
        self.reset_if_ambiguous();
        let reason = (outcome == Outcome::Aborted).then_some(CutReason::DrainBudget);
        self.close(outcome, reason);
    }
}
