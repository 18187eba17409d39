//! The circuit breaker of one caller at one target: closed → open → half-open with one probe. Time
//! is passed in.
//!
//! Each caller has its own: whatever others do, who fares well is let through. What all callers met
//! together ([`Evidence`]) only makes the breaker of one who has met nothing but failures open
//! sooner. Others are then told by their addresses: callers can be made up.

use std::time::{Duration, Instant};

use super::{policy::BreakerPolicy, rolling_window::Window};

/// Failures count for a minute, in slots of ten seconds.
const SLOTS: usize = 6;
const SLOT: Duration = Duration::from_secs(10);
const MINUTE: Duration = SLOT.saturating_mul(SLOTS as u32);
/// Clients whose failures are evidence at a time. When it takes more, each caller finds out alone.
const MOST_WITNESSES: usize = 64;

/// How a request was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Normal,
    /// The one whose outcome closes a half-open breaker, or opens it anew.
    Probe,
}

/// A breaker that changed: its new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Open,
    HalfOpen,
    Closed,
}

impl Transition {
    /// In the order of the declaration.
    pub const ALL: [Transition; 3] = [Transition::Open, Transition::HalfOpen, Transition::Closed];

    /// The word in metrics.
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
    /// `probing`: the probe is under way.
    HalfOpen {
        probing: bool,
    },
}

/// What all callers have met at one target.
#[derive(Debug)]
pub struct Evidence {
    limits: Limits,
    recent: Window<SLOTS>,
    /// Whose failures count among them, and since when. Each client's count once in a minute, so
    /// that nobody makes up evidence alone.
    witnesses: Vec<(ClientId, Instant)>,
}

/// Tells callers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerId(pub u64);

/// Tells the addresses of clients apart. Anybody can make up credentials, and with them callers, in
/// any number; addresses nobody can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(pub u64);

/// Whose request it is.
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

    /// A caller was answered.
    pub fn note_success(&mut self, now: Instant) {
        self.recent.add(now, 1, 0);
    }

    /// A client's request failed by the target's fault; whether the target fails for many others.
    pub fn note_failure(&mut self, now: Instant, client: ClientId) -> OthersSay {
        let counts = |since: Instant| now.saturating_duration_since(since) < MINUTE;
        self.witnesses.retain(|(_, since)| counts(*since));
        let own = self.witnesses.iter().filter(|(it, _)| *it == client);
        let own = own.count() as u32;
        let (requests, failures) = self.recent.sums(now);
        if own == 0 && self.witnesses.len() < MOST_WITNESSES {
            self.witnesses.push((client, now));
            self.recent.add(now, 1, 1);
        }
        let others = (requests.saturating_sub(own), failures.saturating_sub(own));
        match others.1 > 0 && self.limits.are_over(others) {
            true => OthersSay::ItFails,
            false => OthersSay::Nothing,
        }
    }

    /// A probe was answered: what was before is over.
    pub fn forget(&mut self) {
        self.recent.clear();
        self.witnesses.clear();
    }
}

/// What all callers together say of a target.
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
    /// Requests that came to an end, and failures among them.
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

    /// A request would be let through now.
    pub fn admits(&self, now: Instant) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until } => now >= until,
            State::HalfOpen { probing } => !probing,
        }
    }

    /// Lets a request through, or not. `forced`: in any case.
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

    /// The request was answered.
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

    /// The request failed by the target's fault. `others_say`: what was met there besides.
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
            // Late news of requests begun before it opened.
            (State::Open { .. } | State::HalfOpen { .. }, _) => false,
        };
        opens.then(|| {
            self.recent.clear();
            let until = now + self.limits.cooldown;
            self.state = State::Open { until };
            Transition::Open
        })
    }

    /// The request ended without telling anything of the target: a probe may be made anew.
    pub fn abandon(&mut self, admission: Admission) {
        if let (State::HalfOpen { .. }, Admission::Probe) = (self.state, admission) {
            self.state = State::HalfOpen { probing: false };
        }
    }
}

/// What of a policy is kept with each of many breakers.
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

    /// Whether so many failures among so many requests open a breaker.
    fn are_over(&self, (requests, failures): (u32, u32)) -> bool {
        let share = 100.0 * f64::from(failures) / f64::from(requests.max(1));
        let by_share = self.percentage.is_some_and(|limit| share >= limit);
        failures >= self.failures || (requests >= self.minimum_requests && by_share)
    }
}

#[cfg(test)]
mod tests;
