//! Decides which target is sent to next, after what delay, and when to stop: the one state machine
//! for retry, fallback, load balance, conditional, nesting, breaker and hedge. Pure: clock,
//! randomness, breakers and budgets come in through [`World`].
//!
//! A request stands at one target of the tree ([`Cursor`]). After a failure first the target's own
//! retry policy is asked, then each fallback group above it, from the inside out. After a timeout
//! the groups are asked first.

mod cursor;
mod outcome;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    backoff::backoff,
    decided::Decided,
    policy::{Hedge, Retry},
    tree::{TargetId, Tree},
};
use cursor::{Chosen, Cursor};
pub use outcome::{Failed, Fault, NoMatch, Send, Step, StopReason};

/// Retrying ends if the upstream asks for a longer wait.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// What the state machine may ask about everything outside it.
pub trait World {
    /// Whether the target's breaker would admit a request now. Takes nothing.
    fn admits(&self, target: TargetId) -> bool;
    /// Takes a retry from the budget of the target's origin; false if it is used up.
    fn take_retry(&self, target: TargetId) -> bool;
    /// Takes a hedge from the budget of the target's origin, for this ratio; false if it is used
    /// up.
    fn take_hedge(&self, target: TargetId, max_ratio: f64) -> bool;
    /// Whether the request body can be sent again from its first byte.
    fn replayable(&self) -> bool;
    /// The time left for the exchange, if it is limited.
    fn time_left(&self) -> Option<Duration>;
    /// A uniform random number from [0, 1).
    fn dice(&self) -> f64;
    /// Seconds since the Unix epoch, for sticky choices.
    fn unix_seconds(&self) -> u64;
}

/// The attempts of one request.
pub struct Attempts<'p> {
    cursor: Cursor<'p>,
    /// The latest send; its target is the cursor's.
    current: Send,
    /// Set while two sends are in flight: the current one and the slower one it hedges. Holds the
    /// outcome of the first that failed.
    race: Option<Option<(Send, Failed)>>,
    hedged: bool,
    /// The current target has used all its retries.
    exhausted: bool,
}

impl<'p> Attempts<'p> {
    /// Enters the tree with what the request's facts decide and draws for load balances.
    ///
    /// # Errors
    /// A conditional on the way has no matching condition.
    pub fn begin(
        tree: &'p Tree,
        decided: &Decided,
        world: &dyn World,
    ) -> Result<(Self, Send), NoMatch> {
        let chosen = Chosen::by(tree, decided, world)?;
        let cursor = Cursor::first(tree, chosen, world);
        let first = Send {
            ticket: 0,
            target: cursor.target(),
            retry: 0,
            forced: cursor.is_forced(),
            hedge_after: cursor.hedge().map(|hedge| hedge.after),
        };
        let attempts = Attempts {
            cursor,
            current: first,
            race: None,
            hedged: false,
            exhausted: false,
        };
        Ok((attempts, first))
    }

    /// Whether retry or fallback treats a response with this status as a failure. Such a response
    /// is passed to [`next`](Self::next) instead of being relayed.
    pub fn is_failure(&self, status: u16) -> bool {
        let retry = self.cursor.retry();
        let retried = retry.attempts > 0 && retry.on_status_codes.contains(status);
        retried || self.cursor.moves_on_for(status)
    }

    /// Another target would be tried if the current send failed. Its head and first bytes are then
    /// held back.
    pub fn another_remains(&self, world: &dyn World) -> bool {
        self.cursor.has_next(world) && world.replayable()
    }

    /// The targets that may respond, conditions decided, in the order of the plan.
    pub fn candidates(&self) -> Vec<TargetId> {
        self.cursor.candidates()
    }

    /// The number of retries of this send's target, for the reply; -1 if all allowed retries
    /// failed.
    pub fn retry_count(&self, send: Send) -> i32 {
        match self.exhausted && send.target == self.current.target {
            true => -1,
            false => send.retry.cast_signed(),
        }
    }

