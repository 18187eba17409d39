//! A stand-in for the network, for tests: plays scripted outcomes in order, with delays of tokio's
//! clock, and records the requests.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::{
    Payload, StatusCode,
    error::PayloadError,
    header::{HeaderName, HeaderValue},
};
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep};

use super::{
    BodyLength, Call, Cause, Failure, Progress, ResponseBody, ResponseHead, Upstream,
    UpstreamResponse, exchange::into_payload_error,
};

/// The outcome of one request.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The delay from the request to the head or the failure.
    delay: Duration,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Outcome {
    /// No connection: the request is not received.
    Unreachable(Cause),
    /// The connection ends before a head.
    Breaks(Cause),
    Responds(Script),
}

#[derive(Debug, Clone)]
struct Script {
    status: StatusCode,
    headers: Vec<(&'static str, &'static str)>,
    body: VecDeque<(Duration, Result<Bytes, Failure>)>,
}

impl Scene {
    /// The connection cannot be made.
    pub fn unreachable(cause: Cause) -> Self {
        Scene {
            delay: Duration::ZERO,
            outcome: Outcome::Unreachable(cause),
        }
    }

    /// The request is received, and the connection ends before a head.
    pub fn breaks(cause: Cause) -> Self {
        Scene {
            delay: Duration::ZERO,
            outcome: Outcome::Breaks(cause),
        }
    }

    /// A head, and no body yet.
    ///
    /// # Panics
    /// `status` is not a status.
    pub fn responds(status: u16, headers: &[(&'static str, &'static str)]) -> Self {
        #[expect(clippy::expect_used, reason = "a script of a test")]
        let status = StatusCode::from_u16(status).expect("a status");
        Scene {
            delay: Duration::ZERO,
            outcome: Outcome::Responds(Script {
                status,
                headers: headers.to_vec(),
                body: VecDeque::new(),
            }),
        }
    }

    /// Delays the head or the failure.
    pub fn after(self, delay: Duration) -> Self {
        Scene { delay, ..self }
    }

    /// Adds a chunk, with a delay after what precedes it.
    pub fn chunk(self, delay: Duration, bytes: &'static str) -> Self {
        self.push(delay, Ok(Bytes::from_static(bytes.as_bytes())))
    }

    /// Lets the body break off, with a delay after what precedes it.
    pub fn cut(self, delay: Duration) -> Self {
        self.push(delay, Err(Failure::unsent(Cause::Truncated)))
    }

    fn push(mut self, delay: Duration, next: Result<Bytes, Failure>) -> Self {
        if let Outcome::Responds(script) = &mut self.outcome {
            script.body.push_back((delay, next));
        }
        self
    }
}

/// A request as the upstream got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub authority: String,
    pub head: Bytes,
    pub body: Bytes,
}

/// A request as it was sent, whether or not it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub authority: String,
    pub at: Instant,
}

/// Plays its scenes in order, one per request; requests beyond them are refused a connection.
#[derive(Default)]
pub struct ScriptedUpstream {
    scenes: RefCell<VecDeque<Scene>>,
    sent: RefCell<Vec<Sent>>,
    received: RefCell<Vec<Received>>,
}

impl ScriptedUpstream {
    pub fn new(scenes: impl IntoIterator<Item = Scene>) -> Self {
        ScriptedUpstream {
            scenes: RefCell::new(scenes.into_iter().collect()),
            ..ScriptedUpstream::default()
        }
    }

    /// Every request so far, with its time.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.borrow().clone()
    }

    /// The requests so far, each whole.
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Reads the request to its last byte, as a server does that reads before it responds; returns
    /// its length. A tunnel has no end, so it is not read.
    async fn receive(&self, call: &Call) -> Result<u64, Failure> {
        let mut body = Vec::new();
        let is_tunnel = call.body.borrow().length() == BodyLength::Tunnel;
        while !is_tunnel
            && let Some(chunk) = poll_fn(|cx| call.body.borrow_mut().poll_chunk(cx)).await
        {
            let chunk = chunk.map_err(|_| Failure::unsent(Cause::RequestBody))?;
            body.extend_from_slice(&chunk);
        }
        let sent = (call.head.len() + body.len()) as u64;
        self.received.borrow_mut().push(Received {
            authority: call.target.authority().to_owned(),
            head: call.head.clone(),
            body: body.into(),
        });
        Ok(sent)
    }
}

impl Upstream for ScriptedUpstream {
    async fn send(&self, call: &Call) -> Result<UpstreamResponse, Failure> {
        self.sent.borrow_mut().push(Sent {
            authority: call.target.authority().to_owned(),
            at: Instant::now(),
        });
        let next = self.scenes.borrow_mut().pop_front();
        let refused = Cause::Connect(std::io::ErrorKind::ConnectionRefused);
        let Scene { delay, outcome } = next.unwrap_or_else(|| Scene::unreachable(refused));
        let script = match outcome {
            Outcome::Unreachable(cause) => {
                pass(delay).await;
                return Err(Failure::unsent(cause));
            }
            Outcome::Breaks(cause) => {
                let sent = self.receive(call).await?;
                pass(delay).await;
                return Err(Failure {
                    sent,
                    ..Failure::unsent(cause)
                });
            }
            Outcome::Responds(script) => script,
        };
        self.receive(call).await?;
        pass(delay).await;
        call.body.borrow_mut().note_response();
        let mut head = ResponseHead {
            status: script.status,
            ..ResponseHead::default()
        };
        for (name, value) in script.headers {
            let name = HeaderName::from_static(name);
            head.headers.append(name, HeaderValue::from_static(value));
        }
        Ok(UpstreamResponse {
            head,
            body: ScriptedBody::start(script.body),
        })
    }
}

/// Lets time pass, or without a delay one turn: no network responds while it is being asked.
/// (tokio's shortest sleep is a millisecond.)
async fn pass(delay: Duration) {
    match delay {
        Duration::ZERO => tokio::task::yield_now().await,
        delay => sleep(delay).await,
    }
}

/// A body whose chunks come when the script says.
struct ScriptedBody {
    left: VecDeque<(Duration, Result<Bytes, Failure>)>,
    wait: Option<Pin<Box<Sleep>>>,
    progress: Rc<Cell<Progress>>,
}

impl ScriptedBody {
    fn start(left: VecDeque<(Duration, Result<Bytes, Failure>)>) -> ResponseBody {
        let progress = Rc::new(Cell::new(Progress {
            upload_done: true,
            complete: left.is_empty(),
        }));
        let body = ScriptedBody {
            left,
            wait: None,
            progress: progress.clone(),
        };
        let payload = Box::pin(body);
        ResponseBody::new(Payload::Stream { payload }, progress)
    }
}

impl Stream for ScriptedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((delay, _)) = self.left.front() else {
            return Poll::Ready(None);
        };
        let delay = *delay;
        if !delay.is_zero() {
            let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(delay)));
            ready!(wait.as_mut().poll(cx));
        }
        self.wait = None;
        let next = self.left.pop_front().map(|(_, next)| next);
        self.progress.set(Progress {
            upload_done: true,
            complete: self.left.is_empty() && matches!(next, Some(Ok(_))),
        });
        Poll::Ready(next.map(|chunk| chunk.map_err(into_payload_error)))
    }
}

#[cfg(test)]
mod tests;
