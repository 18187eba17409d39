//! `Attempts`: which target is sent to next, after how long, and when it is enough. One state machine for retry, fallback,
//! loadbalance, conditional, nesting, breaker and hedge. Pure: clock, dice, breakers and budgets come in through [`World`].

use std::time::Duration;

use super::{
    condition::Facts,
    tree::{TargetId, Tree},
};

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

/// One request to one target, to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// Tells this send from others in flight.
    pub ticket: u32,
    pub target: TargetId,
    /// 0 for the target's first try.
    pub retry: u32,
    /// Send even though the target's breaker is open: all are.
    pub forced: bool,
    /// After so long without an answer, ask [`Attempts::hedge`].
    pub hedge_after: Option<Duration>,
}

/// Why a send came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The upstream answered with a status that [`Attempts::is_failure`] holds for one.
    Status,
    /// A 200 that is none: an error inside, or an empty stream.
    FalseAnswer,
    /// No connection: name, TCP, TLS, or the connect timeout. Nothing was sent.
    Connect,
    /// The connection broke, or spoke no HTTP, before anything went to the client.
    Network,
    /// No head in time.
    Timeout,
    /// No first token in time.
    FirstToken,
    /// The breaker took no request after all. Nothing was sent.
    BreakerOpen,
    /// The guard refused the target's addresses. Nothing was sent; never tried again on the same target.
    Denied,
}

/// How a send failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    pub fault: Fault,
    /// The upstream's status, or the one the gateway would answer with.
    pub status: u16,
    /// What the upstream asked for (`Retry-After` and its kin), if anything.
    pub retry_after: Option<Duration>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send(Send),
    /// Send after so long.
    Wait(Duration, Send),
    /// Another send is still in flight: wait for that one.
    Join,
    /// Enough: the client gets the last outcome.
    Stop(StopReason),
}

/// Why no further send is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// No policy asks for another.
    NoneLeft,
    /// The target's retries are used up.
    RetriesExhausted,
    /// The retry budget of the origin is empty.
    RetryBudget,
    /// The upstream asks for a longer wait than is worth it, or than the deadline leaves.
    RetryAfterTooLong,
    /// The body cannot be sent again.
    BodyNotReplayable,
    /// No time is left.
    Deadline,
}

/// A conditional in which nothing holds, and which has no default. Names the group's path in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMatch(pub Box<str>);

/// The attempts of one request.
pub struct Attempts<'p> {
    tree: &'p Tree,
}

impl<'p> Attempts<'p> {
    /// Enters the tree: evaluates its conditionals and draws its balances.
    ///
    /// # Errors
    /// A conditional on the way in which nothing holds.
    pub fn begin(
        tree: &'p Tree,
        facts: &dyn Facts,
        world: &dyn World,
    ) -> Result<(Self, Send), NoMatch> {
        let _ = (tree, facts, world);
        unimplemented!()
    }

    /// Whether an answer with this status is a failure in the eyes of retry or fallback, at the place where `ticket` is:
    /// it will be fed to [`next`](Self::next) rather than relayed.
    pub fn is_failure(&self, ticket: u32, status: u16) -> bool {
        let _ = (ticket, status);
        unimplemented!()
    }

    /// Another target would be tried if the one in flight failed: then head and first bytes are held back.
    pub fn another_remains(&self, world: &dyn World) -> bool {
        let _ = (world, self.tree);
        unimplemented!()
    }

    /// The send failed: what now? Anything once a byte went to the client is not asked any more.
    pub fn next(&mut self, ticket: u32, failed: Failed, world: &dyn World) -> Step {
        let _ = (ticket, failed, world);
        unimplemented!()
    }

    /// The send in flight is slow: a second one beside it, if hedging allows.
    pub fn hedge(&mut self, world: &dyn World) -> Option<Send> {
        let _ = world;
        unimplemented!()
    }
}
