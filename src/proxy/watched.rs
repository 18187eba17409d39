//! Waiting on an upstream while the client's side is watched: a client that left, a stalled upload or a deadline ends the
//! wait, and dropping the wait closes what was under way.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crate::{
    downstream::{Expired, Link},
    error::{Code, GatewayError},
    gateway::Gateway,
    upstream::{Answer, BodyFault, Call, Failure},
};

/// The time the caller itself gives an attempt, from resolving the name to the response head.
pub struct RequestTimeout(Option<(Duration, Pin<Box<tokio::time::Sleep>>)>);

impl RequestTimeout {
    /// Runs from now.
    pub fn start(limit: Option<Duration>) -> Self {
        RequestTimeout(limit.map(|limit| (limit, Box::pin(tokio::time::sleep(limit)))))
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<GatewayError> {
        let Some((limit, sleep)) = &mut self.0 else {
            return Poll::Pending;
        };
        sleep
            .as_mut()
            .poll(cx)
            .map(|()| GatewayError::request_timeout(*limit))
    }
}

/// Waits for something that has timers of its own.
pub async fn dropped_when_gone<T>(
    link: &Link,
    timeout: &mut RequestTimeout,
    waiting: impl Future<Output = T>,
) -> Result<T, GatewayError> {
    let mut waiting = pin!(waiting);
    poll_fn(|cx| {
        if let Poll::Ready(done) = waiting.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        if let Poll::Ready(error) = timeout.poll_expired(cx) {
            return Poll::Ready(Err(error));
        }
        match link.expired() {
            Some(expired) => Poll::Ready(Err(ended_by(expired))),
            None => Poll::Pending,
        }
    })
    .await
}

/// `limit`, or what is left of the whole exchange's time if that is less.
pub fn at_most(limit: Duration, ends_at: Option<Instant>) -> Duration {
    ends_at.map_or(limit, |end| {
        limit.min(end.saturating_duration_since(Instant::now()))
    })
}

/// Waits for a response head. The settings' `head` timeout starts anew while the upload moves; the caller's own
/// `request_timeout` and the total, which is over at `ends_at`, do not.
pub async fn for_head(
    link: &Link,
    call: &Call,
    gateway: &Gateway,
    timeout: &mut RequestTimeout,
    ends_at: Option<Instant>,
    sending: impl Future<Output = Result<Answer, Failure>>,
) -> Result<Answer, GatewayError> {
    let limit = gateway.timeouts.head;
    link.set_deadline(Some(at_most(limit, ends_at)));
    let mut sending = pin!(sending);
    let mut uploaded = 0;
    poll_fn(|cx| {
        if let Poll::Ready(answer) = sending.as_mut().poll(cx) {
            return Poll::Ready(answer.map_err(|failure| refusal(&failure, call, link)));
        }
        let body = call.body.borrow();
        link.await_body(body.is_waiting());
        if body.bytes_read() != uploaded {
            uploaded = body.bytes_read();
            link.set_deadline(Some(at_most(limit, ends_at)));
        }
        if let Poll::Ready(error) = timeout.poll_expired(cx) {
            return Poll::Ready(Err(error));
        }
        match link.expired() {
            Some(expired) => Poll::Ready(Err(ended_by(expired))),
            None => Poll::Pending,
        }
    })
    .await
}

fn refusal(failure: &Failure, call: &Call, link: &Link) -> GatewayError {
    // actix-http reports broken chunked coding as if the client had left.
    let fault = match call.body.borrow().fault() {
        Some(BodyFault::ClientGone) if !link.is_gone() => Some(BodyFault::Malformed),
        fault => fault,
    };
    GatewayError::from_failure(failure, fault)
}

fn ended_by(expired: Expired) -> GatewayError {
    match expired {
        Expired::Deadline => GatewayError::new(
            Code::UpstreamTimeout,
            "the upstream sent no response head in time (`timeouts.head` or `timeouts.total`)",
        ),
        Expired::BodyIdle => GatewayError::new(
            Code::InvalidBody,
            "the request body stalled (`downstream.body_idle`)",
        ),
        Expired::ClientGone | Expired::Head | Expired::WriteStall | Expired::Lingered => {
            GatewayError::new(Code::ClientClosed, "the client closed the connection")
        }
    }
}
