//! A leader and followers that join early or late, read slowly, or leave.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;

use super::*;
use crate::cache::{NoCacheReason, cacheable::LARGEST_RESPONSE};

type Under = Arc<Flights<&'static str, u32>>;

fn flights(most_bytes: u64) -> Under {
    Arc::new(Flights::new(most_bytes))
}

fn lead(flights: &Under, key: &'static str) -> Leader<&'static str, u32> {
    match flights.enter(&key) {
        Entered::Leader(lead) => lead,
        Entered::Join(_) => panic!("{key} is under way"),
    }
}

fn join(flights: &Under, key: &'static str) -> Follower<u32> {
    match flights.enter(&key) {
        Entered::Join(reader) => reader,
        Entered::Leader(_) => panic!("{key} is not under way"),
    }
}

fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// What a follower gets until it has to wait, and how it ends.
fn read(reader: &Follower<u32>) -> (String, Poll<Result<(), Broken>>) {
    let mut text = String::new();
    loop {
        match reader.poll_chunk(&idle()) {
            Poll::Ready(Some(Ok(chunk))) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
            Poll::Ready(Some(Err(broken))) => return (text, Poll::Ready(Err(broken))),
            Poll::Ready(None) => return (text, Poll::Ready(Ok(()))),
            Poll::Pending => return (text, Poll::Pending),
        }
    }
}

fn text(text: &str, end: Poll<Result<(), Broken>>) -> (String, Poll<Result<(), Broken>>) {
    (text.to_owned(), end)
}

fn chunk(bytes: u64) -> Bytes {
    vec![b'x'; usize::try_from(bytes).unwrap()].into()
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn followers_that_join_at_any_time_read_the_whole_response() {
    let flights = flights(1000);
    let mut lead = lead(&flights, "a");
    let (own, early) = (lead.reader(), join(&flights, "a"));
    assert_eq!(early.poll_beginning(&idle()), Poll::Pending);
    lead.begin(7);
    lead.push("one ".into());
    assert_eq!(early.poll_beginning(&idle()), Poll::Ready(Ok(7)));
    assert_eq!(read(&early), text("one ", Poll::Pending));
    lead.push("two".into());
    let late = join(&flights, "a");
    assert_eq!(late.poll_beginning(&idle()), Poll::Ready(Ok(7)));
    assert_eq!(read(&late), text("one two", Poll::Pending));
    assert_eq!(lead.pieces().map(|it| it.concat()), Ok("one two".into()));
    lead.end(Ok(()));
    let very_late = join(&flights, "a");
    for (reader, rest) in [
        (&early, "two"),
        (&late, ""),
        (&own, "one two"),
        (&very_late, "one two"),
    ] {
        assert_eq!(read(reader), text(rest, Poll::Ready(Ok(()))));
    }
    drop(lead);
    assert_eq!(flights.count(), 0);
}

#[test]
fn different_keys_do_not_wait_for_each_other() {
    let flights = flights(1000);
    let one = lead(&flights, "a");
    let _two = lead(&flights, "b");
    let _alone = flights.alone();
    assert_eq!(flights.count(), 2);
    drop(one);
    let _again = lead(&flights, "a");
}

#[test]
fn waiting_followers_are_woken_by_each_event() {
    let flights = flights(1000);
    let mut lead = lead(&flights, "a");
    let reader = join(&flights, "a");
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let cx = Context::from_waker(&waker);
    assert!(reader.poll_beginning(&cx).is_pending());
    lead.begin(1);
    assert_eq!(woken.0.load(Relaxed), 1);
    assert!(reader.poll_chunk(&cx).is_pending());
    lead.push("x".into());
    assert_eq!(woken.0.load(Relaxed), 2);
    assert!(reader.poll_chunk(&cx).is_ready() && reader.poll_chunk(&cx).is_pending());
    lead.end(Ok(()));
    assert_eq!(woken.0.load(Relaxed), 3);
}

#[test]
fn followers_get_the_same_error() {
    let flights = flights(1000);
    let mut lead = lead(&flights, "a");
    let reader = join(&flights, "a");
    lead.begin(1);
    lead.push("half".into());
    lead.end(Err("cut".to_owned()));
    let cut = Broken::Upstream("cut".into());
    assert_eq!(read(&reader), text("half", Poll::Ready(Err(cut))));
}

#[test]
fn a_follower_can_retry_if_the_leader_leaves_before_the_head() {
    let flights = flights(1000);
    let one = lead(&flights, "a");
    let reader = join(&flights, "a");
    drop(one);
    assert_eq!(reader.poll_beginning(&idle()), Poll::Ready(Err(Abandoned)));
    let mut two = lead(&flights, "a");
    let reader = join(&flights, "a");
    two.begin(1);
    two.push("x".into());
    drop(two);
    assert_eq!(
        read(&reader),
        text("x", Poll::Ready(Err(Broken::Abandoned)))
    );
}

#[test]
fn a_flight_ends_when_its_last_follower_leaves() {
    let flights = flights(1000);
    let mut lead = lead(&flights, "a");
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let cx = Context::from_waker(&waker);
    let readers = [lead.reader(), join(&flights, "a")];
    assert!(lead.poll_alone(&cx).is_pending());
    for reader in readers {
        assert!(lead.poll_alone(&cx).is_pending());
        drop(reader);
    }
    assert_eq!(woken.0.load(Relaxed), 2);
    assert!(lead.poll_alone(&cx).is_ready());
    assert_eq!(flights.count(), 0, "the next request leads");
}

#[test]
fn a_slow_follower_is_cut_off_and_does_not_block_others() {
    let flights = flights(u64::MAX);
    let mut lead = lead(&flights, "a");
    let (fast, slow) = (join(&flights, "a"), join(&flights, "a"));
    lead.begin(1);
    let mut sent = 0;
    while sent <= LARGEST_RESPONSE + MOST_BEHIND {
        assert!(lead.poll_room(&idle()).is_ready());
        lead.push(chunk(AHEAD));
        sent += AHEAD;
        assert_eq!(read(&fast).0.len() as u64, AHEAD);
        assert_eq!(lead.refused().is_some(), sent > LARGEST_RESPONSE, "{sent}");
    }
    assert_eq!(read(&slow), text("", Poll::Ready(Err(Broken::LeftBehind))));
    lead.push(chunk(1));
    assert_eq!(read(&fast).0.len(), 1);
    assert_eq!(lead.flight().state().chunks.len(), 0, "all released");
    assert_eq!(flights.room.used(), 0);
    lead.end(Ok(()));
    assert_eq!(read(&fast), text("", Poll::Ready(Ok(()))));
}

#[test]
fn beyond_the_storable_size_the_fastest_follower_sets_the_pace_and_nobody_can_join() {
    let flights = flights(u64::MAX);
    let mut one = lead(&flights, "a");
    let only = one.reader();
    one.begin(1);
    one.push(chunk(LARGEST_RESPONSE));
    assert!(one.poll_room(&idle()).is_ready(), "all of it may be stored");
    one.push(chunk(1));
    assert_eq!(one.refused(), Some(NoCacheReason::TooLarge));
    assert!(one.poll_room(&idle()).is_pending());
    let two = lead(&flights, "a");
    drop(two);
    assert!(only.poll_chunk(&idle()).is_ready());
    assert!(one.poll_room(&idle()).is_ready());
    assert!(only.poll_chunk(&idle()).is_ready(), "it is never cut off");
}

#[test]
fn all_flights_together_respect_the_memory_limit() {
    // Each chunk takes 64 bytes besides its own.
    let flights = flights(80);
    let (mut one, mut two) = (lead(&flights, "a"), lead(&flights, "b"));
    let (first, second) = (one.reader(), two.reader());
    one.push("12345678".into());
    two.push("123".into());
    assert_eq!(one.refused(), None);
    assert_eq!(two.refused(), Some(NoCacheReason::NoRoom));
    for reader in [&first, &second] {
        assert!(!read(reader).0.is_empty());
    }
    drop((one, first));
    assert_eq!(flights.room.used(), 0);
    drop((two, second));
    assert_eq!(flights.room.used(), 0);
}

#[test]
fn a_refused_flight_cannot_be_joined_even_before_it_is_removed() {
    let flights = flights(1000);
    let (mut one, reader) = (lead(&flights, "a"), join(&flights, "a"));
    one.push("12".into());
    // Set directly, as another worker would see it before the flight is removed.
    one.flight().state().refuse(NoCacheReason::TooLarge);
    assert_eq!(read(&reader), text("12", Poll::Pending));
    let again = lead(&flights, "a");
    assert_eq!(one.pieces(), Err(NoCacheReason::TooLarge));
    drop(one);
    // Another flight is registered under the key by now.
    assert!(matches!(flights.enter(&"a"), Entered::Join(_)));
    drop(again);
}

#[test]
fn closing_a_flight_changes_the_ended_count() {
    let flights = flights(1000);
    let mut one = lead(&flights, "a");
    let before = flights.ended();
    assert!(one.close_if_alone());
    assert!(flights.ended() > before);
    assert!(matches!(flights.enter(&"a"), Entered::Leader(_)));
}

#[test]
fn followers_cut_off_do_not_keep_a_flight_alive() {
    let flights = flights(u64::MAX);
    let mut lead = lead(&flights, "a");
    let (fast, stuck) = (join(&flights, "a"), join(&flights, "a"));
    for _ in 0..=(MOST_BEHIND / AHEAD) {
        lead.push(chunk(AHEAD));
        assert!(read(&fast).1.is_pending());
    }
    drop(fast);
    assert!(lead.poll_alone(&idle()).is_ready());
    assert_eq!(read(&stuck), text("", Poll::Ready(Err(Broken::LeftBehind))));
}

#[test]
fn a_follower_that_joined_just_before_the_limit_has_time_to_read() {
    let flights = flights(u64::MAX);
    let mut lead = lead(&flights, "a");
    let early = join(&flights, "a");
    lead.push(chunk(LARGEST_RESPONSE));
    assert!(read(&early).1.is_pending());
    let late = join(&flights, "a");
    lead.push(chunk(1));
    assert_eq!(read(&late).0.len() as u64, LARGEST_RESPONSE + 1);
}

#[test]
fn without_memory_followers_that_keep_up_are_not_cut_off() {
    let flights = flights(1);
    let mut lead = lead(&flights, "a");
    let readers = [join(&flights, "a"), join(&flights, "a")];
    let stuck = join(&flights, "a");
    let (mut sent, mut got) = (0, [0; 2]);
    while sent < 4 * MOST_WITHOUT_ROOM {
        // The leader reads as fast as it may; the followers read one chunk each in turn.
        while lead.poll_room(&idle()).is_ready() {
            lead.push(chunk(AHEAD / 16));
            sent += AHEAD / 16;
        }
        for (reader, got) in readers.iter().zip(&mut got) {
            let Poll::Ready(Some(Ok(chunk))) = reader.poll_chunk(&idle()) else {
                panic!("cut off after {got} of {sent}");
            };
            *got += chunk.len() as u64;
        }
    }
    lead.end(Ok(()));
    for (reader, got) in readers.iter().zip(&got) {
        let (rest, end) = read(reader);
        assert_eq!((got + rest.len() as u64, end), (sent, Poll::Ready(Ok(()))));
    }
    assert_eq!(read(&stuck), text("", Poll::Ready(Err(Broken::LeftBehind))));
}

#[test]
fn an_ended_flight_frees_memory_as_it_is_read() {
    let flights = flights(u64::MAX);
    let mut lead = lead(&flights, "a");
    let reader = join(&flights, "a");
    for _ in 0..3 {
        lead.push(chunk(1000));
    }
    lead.end(Ok(()));
    drop(lead);
    let all = flights.room.used();
    assert!(reader.poll_chunk(&idle()).is_ready());
    assert_eq!(flights.room.used(), all / 3 * 2);
    drop(reader);
    assert_eq!(flights.room.used(), 0);
}

#[test]
fn a_follower_that_joins_during_the_check_gets_only_a_storable_response() {
    for good in [true, false] {
        let flights = flights(1 << 20);
        let mut lead = lead(&flights, "a");
        lead.begin(1);
        let early = join(&flights, "a");
        lead.push("one".into());
        lead.begin_judging();
        let late = join(&flights, "a");
        assert_eq!(early.poll_beginning(&idle()), Poll::Ready(Ok(1)));
        assert!(late.poll_beginning(&idle()).is_pending());
        if !good {
            lead.refuse(NoCacheReason::ErrorBody);
            assert!(late.poll_beginning(&idle()).is_pending());
        }
        lead.end(Ok(()));
        assert_eq!(read(&early), text("one", Poll::Ready(Ok(()))));
        let expected = if good { Ok(1) } else { Err(Abandoned) };
        assert_eq!(late.poll_beginning(&idle()), Poll::Ready(expected));
    }
}

#[test]
fn a_follower_that_joins_during_the_check_is_told_when_the_leader_leaves() {
    let flights = flights(1 << 20);
    let lead = lead(&flights, "a");
    lead.begin(1);
    lead.begin_judging();
    let late = join(&flights, "a");
    drop(lead);
    assert_eq!(late.poll_beginning(&idle()), Poll::Ready(Err(Abandoned)));
}
