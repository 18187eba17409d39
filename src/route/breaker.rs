//! The circuit breaker of one target: closed → open → half-open with one probe. Time is passed in.

use std::time::{Duration, Instant};

use super::{policy::BreakerPolicy, window::Window};

/// Failures count for a minute, in slots of ten seconds.
const SLOTS: usize = 6;
const SLOT: Duration = Duration::from_secs(10);

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

/// The breaker of one target.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Requests that came to an end, and failures among them.
    recent: Window<SLOTS>,
}

impl Breaker {
    pub fn new(policy: BreakerPolicy, now: Instant) -> Self {
        Breaker {
            policy,
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

    /// The request failed by the target's fault.
    pub fn fail(&mut self, now: Instant, admission: Admission) -> Option<Transition> {
        let opens = match (self.state, admission) {
            (State::HalfOpen { .. }, Admission::Probe) => true,
            (State::Closed, _) => {
                self.recent.add(now, 1, 1);
                self.is_over(now)
            }
            // Late news of requests begun before it opened.
            (State::Open { .. } | State::HalfOpen { .. }, _) => false,
        };
        opens.then(|| {
            self.recent.clear();
            let until = now + self.policy.cooldown;
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

    fn is_over(&mut self, now: Instant) -> bool {
        let (requests, failures) = self.recent.sums(now);
        let share = 100.0 * f64::from(failures) / f64::from(requests.max(1));
        let by_share = self.policy.failure_threshold_percentage;
        failures >= self.policy.failure_threshold
            || (requests >= self.policy.minimum_requests
                && by_share.is_some_and(|limit| share >= limit))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::policy::StatusCodes, *};

    fn policy(threshold: u32, percentage: Option<f64>, minimum: u32) -> BreakerPolicy {
        BreakerPolicy {
            failure_threshold: threshold,
            failure_threshold_percentage: percentage,
            minimum_requests: minimum,
            cooldown: Duration::from_secs(30),
            failure_status_codes: StatusCodes::default(),
        }
    }

    /// Plays events at seconds; gives the transitions.
    fn play(
        breaker: &mut Breaker,
        start: Instant,
        events: &[(u64, char)],
    ) -> Vec<Option<Transition>> {
        let mut at_work = Vec::new();
        events
            .iter()
            .map(|(seconds, event)| {
                let now = start + Duration::from_secs(*seconds);
                match event {
                    'b' => {
                        let (admission, transition) =
                            breaker.begin(now, false).expect("let through");
                        at_work.push(admission);
                        transition
                    }
                    'x' => {
                        assert_eq!(breaker.begin(now, false), None);
                        assert!(!breaker.admits(now));
                        None
                    }
                    's' => breaker.succeed(now, at_work.remove(0)),
                    'f' => breaker.fail(now, at_work.remove(0)),
                    _ => {
                        breaker.abandon(at_work.remove(0));
                        None
                    }
                }
            })
            .collect()
    }

    #[test]
    fn it_opens_probes_and_closes() {
        use Transition::{Closed, HalfOpen, Open};
        let start = Instant::now();
        let mut breaker = Breaker::new(policy(2, None, 1), start);
        let events = [
            (0, 'b'),
            (0, 'f'),
            (1, 'b'),
            (1, 'f'),
            (2, 'x'),
            (30, 'x'),
            (31, 'b'),
            (31, 'x'),
            (31, 'f'),
            (60, 'x'),
            (61, 'b'),
            (61, 'a'),
            (62, 'b'),
            (62, 's'),
            (63, 'b'),
            (63, 'f'),
        ];
        let expected = [
            None,
            None,
            None,
            Some(Open),
            None,
            None,
            Some(HalfOpen),
            None,
            Some(Open),
            None,
            Some(HalfOpen),
            None,
            None,
            Some(Closed),
            None,
            None,
        ];
        assert_eq!(play(&mut breaker, start, &events), expected);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let start = Instant::now();
        let mut breaker = Breaker::new(policy(2, None, 1), start);
        let events = [(0, 'b'), (0, 'f'), (70, 'b'), (70, 'f'), (71, 'b')];
        assert!(
            play(&mut breaker, start, &events)
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn a_share_counts_only_of_enough_requests() {
        let start = Instant::now();
        let mut breaker = Breaker::new(policy(100, Some(50.0), 4), start);
        let events = [
            (0, 'b'),
            (0, 'f'),
            (0, 'b'),
            (0, 's'),
            (0, 'b'),
            (0, 's'),
            (0, 'b'),
            (0, 'f'),
        ];
        assert_eq!(
            play(&mut breaker, start, &events).last(),
            Some(&Some(Transition::Open))
        );
    }

    #[test]
    fn what_began_before_it_opened_changes_nothing() {
        let start = Instant::now();
        let mut breaker = Breaker::new(policy(1, None, 1), start);
        let events = [
            (0, 'b'),
            (0, 'b'),
            (0, 'b'),
            (0, 'f'),
            (1, 'f'),
            (1, 's'),
            (2, 'x'),
            (30, 'b'),
        ];
        let transitions = play(&mut breaker, start, &events);
        assert_eq!(transitions[3..6], [Some(Transition::Open), None, None]);
        assert_eq!(transitions[7], Some(Transition::HalfOpen));
    }

    #[test]
    fn a_forced_request_goes_through_an_open_one_and_says_nothing() {
        let start = Instant::now();
        let mut breaker = Breaker::new(policy(1, None, 1), start);
        play(&mut breaker, start, &[(0, 'b'), (0, 'f')]);
        let (admission, _) = breaker.begin(start, true).expect("forced");
        assert_eq!(breaker.succeed(start, admission), None);
        assert!(!breaker.admits(start));
    }
}
