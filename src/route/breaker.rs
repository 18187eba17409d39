//! The circuit breaker of one caller at one target: closed, open, half-open with one probe. Time is
//! passed in.
//!
//! Each caller has its own breaker, so a caller whose requests succeed is never blocked by the
//! failures of others. What all callers experienced ([`Evidence`]) only lets the breaker open
//! sooner for a caller that has seen nothing but failures. For this, callers are told apart by
//! client address, since credentials can be invented.

use std::time::{Duration, Instant};

use super::{policy::BreakerPolicy, rolling_window::Window};

/// Failures count for a minute, in slots of ten seconds.
const SLOTS: usize = 6;
const SLOT: Duration = Duration::from_secs(10);
const MINUTE: Duration = SLOT.saturating_mul(SLOTS as u32);
/// The most clients that count as witnesses at a time. Beyond that, each caller relies on its own
/// failures.
const MAX_WITNESSES: usize = 64;

/// How a request was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Normal,
    /// The probe of a half-open breaker: its outcome closes the breaker or opens it again.
    Probe,
}

/// The new state of a breaker that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Open,
    HalfOpen,
    Closed,
}

impl Transition {
    /// In declaration order.
    pub const ALL: [Transition; 3] = [Transition::Open, Transition::HalfOpen, Transition::Closed];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Transition::Open => "open",
            Transition::HalfOpen => "half_open",
            Transition::Closed => "closed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// `probing`: the probe is in flight.
    HalfOpen {
        probing: bool,
    },
}

/// What all callers together experienced at one target.
#[derive(Debug)]
pub struct Evidence {
    limits: Limits,
    recent: Window<SLOTS>,
    /// The clients with failures, and since when. Each counts once in a minute, so that no client
    /// can produce evidence alone.
    witnesses: Vec<(ClientId, Instant)>,
}

/// Identifies a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerId(pub u64);

/// Identifies a client address. Unlike callers, which are told apart by credentials, addresses
/// cannot be invented in any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(pub u64);

/// The caller and the client address of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    pub caller: CallerId,
    pub client: ClientId,
}

impl Evidence {
    pub fn new(policy: &BreakerPolicy, now: Instant) -> Self {
        Evidence {
            limits: Limits::of(policy),
            recent: Window::new(SLOT, now),
            witnesses: Vec::new(),
        }
    }

    /// A request of some caller succeeded.
    pub fn note_success(&mut self, now: Instant) {
        self.recent.add(now, 1, 0);
    }

    /// A client's request failed because of the target. Returns whether the target fails for many
    /// others too.
    pub fn note_failure(&mut self, now: Instant, client: ClientId) -> OthersSay {
        let counts = |since: Instant| now.saturating_duration_since(since) < MINUTE;
        self.witnesses.retain(|(_, since)| counts(*since));
        let own = self.witnesses.iter().filter(|(it, _)| *it == client);
        let own = own.count() as u32;
        let (requests, failures) = self.recent.sums(now);
        if own == 0 && self.witnesses.len() < MAX_WITNESSES {
            self.witnesses.push((client, now));
            self.recent.add(now, 1, 1);
        }
        let others = (requests.saturating_sub(own), failures.saturating_sub(own));
        match others.1 > 0 && self.limits.are_over(others) {
            true => OthersSay::ItFails,
            false => OthersSay::Nothing,
        }
    }

    /// A probe succeeded, so earlier evidence is void.
    pub fn forget(&mut self) {
        self.recent.clear();
        self.witnesses.clear();
    }
}

/// The evidence of other callers about a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OthersSay {
    ItFails,
    Nothing,
}

/// The breaker of one caller at one target.
#[derive(Debug)]
pub struct Breaker {
    limits: Limits,
    state: State,
    /// Finished requests, and the failures among them.
    recent: Window<SLOTS>,
}

