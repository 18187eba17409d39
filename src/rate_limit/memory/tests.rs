use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

use super::*;
use crate::{
    rate_limit::Identity,
    route::limit::{By, Scope, Scoped},
};

fn scoped(limit: Limit) -> Scoped {
    Scoped::new(limit, Scope::Caller, "limits[0]")
}

fn rate(requests: u32, window: Duration, burst: u32) -> Scoped {
    scoped(Limit {
        tokens: None,
        rate: Some(Rate {
            requests: NonZeroU32::new(requests).unwrap(),
            window,
            burst: NonZeroU32::new(burst).unwrap(),
        }),
        concurrent: None,
        by: By::Caller,
    })
}

fn at_a_time(concurrent: u32) -> Scoped {
    scoped(Limit {
        tokens: None,
        rate: None,
        concurrent: NonZeroU32::new(concurrent),
        by: By::Caller,
    })
}

fn key(scoped: &Scoped, value: u32) -> Key {
    let nobody = || Identity::by_address(None);
    Key::of_value(scoped, nobody, &value.to_le_bytes())
}

fn memory(most: usize) -> (Memory<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Memory::new(clock.clone(), most), clock)
}

#[test]
fn a_burst_passes_and_the_rest_is_earned_evenly() {
    let (memory, clock) = memory(MOST);
    let limit = rate(60, Duration::from_secs(60), 3);
    let key = key(&limit, 1);
    let remaining = || memory.admit(&limit, key).map(|(_, room)| room.remaining);
    assert_eq!(
        [remaining(), remaining(), remaining()].map(Result::ok),
        [Some(2), Some(1), Some(0)]
    );
    let refused = memory.admit(&limit, key).unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_secs(1));
    assert_eq!(refused.room.reset, Duration::from_secs(3));
    clock.advance(Duration::from_millis(999));
    assert!(remaining().is_err());
    clock.advance(Duration::from_millis(1));
    assert_eq!(remaining().ok(), Some(0));
}

#[test]
fn what_is_left_is_what_the_last_request_was_told_and_looking_counts_nothing() {
    let (memory, clock) = memory(MOST);
    let limit = rate(60, Duration::from_secs(60), 3);
    let key = key(&limit, 1);
    let left = || memory.left(&limit, key).requests;
    assert_eq!(left(), Some((3, Duration::ZERO)));
    assert_eq!(memory.len(), 0);
    for _ in 0..3 {
        let (_, room) = memory.admit(&limit, key).unwrap();
        assert_eq!(left(), Some((room.remaining, room.reset)));
    }
    clock.advance(Duration::from_millis(1500));
    assert_eq!(left(), Some((1, Duration::from_millis(1500))));
    clock.advance(Duration::from_secs(9));
    assert_eq!(left(), Some((3, Duration::ZERO)));
}

#[test]
fn what_is_left_for_a_key_without_room_is_what_is_left_of_the_shared_count() {
    let (memory, _) = memory(SHARDS);
    let limit = rate(60, Duration::from_secs(60), 3);
    let keys: Vec<Key> = (0..100).map(|value| key(&limit, value)).collect();
    for key in &keys {
        let before = memory.left(&limit, *key).requests.map(|(left, _)| left);
        let admitted = memory
            .admit(&limit, *key)
            .map(|(_, room)| room.remaining + 1);
        assert_eq!(before, Some(admitted.unwrap_or(0)));
    }
}

#[test]
fn concurrent_places_are_given_back() {
    let (memory, _) = memory(MOST);
    let limit = at_a_time(2);
    let key = key(&limit, 1);
    let (bucket, room) = memory.admit(&limit, key).unwrap();
    assert_eq!((room.limit, room.remaining), (2, 1));
    let second = memory.admit(&limit, key).unwrap();
    assert_eq!(second.1.remaining, 0);
    let refused = memory.admit(&limit, key).unwrap_err();
    assert_eq!(refused.reason, Reason::Concurrent);
    bucket.leave();
    assert!(memory.admit(&limit, key).is_ok());
}

#[test]
fn a_refused_request_takes_no_concurrent_place() {
    let (memory, clock) = memory(MOST);
    let mut limit = rate(1, Duration::from_secs(1), 1);
    limit.limit.concurrent = NonZeroU32::new(2);
    let key = key(&limit, 1);
    let (bucket, _) = memory.admit(&limit, key).unwrap();
    for _ in 0..10 {
        assert_eq!(
            memory.admit(&limit, key).unwrap_err().reason,
            Reason::Requests
        );
    }
    assert_eq!(bucket.concurrent.load(Ordering::Relaxed), 1);
    clock.advance(Duration::from_secs(1));
    assert!(memory.admit(&limit, key).is_ok());
}

