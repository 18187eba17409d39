use super::*;
use crate::{
    rate_limit::Identity,
    route::limit::{By, Limit, Scope, Scoped},
};

fn key() -> Key {
    let limit = Limit {
        tokens: None,
        rate: None,
        concurrent: std::num::NonZeroU32::new(1),
        by: By::Origin,
    };
    let scoped = Scoped::new(limit, Scope::Settings, "limits[0]");
    Key::of_value(&scoped, || Identity::by_address(None), b"a")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// All leases of the batches, without their keys.
fn ids(asked: Vec<OfKey>) -> Vec<u64> {
    asked.into_iter().flat_map(|(_, ids)| ids).collect()
}

#[test]
fn an_ended_lease_is_returned_again_until_redis_confirms_it() {
    let (mut leases, key, start) = (Leases::default(), key(), Instant::now());
    leases.hold(key, 7, start);
    assert!(leases.to_piggyback(&key).is_empty());
    assert!(leases.due_to_return(start).is_empty());
    leases.end(key, 7, start);
    let told = (0..=60).filter(|second| leases.due_to_return(start + seconds(*second)).len() == 1);
    assert_eq!(
        told.collect::<Vec<_>>(),
        [0, 1, 2, 4, 8, 16, 26, 36, 46, 56]
    );
    assert!(leases.ended.is_empty(), "run out");
    leases.end(key, 8, start);
    assert_eq!(leases.to_piggyback(&key), [8]);
    leases.returned(&key, &[8]);
    assert!(leases.to_piggyback(&key).is_empty());
    assert!(leases.ended.is_empty() && leases.held.is_empty());
}

#[test]
fn a_lease_that_ends_while_being_prolonged_is_returned_again() {
    let (mut leases, key, start) = (Leases::default(), key(), Instant::now());
    leases.hold(key, 1, start);
    leases.hold(key, 2, start);
    assert_eq!(leases.begin_prolonging(&[key], start).len(), 1);
    leases.end(key, 1, start);
    assert_eq!(ids(leases.due_to_return(start)), [1]);
    leases.returned(&key, &[1]);
    assert_eq!(leases.to_piggyback(&key), [1]);
    leases.end_prolonging(start);
    assert_eq!(ids(leases.due_to_return(start)), [1]);
    leases.returned(&key, &[1]);
    assert!(leases.to_piggyback(&key).is_empty());
    assert_eq!(ids(leases.begin_prolonging(&[key], start)), [2]);
}

#[test]
fn leases_are_prolonged_in_time_and_sooner_after_a_failure_or_loss() {
    let (mut leases, key, start) = (Leases::default(), key(), Instant::now());
    leases.hold(key, 1, start);
    let due = |leases: &Leases, at| leases.to_prolong(start + seconds(at)).len();
    assert_eq!([9, 10].map(|at| due(&leases, at)), [0, 1]);
    leases.begin_prolonging(&[key], start + seconds(10));
    assert_eq!([12, 13].map(|at| due(&leases, at)), [0, 1]);
    leases.prolonged(&key, start + seconds(10));
    assert_eq!([19, 20].map(|at| due(&leases, at)), [0, 1]);
    leases.may_be_lost();
    assert_eq!([12, 13].map(|at| due(&leases, at)), [0, 1]);
}

#[test]
fn no_question_is_a_long_one() {
    let (mut leases, key, start) = (Leases::default(), key(), Instant::now());
    (0..1200).for_each(|id| leases.hold(key, id, start));
    let questions = |asked: Vec<OfKey>| asked.iter().map(|it| it.1.len()).collect::<Vec<_>>();
    assert_eq!(
        questions(leases.begin_prolonging(&[key], start)),
        [500, 500, 200]
    );
    leases.end_prolonging(start);
    (0..1200).for_each(|id| leases.end(key, id, start));
    assert_eq!(leases.to_piggyback(&key).len(), 100);
    assert_eq!(leases.to_piggyback(&key)[0], 1199, "the newest");
    assert_eq!(questions(leases.due_to_return(start)), [500, 500, 200]);
}
