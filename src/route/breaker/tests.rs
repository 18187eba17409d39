//! State transitions, and the influence of callers on each other's breakers.

use proptest::prelude::*;

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

/// Plays events at the given seconds; returns the transitions.
fn play(breaker: &mut Breaker, start: Instant, events: &[(u64, char)]) -> Vec<Option<Transition>> {
    let mut at_work = Vec::new();
    events
        .iter()
        .map(|(seconds, event)| {
            let now = start + Duration::from_secs(*seconds);
            match event {
                'b' => {
                    let (admission, transition) = breaker.begin(now, false).expect("admitted");
                    at_work.push(admission);
                    transition
                }
                'x' => {
                    assert_eq!(breaker.begin(now, false), None);
                    assert!(!breaker.admits(now));
                    None
                }
                's' => breaker.succeed(now, at_work.remove(0)),
                'f' => breaker.fail(now, at_work.remove(0), OthersSay::Nothing),
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
    let mut breaker = Breaker::new(&policy(2, None, 1), start);
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
    let mut breaker = Breaker::new(&policy(2, None, 1), start);
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
    let mut breaker = Breaker::new(&policy(100, Some(50.0), 4), start);
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
fn requests_begun_before_it_opened_change_nothing() {
    let start = Instant::now();
    let mut breaker = Breaker::new(&policy(1, None, 1), start);
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
fn a_forced_request_passes_an_open_breaker_without_changing_it() {
    let start = Instant::now();
    let mut breaker = Breaker::new(&policy(1, None, 1), start);
    play(&mut breaker, start, &[(0, 'b'), (0, 'f')]);
    let (admission, _) = breaker.begin(start, true).expect("forced");
    assert_eq!(breaker.succeed(start, admission), None);
    assert!(!breaker.admits(start));
}

/// Several callers at one target, each with its own address and breaker.
struct Callers {
    breakers: Vec<Breaker>,
    evidence: Evidence,
}

impl Callers {
    fn new(count: usize, policy: &BreakerPolicy, start: Instant) -> Self {
        let breaker = |_| Breaker::new(policy, start);
        Callers {
            breakers: (0..count).map(breaker).collect(),
            evidence: Evidence::new(policy, start),
        }
    }

    /// Plays one request of a caller; returns whether it was admitted.
    fn ask(&mut self, caller: usize, now: Instant, outcome: char) -> bool {
        let Some((admission, _)) = self.breakers[caller].begin(now, false) else {
            return false;
        };
        let closed = match outcome {
            's' => {
                self.evidence.note_success(now);
                self.breakers[caller].succeed(now, admission)
            }
            'f' => {
                let others_say = self.evidence.note_failure(now, ClientId(caller as u64));
                self.breakers[caller].fail(now, admission, others_say)
            }
            _ => {
                self.breakers[caller].abandon(admission);
                None
            }
        };
        if closed == Some(Transition::Closed) {
            self.evidence.forget();
        }
        true
    }
}

#[test]
fn one_failure_is_enough_during_an_outage_that_others_saw() {
    let start = Instant::now();
    let mut callers = Callers::new(4, &policy(3, None, 1), start);
    for caller in [0, 1, 2] {
        assert!(callers.ask(caller, start, 'f'));
        assert!(callers.breakers[caller].admits(start));
    }
    // Three others have failed, so one failure is enough.
    assert!(callers.ask(3, start, 'f') && !callers.breakers[3].admits(start));
    // The first callers count their own failures, and this is the last one needed.
    assert!(callers.ask(0, start, 'f') && !callers.breakers[0].admits(start));
    // A successful probe ends the outage for all.
    let later = start + Duration::from_secs(31);
    assert!(callers.ask(0, later, 's'));
    assert!(callers.ask(1, later, 'f') && callers.breakers[1].admits(later));
}

#[test]
fn one_client_alone_cannot_produce_evidence() {
    let start = Instant::now();
    for policy in [policy(3, None, 1), policy(1000, Some(50.0), 3)] {
        let mut evidence = Evidence::new(&policy, start);
        for _ in 0..1000 {
            let others_say = evidence.note_failure(start, ClientId(1));
            assert_eq!(others_say, OthersSay::Nothing);
        }
    }
}

#[test]
fn one_clients_failures_are_not_evidence_against_another() {
    let start = Instant::now();
    let mut callers = Callers::new(2, &policy(3, None, 1), start);
    for admitted in [true, true, true, false] {
        for _ in 0..10 {
            callers.evidence.note_failure(start, ClientId(0));
        }
        assert_eq!(
            callers.ask(1, start, 'f'),
            admitted,
            "its own third opens it"
        );
    }
}

#[test]
fn evidence_does_not_affect_a_caller_with_recent_successes() {
    let start = Instant::now();
    let mut callers = Callers::new(20, &policy(3, None, 1), start);
    assert!(callers.ask(0, start, 's'));
    for caller in 1..20 {
        callers.ask(caller, start, 'f');
    }
    assert!(callers.ask(0, start, 'f') && callers.ask(0, start, 'f'));
    assert!(callers.ask(0, start, 'f'), "its own third opens it");
    assert!(!callers.ask(0, start, 's'));
}

proptest! {
    /// Whatever all other callers do, a caller whose requests succeed is admitted.
    #[test]
    fn others_cannot_open_the_breaker_of_a_successful_caller(
        threshold in 1_u32..4,
        percentage in prop::option::of(1.0_f64..100.0),
        minimum in 1_u32..4,
        events in prop::collection::vec(
            (0_usize..5, 0_u64..20, prop::sample::select(vec!['s', 'f', 'a'])),
            0..200,
        ),
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut callers = Callers::new(5, &policy(threshold, percentage, minimum), start);
        for (caller, seconds, outcome) in events {
            now += Duration::from_secs(seconds);
            // The first caller's requests succeed or end without an outcome.
            let outcome = if caller == 0 && outcome == 'f' { 's' } else { outcome };
            let admitted = callers.ask(caller, now, outcome);
            prop_assert!(caller != 0 || admitted);
            prop_assert!(callers.breakers[0].admits(now));
        }
    }
}