impl Breaker {
    pub fn new(policy: &BreakerPolicy, now: Instant) -> Self {
        Breaker {
            limits: Limits::of(policy),
            state: State::Closed,
            recent: Window::new(SLOT, now),
        }
    }

    /// `closed`, `open`, or `half_open` while it is open to a probe.
    pub fn state(&self, now: Instant) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { until } if now < until => "open",
            State::Open { .. } | State::HalfOpen { .. } => "half_open",
        }
    }

    /// Whether a request would be admitted now.
    pub fn admits(&self, now: Instant) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until } => now >= until,
            State::HalfOpen { probing } => !probing,
        }
    }

    /// Admits a request, or refuses it with `None`. With `forced` it is admitted in any case.
    pub fn begin(&mut self, now: Instant, forced: bool) -> Option<(Admission, Option<Transition>)> {
        match self.state {
            State::Closed => Some((Admission::Normal, None)),
            State::Open { until } if now >= until => {
                self.state = State::HalfOpen { probing: true };
                Some((Admission::Probe, Some(Transition::HalfOpen)))
            }
            State::HalfOpen { probing: false } => {
                self.state = State::HalfOpen { probing: true };
                Some((Admission::Probe, None))
            }
            State::Open { .. } | State::HalfOpen { probing: true } => {
                forced.then_some((Admission::Normal, None))
            }
        }
    }

    /// The request succeeded.
    pub fn succeed(&mut self, now: Instant, admission: Admission) -> Option<Transition> {
        match (self.state, admission) {
            (State::HalfOpen { .. }, Admission::Probe) => {
                self.state = State::Closed;
                self.recent.clear();
                Some(Transition::Closed)
            }
            (State::Closed, _) => {
                self.recent.add(now, 1, 0);
                None
            }
            (State::Open { .. } | State::HalfOpen { .. }, _) => None,
        }
    }

    /// The request failed because of the target; `others_say` is the evidence of other callers.
    pub fn fail(
        &mut self,
        now: Instant,
        admission: Admission,
        others_say: OthersSay,
    ) -> Option<Transition> {
        let opens = match (self.state, admission) {
            (State::HalfOpen { .. }, Admission::Probe) => true,
            (State::Closed, _) => {
                self.recent.add(now, 1, 1);
                let (requests, failures) = self.recent.sums(now);
                let only_failed = requests == failures;
                self.limits.are_over((requests, failures))
                    || (only_failed && others_say == OthersSay::ItFails)
            }
            // The request began before the breaker opened, so it says nothing new.
            (State::Open { .. } | State::HalfOpen { .. }, _) => false,
        };
        opens.then(|| {
            self.recent.clear();
            let until = now + self.limits.cooldown;
            self.state = State::Open { until };
            Transition::Open
        })
    }

    /// The request ended without an outcome, so another probe may be made.
    pub fn abandon(&mut self, admission: Admission) {
        if let (State::HalfOpen { .. }, Admission::Probe) = (self.state, admission) {
            self.state = State::HalfOpen { probing: false };
        }
    }
}

/// The part of a policy that each of many breakers stores.
#[derive(Clone, Copy, Debug)]
struct Limits {
    failures: u32,
    percentage: Option<f64>,
    minimum_requests: u32,
    cooldown: Duration,
}

impl Limits {
    fn of(policy: &BreakerPolicy) -> Self {
        Limits {
            failures: policy.failure_threshold,
            percentage: policy.failure_threshold_percentage,
            minimum_requests: policy.minimum_requests,
            cooldown: policy.cooldown,
        }
    }

    /// Whether this many failures among this many requests open the breaker.
    fn are_over(&self, (requests, failures): (u32, u32)) -> bool {
        let share = 100.0 * f64::from(failures) / f64::from(requests.max(1));
        let by_share = self.percentage.is_some_and(|limit| share >= limit);
        failures >= self.failures || (requests >= self.minimum_requests && by_share)
    }
}

#[cfg(test)]
mod tests;