#[test]
fn only_full_buckets_are_removed_and_further_keys_share_one() {
    let (memory, clock) = memory(SHARDS * 4);
    let limit = rate(1, Duration::from_secs(60), 1);
    clock.advance(SWEEP);
    for value in 0..1000 {
        let _ = memory.admit(&limit, key(&limit, value));
    }
    assert!(memory.len() <= SHARDS * 4 + MAX_SHARED, "{}", memory.len());
    // The keys with buckets of their own are still counted separately, the rest together.
    let admitted = (0..1000).filter(|value| memory.admit(&limit, key(&limit, *value)).is_ok());
    assert_eq!(admitted.count(), 0);
    clock.advance(Duration::from_secs(61));
    assert!(memory.admit(&limit, key(&limit, 5000)).is_ok());
    assert!(memory.admit(&limit, key(&limit, 5001)).is_ok());
}

#[test]
fn a_bucket_with_concurrent_requests_is_not_removed() {
    let (memory, clock) = memory(SHARDS);
    let limit = at_a_time(1);
    let held = key(&limit, 0);
    let (bucket, _) = memory.admit(&limit, held).unwrap();
    drop(bucket);
    for value in 1..200 {
        clock.advance(SWEEP);
        let _ = memory
            .admit(&limit, key(&limit, value))
            .map(|(bucket, _)| bucket.leave());
    }
    assert!(memory.admit(&limit, held).is_err());
}

proptest! {
    #[test]
    fn in_any_window_at_most_the_limit_and_the_burst_pass(
        requests in 1_u32..50,
        burst in 1_u32..50,
        steps in proptest::collection::vec(0_u64..200, 1..400),
    ) {
        let (memory, clock) = memory(MOST);
        let limit = rate(requests, Duration::from_secs(1), burst);
        let key = key(&limit, 1);
        let mut now = 0;
        let mut passed: Vec<u64> = Vec::new();
        for step in steps {
            clock.advance(Duration::from_millis(step));
            now += step;
            match memory.admit(&limit, key) {
                Ok(_) => passed.push(now),
                Err(refused) => prop_assert!(refused.retry_after > Duration::ZERO),
            }
        }
        for (first, begin) in passed.iter().enumerate() {
            let within = passed[first..].iter().take_while(|at| **at < begin + 1000).count();
            prop_assert!(within <= (requests + burst) as usize, "{within} of {requests}+{burst}");
        }
    }

    #[test]
    fn waiting_as_told_is_enough(
        requests in 1_u32..1000,
        burst in 1_u32..20,
        window in 1_u64..100_000,
    ) {
        let (memory, clock) = memory(MOST);
        let limit = rate(requests, Duration::from_millis(window), burst);
        let key = key(&limit, 1);
        for _ in 0..100 {
            if let Err(refused) = memory.admit(&limit, key) {
                clock.advance(refused.retry_after);
                prop_assert!(memory.admit(&limit, key).is_ok());
            }
        }
    }
}

#[test]
fn a_counted_request_that_is_not_sent_is_given_back() {
    for burst in [1, 3] {
        let (memory, clock) = memory(MOST);
        let limit = rate(60, Duration::from_secs(60), burst);
        let key = key(&limit, 1);
        let rate = limit.limit.rate.unwrap();
        let admit = || memory.admit(&limit, key);
        for remaining in (0..burst).rev() {
            let (bucket, room) = admit().unwrap();
            bucket.give_back(rate);
            let (_, again) = admit().unwrap();
            assert_eq!((room.remaining, again.remaining), (remaining, remaining));
        }
        assert!(admit().is_err());
        clock.advance(Duration::from_millis(999));
        assert!(admit().is_err());
        clock.advance(Duration::from_millis(1));
        assert!(admit().is_ok() && admit().is_err());
    }
}

#[test]
fn giving_back_leaves_the_limit_as_if_the_request_had_not_come() {
    let (memory, clock) = memory(MOST);
    let limit = rate(1, Duration::from_secs(1), 3);
    let key = key(&limit, 1);
    let admit = || memory.admit(&limit, key);
    assert!(admit().is_ok());
    clock.advance(Duration::from_millis(500));
    let (bucket, _) = admit().unwrap();
    bucket.give_back(limit.limit.rate.unwrap());
    // Without that request the limit has been refilled by half a request since the first.
    assert!(admit().is_ok() && admit().is_ok());
    assert_eq!(admit().unwrap_err().retry_after, Duration::from_millis(500));
}

proptest! {
    #[test]
    fn giving_back_lets_no_more_pass_than_the_limit_and_the_burst(
        steps in prop::collection::vec((0u64..1500, any::<bool>()), 1..80),
    ) {
        let (memory, clock) = memory(MOST);
        let limit = rate(1, Duration::from_secs(1), 3);
        let key = key(&limit, 1);
        let (mut sent, mut now) = (Vec::new(), 0);
        for (wait, is_sent) in steps {
            clock.advance(Duration::from_millis(wait));
            now += wait;
            let Ok((bucket, _)) = memory.admit(&limit, key) else {
                continue;
            };
            match is_sent {
                true => sent.push(now),
                false => bucket.give_back(limit.limit.rate.unwrap()),
            }
        }
        for (place, from) in sent.iter().enumerate() {
            for (more, until) in sent[place..].iter().enumerate() {
                let most = 3 + (until - from) / 1000;
                prop_assert!((more as u64) < most, "{from}..{until}: more than {most}");
            }
        }
    }
}
