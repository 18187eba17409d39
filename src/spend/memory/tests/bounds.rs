//! What no caller and no upstream can make grow.

use super::*;

#[test]
fn values_without_room_are_counted_together() {
    let (spend, scoped) = (spend(), tokens(10));
    let value = |at: usize| Whose::of_value("metadata", at.to_string().as_bytes());
    for at in 0..MOST_VALUES {
        let held = reserve(&spend, &[claim_of(&scoped, 1, value(at))]).unwrap();
        held.settle(&used(1));
    }
    let one = claim_of(&scoped, 5, value(MOST_VALUES));
    let other = claim_of(&scoped, 6, value(MOST_VALUES + 1));
    reserve(&spend, &[one]).unwrap().settle(&used(5));
    assert!(reserve(&spend, std::slice::from_ref(&other)).is_ok());
    reserve(&spend, &[claim_of(&scoped, 5, other.place.whose)])
        .unwrap()
        .settle(&used(5));
    assert!(reserve(&spend, &[other]).is_err());
    // Those that were first are not displaced, nor are other budgets.
    assert!(reserve(&spend, &[claim_of(&scoped, 9, value(0))]).is_ok());
    let another = budget(json!({ "tokens": 10, "window": "month" }));
    let fresh = claim_of(&another, 5, value(MOST_VALUES));
    assert!(reserve(&spend, std::slice::from_ref(&fresh)).is_ok());
    assert_eq!(
        spend.memory.values(&fresh.place)[0].whose,
        fresh.place.whose
    );
}

/// An upstream may say that it costs anything.
#[test]
fn no_lie_makes_a_sum_that_cannot_be_saved() {
    let spend = spend();
    let scoped = budget(json!({ "tokens": Amount::MOST, "window": "total" }));
    for _ in 0..20 {
        let held = spend.reserve_here(&[claim(&scoped, 0)], None);
        if let Ok(held) = held {
            held.reservation.settle(&used(u64::MAX));
        }
        let by = spend::Adjustment {
            spent: i64::MIN / 2,
            granted: i64::MAX,
        };
        spend.memory.adjust(&claim(&scoped, 0), by);
    }
    let saved = spend.unsaved(1);
    assert_eq!(
        (saved[0].spent, saved[0].granted),
        (0, 9_000_000_000_000_000)
    );
    let held = reserve(&spend, &[claim(&scoped, 0)]).unwrap();
    held.settle(&used(u64::MAX));
    assert_eq!(spend.unsaved(1)[0].spent, 1_000_000_000_000_000);
}

#[test]
fn callers_cannot_make_any_number_of_windows() {
    let spend = spend();
    let rate = crate::route::limit::TokenRate {
        tokens: std::num::NonZeroU64::new(10).unwrap(),
        window: std::time::Duration::from_secs(60),
    };
    let of = |number: usize, minute: i64| {
        let mut id = [1; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        let now = Timestamp::from_second(60 * minute).unwrap();
        let claim = Claim::of_limit(Kind::CallersLimit, (id, [2; 16]), rate, now);
        [Claim { amount: 5, ..claim }]
    };
    for number in 0..MOST_OF_CALLERS {
        reserve(&spend, &of(number, 0)).unwrap().settle(&used(5));
    }
    // Those without room are counted together; what was there before is not displaced.
    let of_others = |number: usize| reserve(&spend, &of(MOST_OF_CALLERS + number, 0));
    of_others(0).unwrap().settle(&used(5));
    of_others(1).unwrap().settle(&used(5));
    assert!(of_others(2).is_err());
    assert!(reserve(&spend, &of(0, 0)).is_ok());
    assert_eq!(
        spend.memory.0.lock().unwrap().windows.len(),
        MOST_OF_CALLERS + 1
    );
    // Two minutes later their windows are over.
    reserve(&spend, &of(MOST_OF_CALLERS, 2))
        .unwrap()
        .settle(&used(5));
    assert!(reserve(&spend, &of(MOST_OF_CALLERS, 2)).is_ok());
    assert_eq!(spend.memory.0.lock().unwrap().windows.len(), 1);
    // Counts of limits are never saved.
    assert!(spend.unsaved(100).is_empty());
}
