//! What is kept, joined, forgotten or finds no memory must not change what is sent.

use std::{pin::Pin, task::Waker};

use actix_http::error::PayloadError;
use futures_core::Stream;
use proptest::prelude::*;

use super::*;
use crate::memory::{BodyMemory, Counts};

fn next(body: &mut RequestBody) -> Option<Result<Bytes, BodyFault>> {
    match body.poll_chunk(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(chunk) => chunk,
        Poll::Pending => panic!("a body held in memory is always ready"),
    }
}

fn of(bytes: &'static [u8], keep_limit: usize) -> RequestBody {
    let source = Payload::from(Bytes::from_static(bytes));
    RequestBody::new(
        source,
        BodyLength::Exact(bytes.len() as u64),
        keep_limit,
        Account::UNCOUNTED,
    )
}

#[test]
fn a_kept_body_is_sent_again_whole() {
    let mut body = of(b"hello", 5);
    assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"hello"))));
    assert!(body.rewind());
    assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"hello"))));
    assert_eq!(next(&mut body), None);
}

#[test]
fn a_body_over_its_keep_limit_is_sent_once() {
    let mut body = of(b"hello", 4);
    assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"hello"))));
    assert!(!body.rewind());
}

#[test]
fn an_unread_body_can_always_start_again() {
    assert!(of(b"hello", 0).rewind());
}

#[test]
fn what_is_kept_for_other_targets_outlives_the_start_of_a_response() {
    let mut stale = of(b"hello", 5);
    let mut replayed = of(b"hello", 0);
    replayed.keep_for_replay(5);
    for body in [&mut stale, &mut replayed] {
        assert!(body.whole().is_none());
        assert!(next(body).is_some() && body.is_complete());
        body.note_response();
    }
    assert!(!stale.is_replayable() && stale.whole().is_none());
    assert_eq!(replayed.whole(), Some(&[Bytes::from_static(b"hello")][..]));
    replayed.forget();
    assert!(!replayed.rewind());
}

#[test]
fn a_body_read_before_is_sent_from_memory_as_often_as_wanted() {
    let chunks = vec![Bytes::from_static(b"he"), Bytes::from_static(b"llo")];
    let mut body = RequestBody::of(chunks, BodyLength::Chunked);
    for _ in 0..2 {
        assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"he"))));
        assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"llo"))));
        assert_eq!(next(&mut body), None);
        assert!(body.rewind());
    }
    assert_eq!(body.bytes_read(), 5);
}

#[test]
fn a_body_over_the_limit_of_the_settings_fails() {
    let mut body = of(b"hello", 0).limited_to(4);
    assert_eq!(next(&mut body), Some(Err(BodyFault::TooLarge)));
    assert_eq!(body.fault(), Some(BodyFault::TooLarge));
}

fn counted(limit: u64) -> (Account, Counts) {
    let counts = Counts::default();
    let account = BodyMemory::new(limit, counts.clone()).account(None);
    (account, counts)
}

/// A body that comes in these pieces.
fn in_pieces(pieces: &[Bytes], length: BodyLength, keep: usize, account: Account) -> RequestBody {
    let pieces: Vec<Result<Bytes, PayloadError>> = pieces.iter().cloned().map(Ok).collect();
    let stream: Pin<Box<dyn Stream<Item = _>>> = Box::pin(futures_util::stream::iter(pieces));
    RequestBody::new(Payload::Stream { payload: stream }, length, keep, account)
}

fn whole(body: &mut RequestBody, limit: usize) -> Whole {
    let Poll::Ready(Ok(whole)) = body.poll_whole(limit, &mut Context::from_waker(Waker::noop()))
    else {
        panic!("it is all there");
    };
    whole
}

fn rest(body: &mut RequestBody) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = next(body) {
        all.extend_from_slice(&chunk.expect("no fault"));
    }
    all
}

#[test]
fn what_is_still_to_be_sent_again_is_sent_after_a_response_has_begun() {
    let pieces = vec![Bytes::from(vec![1; 70_000]), Bytes::from(vec![2; 70_000])];
    let (account, counts) = counted(1 << 30);
    let mut body = in_pieces(&pieces, BodyLength::Chunked, usize::MAX, account);
    assert_eq!(rest(&mut body), pieces.concat());
    assert!(body.rewind());
    let first = next(&mut body).expect("a piece").expect("no fault");
    body.forget();
    assert!(!body.is_replayable() && !body.rewind());
    assert!(counts.kept.get() > 0);
    let sent = [first.to_vec(), rest(&mut body)].concat();
    assert!(sent == pieces.concat(), "{} bytes", sent.len());
    drop(first);
    assert_eq!(counts.kept.get(), 0);
}

#[test]
fn a_body_without_memory_goes_on_and_is_not_replayable() {
    let pieces = vec![Bytes::from(vec![1; 5_000]); 10];
    let (account, counts) = counted(20_000);
    let mut body = in_pieces(&pieces, BodyLength::Chunked, usize::MAX, account);
    assert_eq!(rest(&mut body), pieces.concat());
    assert!(!body.rewind() && body.whole().is_none());
    assert_eq!((counts.kept.get(), counts.refused.get()), (0, 1));
}

#[test]
fn every_copy_of_a_body_gives_its_memory_back() {
    let pieces = vec![Bytes::from(vec![1; 100_000]); 3];
    let (account, counts) = counted(1 << 30);
    let mut body = in_pieces(&pieces, BodyLength::Exact(300_000), 0, account);
    assert_eq!(whole(&mut body, 300_000), Whole::Kept);
    let mut copy = body.copy().expect("it is here");
    body.discard();
    assert!(counts.kept.get() >= 300_000);
    assert_eq!(copy.joined(), Ok(Some(pieces.concat().into())));
    copy.forget();
    assert!(rest(&mut copy) == pieces.concat());
    assert_eq!(counts.kept.get(), 0);
}

