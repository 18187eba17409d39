//! What was spent of budgets: kept beside the objects, added up, and forgotten after its window.

use jiff::Timestamp;
use serde_json::json;
use throughway::{
    budget::Scoped,
    spend::{Place, SavedCount, Whose},
};

use crate::support::{Stage, on_each, on_each_shared};

fn place(start: i64, whose: Whose) -> Place {
    let budget = json!({ "usd": 1, "window": "day" });
    let budget = serde_json::from_value(budget).expect("a budget");
    Place {
        budget: Scoped::new(budget, "settings").id(),
        start,
        whose,
    }
}

fn count(start: i64, spent: i64) -> SavedCount {
    SavedCount {
        place: place(start, Whose::ALL),
        end: Some(start + 1000),
        label: "app \u{1f600}\0".into(),
        spent,
        granted: 7,
    }
}

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).expect("a time")
}

#[tokio::test]
async fn differences_are_added_up_and_advance_no_revision() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        let total = SavedCount {
            end: None,
            ..count(0, 3)
        };
        let first = [count(5000, 10), total.clone()];
        store.add_spend(&first).await.expect("added");
        store.add_spend(&[count(5000, -4)]).await.expect("added");
        let without_nul = |it: SavedCount| SavedCount {
            label: "app \u{1f600}".into(),
            ..it
        };
        let (total, sum) = (without_nul(total), without_nul(count(5000, 6)));
        let mut saved = store.spend(at(5999)).await.expect("read");
        saved.sort_by_key(|it| it.place);
        let sum = SavedCount { granted: 14, ..sum };
        assert_eq!(saved, [total.clone(), sum]);
        assert_eq!(store.load().await.expect("loaded").revision, 0);
        // What has ended is not read any more, and is forgotten later.
        let saved = store.spend(at(6000)).await.expect("read");
        assert_eq!(saved, std::slice::from_ref(&total));
        store.forget_spend(at(6001)).await.expect("forgotten");
        assert_eq!(store.spend(at(0)).await.expect("read"), [total]);
    })
    .await;
}

#[tokio::test]
async fn several_processes_add_to_the_same_counts() {
    on_each_shared(async |stage: Stage| {
        let (one, other) = (stage.open().await, stage.open().await);
        let both = [count(0, 1), count(1, 1)];
        let adding = async |store: &throughway::store::Store, reversed: bool| {
            let mut counts = both.to_vec();
            if reversed {
                counts.reverse();
            }
            for _ in 0..50 {
                store.add_spend(&counts).await.expect("added");
            }
        };
        futures_util::join!(adding(&one, false), adding(&other, true));
        let saved = one.spend(at(0)).await.expect("read");
        let sums: Vec<i64> = saved.iter().map(|it| it.spent).collect();
        assert_eq!(sums, [100, 100]);
    })
    .await;
}