    /// Decides what follows a failed send. Never called once a byte has reached the client.
    pub fn next(&mut self, send: Send, failed: Failed, world: &dyn World) -> Step {
        let failed = match self.race.take() {
            None => failed,
            Some(None) => {
                self.race = Some(Some((send, failed)));
                return Step::Join;
            }
            // The other send has failed as well; continue from the current one.
            Some(Some((other, its))) if other.ticket == self.current.ticket => its,
            Some(Some(_)) => failed,
        };
        // A target that timed out may do so again, so another target comes first.
        if failed.fault.is_timeout() && self.another_remains(world) {
            return self.move_on(failed, StopReason::NoneLeft, world);
        }
        match self.retry(failed, world) {
            Ok(step) => step,
            Err(reason) => self.move_on(failed, reason, world),
        }
    }

    /// A second send beside the slow current one, if hedging allows it.
    pub fn hedge(&mut self, world: &dyn World) -> Option<Send> {
        let Hedge { max_ratio, .. } = self.cursor.hedge()?;
        if self.hedged || !world.replayable() || !world.take_hedge(self.current.target, max_ratio) {
            return None;
        }
        self.hedged = true;
        let elder = self.current;
        self.race = Some(None);
        let slow = Failed {
            fault: Fault::Timeout,
            status: 504,
            retry_after: None,
        };
        let retry = match self.cursor.advance(slow, world) {
            true => 0,
            false => elder.retry,
        };
        Some(self.send(retry))
    }

    /// A retry at the same target, or why there is none.
    fn retry(&mut self, failed: Failed, world: &dyn World) -> Result<Step, StopReason> {
        let retry = self.cursor.retry();
        if retry.attempts == 0 || !is_retried(retry, failed) {
            return Err(StopReason::NoneLeft);
        }
        if self.current.retry >= retry.attempts {
            self.exhausted = true;
            return Err(StopReason::RetriesExhausted);
        }
        if !world.replayable() {
            return Err(StopReason::BodyNotReplayable);
        }
        let asked = failed
            .retry_after
            .filter(|_| retry.use_retry_after_header && matches!(failed.status, 429 | 503));
        if asked.is_some_and(|asked| asked > LONGEST_RETRY_AFTER) {
            return Err(StopReason::RetryAfterTooLong);
        }
        let wait = asked.unwrap_or_else(|| backoff(self.current.retry, world.dice()));
        if world.time_left().is_some_and(|left| left <= wait) {
            return Err(match asked {
                Some(_) => StopReason::RetryAfterTooLong,
                None => StopReason::Deadline,
            });
        }
        if !world.take_retry(self.current.target) {
            return Err(StopReason::RetryBudget);
        }
        let again = self.send(self.current.retry + 1);
        Ok(Step::Wait(wait, again))
    }

    /// Falls back to the next target, or stops.
    fn move_on(&mut self, failed: Failed, reason: StopReason, world: &dyn World) -> Step {
        if world.time_left().is_some_and(|left| left.is_zero()) {
            return Step::Stop(StopReason::Deadline);
        }
        let sent_nothing = matches!(failed.fault, Fault::BreakerOpen | Fault::RateLimited);
        if !world.replayable() && !sent_nothing {
            return match self.cursor.has_next(world) {
                true => Step::Stop(StopReason::BodyNotReplayable),
                false => Step::Stop(reason),
            };
        }
        if !self.cursor.advance(failed, world) {
            return Step::Stop(reason);
        }
        self.exhausted = false;
        Step::Send(self.send(0))
    }

    fn send(&mut self, retry: u32) -> Send {
        let hedge = self.cursor.hedge().filter(|_| !self.hedged);
        self.current = Send {
            ticket: self.current.ticket + 1,
            target: self.cursor.target(),
            retry,
            forced: self.cursor.is_forced(),
            hedge_after: hedge.map(|hedge| hedge.after),
        };
        self.current
    }
}

fn is_retried(retry: &Retry, failed: Failed) -> bool {
    match failed.fault {
        Fault::Connect | Fault::ConnectTimeout => true,
        Fault::Status | Fault::Network | Fault::Timeout | Fault::FirstToken => {
            retry.on_status_codes.contains(failed.status)
        }
        Fault::UnusableResponse | Fault::BreakerOpen | Fault::Denied | Fault::RateLimited => false,
    }
}