/// What may be done with a body, in any order.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Next,
    Whole,
    Join,
    Rewind,
    Forget,
    Keep,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    use Deed::*;
    prop::collection::vec(
        prop::sample::select(&[Next, Next, Next, Join, Rewind, Forget, Keep][..]),
        0..30,
    )
}

proptest! {
    /// Whatever is kept, joined, forgotten or finds no memory: what is handed out is the body from
    /// its beginning, without a gap.
    #[test]
    fn every_try_hands_out_the_body_from_its_first_byte(
        sizes in prop::collection::vec(0..90_000_usize, 0..6),
        chunked in any::<bool>(),
        keep in prop::sample::select(&[0, 1000, 64 << 10, usize::MAX][..]),
        memory in prop::sample::select(&[0, 3000, 150_000, 500_000, 1 << 30][..]),
        read_first in any::<bool>(),
        deeds in deeds(),
    ) {
        let pieces: Vec<Bytes> = sizes.iter().enumerate()
            .map(|(number, size)| Bytes::from(vec![number as u8; *size])).collect();
        let all = pieces.concat();
        let length = match chunked {
            true => BodyLength::Chunked,
            false => BodyLength::Exact(all.len() as u64),
        };
        let (account, counts) = counted(memory);
        let mut body = in_pieces(&pieces, length, keep, account);
        let first = read_first.then_some(Deed::Whole);
        let mut sent = Vec::new();
        for deed in first.into_iter().chain(deeds) {
            match deed {
                Deed::Next => match next(&mut body) {
                    Some(chunk) => sent.extend_from_slice(&chunk.expect("no fault")),
                    None => prop_assert!(sent == all),
                },
                Deed::Whole => drop(whole(&mut body, keep)),
                Deed::Join => if let Ok(Some(joined)) = body.joined() {
                    prop_assert!(joined == all);
                },
                Deed::Rewind => if body.rewind() {
                    sent.clear();
                },
                Deed::Forget => body.forget(),
                Deed::Keep => body.keep_for_replay(usize::MAX),
            }
            prop_assert!(all.starts_with(&sent));
            prop_assert!(counts.kept.get() as u64 <= memory / 2);
        }
        sent.extend(rest(&mut body));
        prop_assert!(sent == all, "{} of {} bytes", sent.len(), all.len());
        drop(body);
        prop_assert_eq!(counts.kept.get(), 0);
    }
}

#[test]
fn a_long_body_in_pieces_is_lent_and_a_short_one_is_not() {
    for (length, is_lent) in [(100_000, true), (300_000, true), (70_000, false)] {
        let bytes = vec![b'x'; length];
        let pieces: Vec<Bytes> = bytes.chunks(9000).map(Bytes::copy_from_slice).collect();
        let mut body = RequestBody::of(pieces, BodyLength::Chunked);
        let lent = body.lend_long(80_000);
        assert_eq!(lent.is_some(), is_lent, "{length}");
        if let Some(mut kept) = lent {
            kept.join().expect("room");
            body.give_back(kept);
            assert_eq!(body.whole().map(<[Bytes]>::len), Some(1));
            assert!(body.lend_long(80_000).is_none(), "it is one piece already");
        }
        assert_eq!(body.joined(), Ok(Some(bytes.into())));
    }
}

#[test]
fn a_body_that_is_being_sent_is_not_lent() {
    let pieces = vec![Bytes::from_static(&[0; 1000]); 3];
    let mut body = RequestBody::of(pieces, BodyLength::Chunked);
    assert!(next(&mut body).is_some() && body.lend_long(1000).is_none());
    assert!(body.rewind() && body.lend_long(1000).is_some());
}

/// A chunked body that comes in these pieces, and then as `end` says.
fn ending(pieces: Vec<Bytes>, end: Option<PayloadError>) -> RequestBody {
    let pieces = pieces.into_iter().map(Ok).chain(end.map(Err));
    let stream: Pin<Box<dyn Stream<Item = _>>> = Box::pin(futures_util::stream::iter(pieces));
    let payload = Payload::Stream { payload: stream };
    RequestBody::new(payload, BodyLength::Chunked, 0, Account::UNCOUNTED)
}

#[test]
fn small_pieces_at_hand_go_up_together_and_large_ones_as_they_are() {
    let small = |count: usize| vec![Bytes::from_static(b"x"); count];
    let large = vec![Bytes::from(vec![b'y'; 4096])];
    for (pieces, sent) in [
        (small(100), vec![100]),
        (small(20_000), vec![8192, 8192, 3616]),
        (
            [small(3), large.clone(), small(2)].concat(),
            vec![3, 4096, 2],
        ),
        ([large.clone(), large].concat(), vec![4096, 4096]),
    ] {
        let expected = pieces.concat();
        let mut body = ending(pieces, None);
        let mut chunks = Vec::new();
        while let Some(chunk) = next(&mut body) {
            chunks.push(chunk.expect("a whole body"));
        }
        let lengths: Vec<_> = chunks.iter().map(Bytes::len).collect();
        assert_eq!((lengths, chunks.concat()), (sent, expected));
    }
}

#[test]
fn a_fault_behind_small_pieces_comes_after_their_bytes() {
    let pieces = vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")];
    let mut body = ending(pieces, Some(PayloadError::Incomplete(None)));
    assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"ab"))));
    assert_eq!(next(&mut body), Some(Err(BodyFault::ClientGone)));
}
