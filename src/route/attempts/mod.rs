//! `Attempts`: which target is sent to next, after how long, and when it is enough. One state machine for retry, fallback,
//! loadbalance, conditional, nesting, breaker and hedge. Pure: clock, dice, breakers and budgets come in through [`World`].
//!
//! A request stands at one target of the tree, with the groups it came through above it (`place`).
//! A failure is first the target's own affair (retry), then each group's, from the inside out
//! (fallback). After a timeout the groups come first.

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

/// A longer `Retry-After` ends retrying.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// What the state machine may ask about the world outside.
pub trait World {
    /// The target's breaker lets a request through now (a look; nothing is taken).
    fn admits(&self, target: TargetId) -> bool;
    /// The retry budget of the target's origin has one more; takes it.
    fn take_retry(&self, target: TargetId) -> bool;
    /// The hedge budget of the target's origin, for this ratio, has one more; takes it.
    fn take_hedge(&self, target: TargetId, max_ratio: f64) -> bool;
    /// The request body can be sent again from its first byte.
    fn replayable(&self) -> bool;
    /// What is left of the exchange's total time, if it is bounded.
    fn time_left(&self) -> Option<Duration>;
    /// An even draw from [0, 1).
    fn dice(&self) -> f64;
    /// Seconds since the Unix epoch, for sticky choices.
    fn unix_seconds(&self) -> u64;
}

/// The attempts of one request.
pub struct Attempts<'p> {
    place: Cursor<'p>,
    /// The latest send, which is the one at `place`.
    current: Send,
    /// Two are in flight, the current send and a slower elder; what came of the one that failed first, if one has.
    race: Option<Option<(Send, Failed)>>,
    hedged: bool,
    /// All of the current target's retries were in vain.
    exhausted: bool,
}

impl<'p> Attempts<'p> {
    /// Enters the tree, of which the request has decided its part: draws its balances.
    ///
    /// # Errors
    /// A conditional on the way in which nothing holds.
    pub fn begin(
        tree: &'p Tree,
        decided: &Decided,
        world: &dyn World,
    ) -> Result<(Self, Send), NoMatch> {
        let chosen = Chosen::by(tree, decided, world)?;
        let place = Cursor::first(tree, chosen, world);
        let first = Send {
            ticket: 0,
            target: place.target(),
            retry: 0,
            forced: place.is_forced(),
            hedge_after: place.hedge().map(|hedge| hedge.after),
        };
        let attempts = Attempts {
            place,
            current: first,
            race: None,
            hedged: false,
            exhausted: false,
        };
        Ok((attempts, first))
    }

    /// Whether an answer with this status is a failure in the eyes of retry or fallback: it will be fed to
    /// [`next`](Self::next) rather than relayed.
    pub fn is_failure(&self, status: u16) -> bool {
        let retry = self.place.retry();
        let retried = retry.attempts > 0 && retry.on_status_codes.contains(status);
        retried || self.place.moves_on_for(status)
    }

    /// Another target would be tried if the one in flight failed: then head and first bytes are held back.
    pub fn another_remains(&self, world: &dyn World) -> bool {
        self.place.has_next(world) && world.replayable()
    }

    /// The targets that may answer, conditions decided, in the order of the plan.
    pub fn candidates(&self) -> Vec<TargetId> {
        self.place.candidates()
    }

    /// Retries of this send's target, for the reply; -1 if all there are were in vain.
    pub fn retry_count(&self, send: Send) -> i32 {
        match self.exhausted && send.target == self.current.target {
            true => -1,
            false => send.retry.cast_signed(),
        }
    }

    /// The send failed: what now? Once a byte went to the client nobody asks any more.
    pub fn next(&mut self, send: Send, failed: Failed, world: &dyn World) -> Step {
        let failed = match self.race.take() {
            None => failed,
            Some(None) => {
                self.race = Some(Some((send, failed)));
                return Step::Join;
            }
            // Things go on from where the current send was.
            Some(Some((other, its))) if other.ticket == self.current.ticket => its,
            Some(Some(_)) => failed,
        };
        // Who was silent once may be so again: another target comes first.
        if failed.fault.is_timeout() && self.another_remains(world) {
            return self.move_on(failed, StopReason::NoneLeft, world);
        }
        match self.retry(failed, world) {
            Ok(step) => step,
            Err(reason) => self.move_on(failed, reason, world),
        }
    }

    /// The send in flight is slow: a second one beside it, if hedging allows.
    pub fn hedge(&mut self, world: &dyn World) -> Option<Send> {
        let Hedge { max_ratio, .. } = self.place.hedge()?;
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
        let retry = match self.place.advance(slow, world) {
            true => 0,
            false => elder.retry,
        };
        Some(self.send(retry))
    }

    /// The same target once more, or why not.
    fn retry(&mut self, failed: Failed, world: &dyn World) -> Result<Step, StopReason> {
        let retry = self.place.retry();
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

    /// The next target of a group around, or the end.
    fn move_on(&mut self, failed: Failed, reason: StopReason, world: &dyn World) -> Step {
        if world.time_left().is_some_and(|left| left.is_zero()) {
            return Step::Stop(StopReason::Deadline);
        }
        let sent_nothing = matches!(failed.fault, Fault::BreakerOpen | Fault::RateLimited);
        if !world.replayable() && !sent_nothing {
            return match self.place.has_next(world) {
                true => Step::Stop(StopReason::BodyNotReplayable),
                false => Step::Stop(reason),
            };
        }
        if !self.place.advance(failed, world) {
            return Step::Stop(reason);
        }
        self.exhausted = false;
        Step::Send(self.send(0))
    }

    fn send(&mut self, retry: u32) -> Send {
        let hedge = self.place.hedge().filter(|_| !self.hedged);
        self.current = Send {
            ticket: self.current.ticket + 1,
            target: self.place.target(),
            retry,
            forced: self.place.is_forced(),
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
        Fault::FalseAnswer | Fault::BreakerOpen | Fault::Denied | Fault::RateLimited => false,
    }
}
