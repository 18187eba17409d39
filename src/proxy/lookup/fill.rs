//! Reads a response's body from upstream for as long as any client reads it: the client that began
//! it may have left, or be slower than the others.

use std::{
    future::{Future as _, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use actix_http::body::BodySize;
use bytes::Bytes;
use tokio::time::{Sleep, sleep_until};

use super::store::StoringResponse;
use crate::{
    cache::{NoCacheReason, coalesce::Follower},
    downstream::ClientConnection,
    gateway::Beginning,
    proxy::{clock, send::OpenResponse},
    record::CutReason,
    upstream::Failure,
};

/// How the body gets to the client.
pub enum FillStart {
    /// All of it has come; with the reason if it is not stored.
    Whole(Bytes, Option<NoCacheReason>),
    /// Shared: this request's client is one of its readers.
    Shared(Follower<Beginning>),
    /// To this client alone. Nothing is stored.
    Alone(Box<OpenResponse>, NoCacheReason),
}

/// How long a body may take.
#[derive(Clone, Copy)]
pub struct BodyTimes {
    /// Between two chunks.
    pub idle: Duration,
    pub ends_at: Option<Instant>,
}

/// Bytes that are taken in one go.
const AT_ONCE: usize = 64 * 1024;

/// A body on its way from upstream to all its readers.
pub struct Fill {
    incoming: Box<OpenResponse>,
    storing: StoringResponse,
    /// The body is over, well or not.
    ended: Option<Result<(), String>>,
    times: BodyTimes,
    last: Instant,
    /// The readers are too far behind.
    paused: bool,
    /// Runs out when it may have been silent, or may have taken, for too long.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Which timer has run out.
enum Late {
    Silent,
    OutOfTime,
}

/// What of a body was there with its head.
enum Gathered {
    Whole(Bytes),
    Part(Vec<Bytes>),
    Broken(Vec<Bytes>, Failure),
}

impl Fill {
    /// Takes at once what is there, which is often all, and the rest in a task of its own, for
    /// which `connection` keeps its worker.
    pub fn start(
        mut storing: StoringResponse,
        mut incoming: Box<OpenResponse>,
        times: BodyTimes,
        connection: &Rc<ClientConnection>,
    ) -> FillStart {
        let (chunks, end) = match gather(&mut incoming, storing.head.size) {
            Gathered::Whole(body) if storing.is_quick(&body) => {
                storing.watch.feed(&body);
                let refused = storing.finish_at_once(&body);
                return FillStart::Whole(body, refused);
            }
            Gathered::Whole(body) => (vec![body], Some(Ok(()))),
            Gathered::Part(chunks) => (chunks, None),
            Gathered::Broken(chunks, failure) => (chunks, Some(Err(failure))),
        };
        let reader = storing.begin();
        let mut pump = Fill {
            incoming,
            storing,
            ended: None,
            times,
            last: clock::now(),
            paused: false,
            timer: None,
        };
        chunks.into_iter().for_each(|chunk| pump.pass(chunk));
        match end {
            Some(Ok(())) => pump.end(Ok(())),
            Some(Err(failure)) => pump.break_off(&failure),
            None => {}
        }
        let going_on = connection.going_on();
        actix_rt::spawn(async move {
            poll_fn(|cx| pump.poll(cx)).await;
            pump.finish().await;
            drop(going_on);
        });
        FillStart::Shared(reader)
    }

    /// Nothing more comes, or no reader is left. The upstream connection is given back first.
    async fn finish(self) {
        let Fill {
            storing,
            ended,
            incoming,
            ..
        } = self;
        drop(incoming);
        if let Some(end) = ended {
            storing.finish(end).await;
        }
    }

    /// Moves what there is to move; ready when it is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut moved = 0;
        loop {
            if moved > AT_ONCE {
                // Readers on this worker have their turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.ended.is_some() {
                return Poll::Ready(());
            }
            let lead = &mut self.storing.pending.lead;
            if lead.poll_alone(cx).is_ready() {
                return Poll::Ready(());
            }
            if lead.poll_room(cx).is_pending() {
                self.paused = true;
                ready!(self.poll_late(cx));
                self.end(Err(CutReason::OutOfTime.to_string()));
                continue;
            }
            if std::mem::take(&mut self.paused) {
                self.last = clock::now();
            }
            moved += ready!(self.poll_incoming(cx));
        }
    }

    /// Takes the next chunk, and counts its bytes; or finds that the body is over.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        match self.incoming.poll_chunk(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                let taken = chunk.len();
                self.pass(chunk);
                return Poll::Ready(taken);
            }
            Poll::Ready(Some(Err(failure))) => self.break_off(&failure),
            Poll::Ready(None) => self.end(Ok(())),
            Poll::Pending if self.incoming.poll_no_token(cx).is_ready() => {
                self.incoming.note_no_token();
                self.end(Err(CutReason::NoToken.to_string()));
            }
            Poll::Pending => match ready!(self.poll_late(cx)) {
                Late::Silent => {
                    self.incoming.note_silence();
                    self.end(Err(CutReason::UpstreamSilent.to_string()));
                }
                Late::OutOfTime => self.end(Err(CutReason::OutOfTime.to_string())),
            },
        }
        Poll::Ready(0)
    }

    fn pass(&mut self, chunk: Bytes) {
        self.last = clock::now();
        self.storing.watch.feed(&chunk);
        self.storing.pending.lead.push(chunk);
        if self.times.ends_at.is_some_and(|end| self.last >= end) {
            self.end(Err(CutReason::OutOfTime.to_string()));
        }
    }

    fn break_off(&mut self, failure: &Failure) {
        self.incoming.note_broken_off();
        self.end(Err(failure.to_string()));
    }

    fn end(&mut self, end: Result<(), String>) {
        self.ended.get_or_insert(end);
    }

    /// Ready when a timer has run out. While readers are waited for, the upstream may be silent.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let silent_at = self.last.checked_add(self.times.idle);
        let silent_at = silent_at.filter(|_| !self.paused);
        let Some(due) = silent_at.into_iter().chain(self.times.ends_at).min() else {
            return Poll::Pending;
        };
        // Set once, and set again when it is over: most bodies move on before that.
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(due.into())));
        if timer.deadline() > due.into() {
            timer.as_mut().reset(due.into());
        }
        while timer.as_mut().poll(cx).is_ready() {
            if clock::now() >= due {
                let out_of_time = self.times.ends_at.is_some_and(|end| end <= due);
                return Poll::Ready(match out_of_time {
                    true => Late::OutOfTime,
                    false => Late::Silent,
                });
            }
            timer.as_mut().reset(due.into());
        }
        Poll::Pending
    }
}

/// What is there already of a body of known length.
fn gather(incoming: &mut OpenResponse, size: BodySize) -> Gathered {
    let (mut chunks, mut bytes) = (Vec::new(), 0);
    if !matches!(size, BodySize::Sized(_)) {
        return Gathered::Part(chunks);
    }
    // No waker is needed: what has not come yet is polled for again by the task.
    let mut cx = Context::from_waker(Waker::noop());
    while bytes < AT_ONCE {
        match incoming.poll_chunk(&mut cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                bytes += chunk.len();
                chunks.push(chunk);
            }
            Poll::Ready(Some(Err(failure))) => return Gathered::Broken(chunks, failure),
            // A buffer of its own: a piece of a larger one would keep all of that.
            Poll::Ready(None) => return Gathered::Whole(chunks.concat().into()),
            Poll::Pending => break,
        }
    }
    Gathered::Part(chunks)
}
