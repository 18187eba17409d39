mod bounds;

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{
    budget::{Budget, Scoped},
    money::Usd,
    spend::{self, Spend, Spent},
};

fn budget(written: serde_json::Value) -> Scoped {
    let budget: Budget = serde_json::from_value(written).expect("a budget");
    Scoped::new(budget, "settings")
}

fn tokens(count: u64) -> Scoped {
    budget(json!({ "tokens": count, "window": "day" }))
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

fn claim(scoped: &Scoped, amount: u64) -> Claim<'static> {
    claim_of(scoped, amount, Whose::ALL)
}

fn claim_of(scoped: &Scoped, amount: u64, whose: Whose) -> Claim<'static> {
    let span = scoped.budget.window.at(now());
    let claim = Claim::of(scoped, span, (whose, Cow::Borrowed("")));
    Claim {
        amount,
        input: amount / 10,
        ..claim
    }
}

fn spend() -> Arc<Spend> {
    {
        let local = crate::redis_client::OnRedisFailure::Local;
        Arc::new(Spend::new(spend::Counts::default(), None, local))
    }
}

fn used(tokens: u64) -> Spent<'static> {
    Spent {
        tokens: Some(tokens),
        ..Spent::default()
    }
}

fn reserve(spend: &Arc<Spend>, claims: &[Claim<'_>]) -> Result<spend::Reservation, Refused> {
    match spend.reserve_here(claims, None) {
        Ok(reserved) => Ok(reserved.reservation),
        Err(spend::NotReserved::Refused(refused)) => Err(refused),
        Err(spend::NotReserved::Uncounted) => panic!("there is no Redis"),
    }
}

#[test]
fn what_is_reserved_is_not_given_twice() {
    let (spend, scoped) = (spend(), tokens(100));
    let claim = claim(&scoped, 40);
    let first = reserve(&spend, std::slice::from_ref(&claim)).unwrap();
    let second = reserve(&spend, std::slice::from_ref(&claim)).unwrap();
    let refused = reserve(&spend, std::slice::from_ref(&claim)).unwrap_err();
    let expected = Standing {
        spent: 0,
        reserved: 80,
        granted: 0,
    };
    assert_eq!((refused.claim, refused.standing), (0, expected));
    first.settle(&used(5));
    second.release();
    let third = reserve(&spend, std::slice::from_ref(&claim)).unwrap();
    assert_eq!(spend.memory.standing(&claim.place).spent, 5);
    assert_eq!(spend.memory.standing(&claim.place).reserved, 40);
    drop(third);
    assert_eq!(spend.memory.standing(&claim.place).reserved, 0);
    assert_eq!(spend.counts.outstanding.get(), 0);
    assert_eq!(spend.counts.refusals.get(), 1);
}

#[test]
fn all_budgets_have_room_or_none_is_touched() {
    let (spend, wide) = (spend(), tokens(1000));
    let narrow = budget(json!({ "tokens": 10, "window": "month" }));
    let both = [claim(&wide, 8), claim(&narrow, 8)];
    let held = reserve(&spend, &both).unwrap();
    assert_eq!(reserve(&spend, &both).unwrap_err().claim, 1);
    assert_eq!(spend.memory.standing(&both[0].place).reserved, 8);
    held.settle(&used(8));
    for claim in &both {
        assert_eq!(spend.memory.standing(&claim.place).spent, 8);
    }
}

/// Why something was or was not counted, for each way in which a request ends.
#[test]
fn a_reservation_counts_what_its_end_says() {
    let unknown = Spent::default();
    let priced = Spent {
        usd: Some(Usd::from_nano(7)),
        tokens: Some(3),
        ..unknown
    };
    let free = Spent {
        usd: Some(Usd::ZERO),
        tokens: Some(0),
        ..unknown
    };
    for (policy, has_head, end, usd, tokens) in [
        ("estimate", false, None, 0, 0),
        ("estimate", true, None, 10, 10),
        ("deny", true, None, 10, 10),
        ("allow", true, None, 0, 0),
        ("estimate", true, Some(priced), 7, 3),
        ("allow", true, Some(priced), 7, 3),
        // What is reported is never replaced by an estimate.
        ("estimate", true, Some(free), 0, 0),
        ("estimate", true, Some(unknown), 100, 100),
        ("deny", true, Some(unknown), 100, 100),
        ("allow", true, Some(unknown), 0, 0),
        ("estimate", false, Some(unknown), 0, 0),
    ] {
        let of =
            |unit: &str| budget(json!({ unit: 1000, "window": "day", "on_unknown_usage": policy }));
        let (spend, claims) = (spend(), [claim(&of("usd"), 100), claim(&of("tokens"), 100)]);
        let mut held = reserve(&spend, &claims).unwrap();
        if has_head {
            held.note_head();
        }
        match &end {
            Some(spent) => held.settle(spent),
            None => drop(held),
        }
        let spent = claims
            .each_ref()
            .map(|it| spend.memory.standing(&it.place).spent);
        assert_eq!(spent, [usd, tokens], "{policy} {has_head} {end:?}");
        let reserved = claims
            .each_ref()
            .map(|it| spend.memory.standing(&it.place).reserved);
        assert_eq!(reserved, [0, 0], "{policy} {has_head} {end:?}");
    }
}

#[test]
fn only_the_origin_that_responds_counts() {
    let (spend, scoped) = (spend(), tokens(100));
    let of = |origin: &str| Claim {
        origins: vec![origin.into()],
        ..claim_of(&scoped, 10, Whose::of_value("origin", origin.as_bytes()))
    };
    let claims = [of("https://a"), of("https://b")];
    let mut held = reserve(&spend, &claims).unwrap();
    held.note_head();
    held.settle(&Spent {
        origin: Some("https://b"),
        ..used(4)
    });
    let spent = claims
        .each_ref()
        .map(|it| spend.memory.standing(&it.place).spent);
    assert_eq!(spent, [0, 4]);
}

/// A small rest can be spent, by one request at a time.
#[test]
fn the_last_request_may_be_larger_than_what_is_left() {
    let (spend, scoped) = (spend(), tokens(100));
    let claim = claim(&scoped, 4096);
    let alone = reserve(&spend, std::slice::from_ref(&claim)).unwrap();
    assert!(reserve(&spend, std::slice::from_ref(&claim)).is_err());
    alone.settle(&used(99));
    let last = reserve(&spend, std::slice::from_ref(&claim)).unwrap();
    last.settle(&used(50));
    assert!(reserve(&spend, std::slice::from_ref(&claim)).is_err());
    let nothing = claim_of(&scoped, 0, Whose::ALL);
    assert!(reserve(&spend, &[nothing]).is_err());
}

#[test]
fn a_budget_of_nothing_refuses_everything() {
    let (spend, scoped) = (spend(), tokens(0));
    assert!(reserve(&spend, &[claim(&scoped, 0)]).is_err());
}

#[test]
fn windows_are_counted_apart_and_nothing_is_reset() {
    let berlin = json!({ "tokens": 10, "window": "day", "timezone": "Europe/Berlin" });
    let (spend, scoped) = (spend(), budget(berlin));
    let claim = |instant: &str| {
        let span = scoped.budget.window.at(at(instant));
        let claim = Claim::of(&scoped, span, (Whose::ALL, Cow::Borrowed("")));
        [Claim {
            amount: 10,
            ..claim
        }]
    };
    // 29 March 2026 has 23 hours in Berlin.
    let [before, first, last, after] = [
        "2026-03-28T22:59:59Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
    ]
    .map(claim);
    let late = reserve(&spend, &before).unwrap();
    reserve(&spend, &first).unwrap().settle(&used(10));
    assert!(reserve(&spend, &last).is_err());
    reserve(&spend, &after).unwrap().settle(&used(3));
    // A request that ends later counts in the window in which it began.
    late.settle(&used(9));
    let spent = [&before, &last, &after].map(|it| spend.memory.standing(&it[0].place).spent);
    assert_eq!(spent, [9, 10, 3]);
    spend.forget(i64::MAX, at("2026-03-28T23:00:01Z").as_millisecond());
    let spent = [&before, &last, &after].map(|it| spend.memory.standing(&it[0].place).spent);
    // What is not saved yet stays.
    assert_eq!(spent, [9, 10, 3]);
    assert_eq!(spend.unsaved(100).len(), 3);
    spend.forget(i64::MAX, at("2026-03-28T23:00:01Z").as_millisecond());
    let spent = [&before, &last, &after].map(|it| spend.memory.standing(&it[0].place).spent);
    assert_eq!(spent, [0, 10, 3]);
}

#[test]
fn a_soft_threshold_is_news_once_in_a_window() {
    let spend = spend();
    let scoped = budget(json!({ "tokens": 100, "window": "day", "soft": 0.8 }));
    let reserve = |amount| {
        let reserved = spend.reserve_here(&[claim(&scoped, amount)], None);
        let reserved = reserved.unwrap();
        reserved.reservation.settle(&used(amount));
        reserved.warning.map(|it| it.is_news)
    };
    assert_eq!(reserve(79), None);
    assert_eq!(reserve(1), Some(true));
    assert_eq!(reserve(1), Some(false));
}

#[test]
fn top_ups_and_corrections_change_what_is_left() {
    let spend = spend();
    let scoped = budget(json!({ "tokens": 10, "window": "total" }));
    let whole = claim(&scoped, 10);
    reserve(&spend, std::slice::from_ref(&whole))
        .unwrap()
        .settle(&used(12));
    assert!(reserve(&spend, std::slice::from_ref(&whole)).is_err());
    let adjust = |spent, granted| {
        let by = spend::Adjustment { spent, granted };
        spend.memory.adjust(&whole, by)
    };
    assert_eq!(adjust(0, 12).granted, 12);
    assert!(reserve(&spend, std::slice::from_ref(&whole)).is_ok());
    assert_eq!(adjust(-5, 0).spent, 7);
    assert_eq!(adjust(-50, 0).spent, 0);
    let saved = spend.unsaved(10);
    assert_eq!((saved[0].spent, saved[0].granted), (0, 12));
}

#[test]
fn a_restart_goes_on_with_what_was_saved() {
    let (before, scoped) = (spend(), tokens(100));
    let whole = claim(&scoped, 10);
    let once = |spend: &Arc<Spend>| {
        let held = reserve(spend, std::slice::from_ref(&whole)).unwrap();
        held.settle(&used(10));
    };
    once(&before);
    let first = before.unsaved(10);
    once(&before);
    once(&before);
    let second = before.unsaved(10);
    assert_eq!((first[0].spent, second[0].spent), (10, 20));
    assert!(before.unsaved(10).is_empty());
    // What cannot be saved is saved later, with what came since.
    once(&before);
    before.unsave(second);
    let later = before.unsaved(10);
    assert_eq!(later[0].spent, 30);
    let after = spend();
    after.load([first, later].concat());
    assert_eq!(after.memory.standing(&whole.place).spent, 40);
    assert!(after.unsaved(10).is_empty());
}

/// 64 callers at once, each request estimated at twice what it uses.
#[test]
fn callers_that_come_at_once_cannot_overspend() {
    let (spend, scoped) = (spend(), tokens(30 * 100));
    let spent_by = |_| {
        let (spend, scoped) = (spend.clone(), scoped.clone());
        std::thread::spawn(move || {
            let mut admitted = 0;
            loop {
                match reserve(&spend, &[claim(&scoped, 200)]) {
                    Ok(held) => {
                        std::thread::yield_now();
                        held.settle(&used(100));
                        admitted += 1;
                    }
                    Err(refused) if refused.standing.spent >= scoped.budget.limit.count => break,
                    Err(_) => std::thread::yield_now(),
                }
            }
            admitted
        })
    };
    let callers: Vec<_> = (0..64).map(spent_by).collect();
    let admitted: u64 = callers.into_iter().map(|it| it.join().unwrap()).sum();
    assert_eq!(admitted, 30);
    let standing = spend.memory.standing(&claim(&scoped, 1).place);
    assert_eq!((standing.spent, standing.reserved), (3000, 0));
}
