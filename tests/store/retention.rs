//! What the store forgets: old rows of the audit log, and what remembers deletions. Nobody who
//! follows misses a deletion for that.

use jiff::Timestamp;
use throughway::store::{Changes, Store};

use crate::support::{Stage, create, delete, on_each, on_each_shared, sql};

const EVERYTHING: Timestamp = Timestamp::MAX;

/// Makes and deletes this many keys, two changes each.
async fn come_and_go(store: &Store, count: usize) {
    for number in 0..count {
        let id = format!("gone_{number}");
        store.apply(create(&id, &id)).await.expect("created");
        store.apply(delete(&id, None)).await.expect("deleted");
    }
}

async fn audited(store: &Store) -> usize {
    store.audit(None, 1000).await.expect("a page").rows.len()
}

/// How many deletions and changed objects are told to somebody at this revision.
async fn told(store: &Store, revision: u64) -> Option<(usize, usize)> {
    match store.changes_since(revision).await.expect("changes") {
        Changes::Since {
            changed, deleted, ..
        } => Some((changed.len(), deleted.len())),
        Changes::LoadAgain => None,
    }
}

#[tokio::test]
async fn what_is_younger_stays() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        come_and_go(&store, 3).await;
        let hour_ago = Timestamp::now() - std::time::Duration::from_secs(3600);
        assert!(!store.forget(hour_ago).await.expect("a step"));
        assert_eq!(audited(&store).await, 6);
        assert_eq!(told(&store, 0).await, Some((0, 3)));
    })
    .await;
}

#[tokio::test]
async fn a_follower_from_before_is_told_to_load_everything() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("key_1", "app")).await.expect("created");
        come_and_go(&store, 3).await;
        assert!(!store.forget(EVERYTHING).await.expect("a step"));
        assert_eq!(audited(&store).await, 0);
        assert_eq!(told(&store, 7).await, Some((0, 0)), "it has seen all");
        for behind in [0, 1, 5, 6] {
            assert_eq!(told(&store, behind).await, None, "{behind}");
        }
        // What comes now is remembered again.
        store.apply(delete("key_1", None)).await.expect("deleted");
        assert_eq!(told(&store, 7).await, Some((0, 1)));
        assert_eq!(told(&store, 6).await, None);
        assert_eq!(store.load().await.expect("all").objects, []);
    })
    .await;
}

#[tokio::test]
async fn old_rows_go_in_steps_and_no_step_loses_a_deletion() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open().await;
        come_and_go(&store, 400).await;
        // The first 700 changes were long ago; 100 are of today.
        sql(
            &stage,
            "UPDATE throughway_audit SET at = 0 WHERE revision <= 700",
        )
        .await;
        let day_ago = Timestamp::now() - std::time::Duration::from_secs(24 * 3600);
        let mut steps = 0;
        loop {
            let has_more = store.forget(day_ago).await.expect("a step");
            steps += 1;
            let kept = audited(&store).await;
            let last_forgotten = 800 - kept as u64;
            let deleted_since = kept / 2;
            assert_eq!(told(&store, last_forgotten).await, Some((0, deleted_since)));
            assert_eq!(told(&store, last_forgotten - 1).await, None);
            if !has_more {
                break;
            }
        }
        assert_eq!((steps, audited(&store).await), (2, 100));
        // Fails if the last deletion that is old were still there.
        let again = "INSERT INTO throughway_deletions VALUES ('key', 'gone_349', 700)";
        sql(&stage, again).await;
    })
    .await;
}
