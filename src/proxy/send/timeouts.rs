//! The timers of one attempt. Those of the settings are checked four times a second
//! (`downstream::Timers`); those of a caller or a config are exact, and cost a timer each.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::Sleep;

use crate::{
    downstream::ClientConnection,
    error::{Code, GatewayError},
    guard::NamedBy,
    proxy::{
        clock,
        plan::{TargetTimeouts, TimeLimit},
    },
};

/// Which timer ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The caller's or the config's limit for the response head.
    RequestTimeout(TimeLimit),
    /// No first token in time.
    FirstToken(TimeLimit),
    /// No head in time.
    Head(TimeLimit),
    /// Nothing of the body in time.
    Idle(TimeLimit),
    /// The exchange's whole time is over.
    Total(TimeLimit),
}

impl Expiry {
    /// Who set the time that is over.
    pub fn set_by(self) -> NamedBy {
        let (Expiry::RequestTimeout(limit)
        | Expiry::FirstToken(limit)
        | Expiry::Head(limit)
        | Expiry::Idle(limit)
        | Expiry::Total(limit)) = self;
        limit.set_by
    }
}

type Timer = Pin<Box<Sleep>>;

/// The timers of one attempt, from its beginning to its first token.
pub struct AttemptTimers {
    request_timeout: Option<(TimeLimit, Timer)>,
    first_token: Option<(TimeLimit, Timer)>,
    /// The wait for the head, then for each piece of the body. `None`: the connection's own
    /// deadline is used, which is exact enough for times of the settings.
    silence: Option<Timer>,
    times: TargetTimeouts,
    ends_at: Option<Instant>,
    in_body: bool,
}

impl AttemptTimers {
    /// Starts the timers of an attempt that begins now. `ends_at`: the end of the whole exchange.
    pub fn start(
        times: TargetTimeouts,
        request_timeout: Option<TimeLimit>,
        ends_at: Option<Instant>,
    ) -> Self {
        AttemptTimers {
            request_timeout: request_timeout.map(|limit| (limit, timer(limit.time))),
            first_token: None,
            silence: None,
            times,
            ends_at,
            in_body: false,
        }
    }

    /// When the exchange's whole time is over, if it is bounded.
    pub fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }

    /// What the target is allowed.
    pub fn times(&self) -> TargetTimeouts {
        self.times
    }

    /// The request is being sent: the wait for its head begins, or begins anew because the upload
    /// moved.
    pub fn await_head(&mut self, connection: &ClientConnection) {
        self.await_silence(connection, self.times.head.time);
    }

    /// The head has come, and the next bytes of the body are awaited.
    pub fn await_body(&mut self, connection: &ClientConnection) {
        self.in_body = true;
        self.request_timeout = None;
        self.await_silence(connection, self.times.idle.time);
    }

    fn await_silence(&mut self, connection: &ClientConnection, limit: Duration) {
        let limit = at_most(limit, self.ends_at);
        match &mut self.silence {
            _ if !self.times.exact => connection.set_deadline(Some(limit)),
            Some(timer) => timer.as_mut().reset(tokio::time::Instant::now() + limit),
            none => *none = Some(timer(limit)),
        }
    }

    /// Arms the wait for the first token, which began `since`.
    pub fn arm_first_token(&mut self, limit: TimeLimit, since: Instant) {
        let left = limit.time.saturating_sub(clock::since(since));
        self.first_token = Some((limit, timer(left)));
    }

    pub fn awaits_first_token(&self) -> bool {
        self.first_token.is_some()
    }

    pub fn disarm_first_token(&mut self) {
        self.first_token = None;
    }

    /// What is left to wait for the first token, to be waited elsewhere.
    pub fn take_first_token(&mut self) -> Option<Timer> {
        self.first_token.take().map(|(_, timer)| timer)
    }

    /// Stops all timers: the relay has its own.
    pub fn stop(&mut self) {
        self.request_timeout = None;
        self.first_token = None;
        self.silence = None;
    }

    /// Which limit the deadline that has passed stood for.
    pub fn deadline(&self) -> Expiry {
        let is_over = self.ends_at.is_some_and(|end| clock::now() >= end);
        match (self.times.total, self.in_body) {
            (Some(total), _) if is_over => Expiry::Total(total),
            (_, true) => Expiry::Idle(self.times.idle),
            (_, false) => Expiry::Head(self.times.head),
        }
    }

    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Expiry> {
        if let Some((limit, timer)) = &mut self.request_timeout
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Expiry::RequestTimeout(*limit));
        }
        if let Some((limit, timer)) = &mut self.first_token
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Expiry::FirstToken(*limit));
        }
        if let Some(timer) = &mut self.silence
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(self.deadline());
        }
        Poll::Pending
    }
}

impl From<Expiry> for GatewayError {
    fn from(expiry: Expiry) -> Self {
        let message = match expiry {
            Expiry::RequestTimeout(limit) => return GatewayError::request_timeout(limit.time),
            Expiry::FirstToken(limit) => {
                let limit = limit.time.as_millis();
                let message = format!(
                    "the upstream sent no token within {limit} ms (`timeouts.first_token`)"
                );
                return GatewayError::new(Code::UpstreamTimeout, message);
            }
            Expiry::Head(_) => "the upstream sent no response head in time (`timeouts.head`)",
            Expiry::Idle(_) => {
                "the upstream fell silent before its response had begun (`timeouts.idle`)"
            }
            Expiry::Total(_) => "the exchange took too long (`timeouts.total`)",
        };
        GatewayError::new(Code::UpstreamTimeout, message)
    }
}

/// `limit`, or what is left of the whole exchange's time if that is less.
pub fn at_most(limit: Duration, ends_at: Option<Instant>) -> Duration {
    ends_at.map_or(limit, |end| {
        limit.min(end.saturating_duration_since(clock::now()))
    })
}

fn timer(limit: Duration) -> Timer {
    Box::pin(tokio::time::sleep(limit))
}
