//! Several programs on one database.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use throughway::store::{Changes, Location, Store, StoreError};

use crate::support::{Stage, create, entry, on_each, on_each_shared, update};

#[tokio::test]
async fn programs_that_start_together_agree_on_the_schema() {
    on_each_shared(async |stage: Stage| {
        let stores = join_all((0..4).map(|_| stage.open())).await;
        for (at, store) in stores.iter().enumerate() {
            let (key, name) = (format!("key_{at}"), format!("n{at}"));
            store.apply(create(&key, &name)).await.expect("created");
        }
        let loaded = stores[0].load().await.expect("loaded");
        assert_eq!((loaded.objects.len(), loaded.revision), (4, 4));
    })
    .await;
}

#[tokio::test]
async fn of_several_that_take_a_name_one_gets_it() {
    on_each_shared(async |stage: Stage| {
        let stores = [stage.open().await, stage.open().await];
        for round in 0..5 {
            let name = format!("name {round}");
            let tries = (0..8).map(|at| {
                let edit = create(&format!("key_{round}_{at}"), &name);
                stores[at % 2].apply(edit)
            });
            let results = join_all(tries).await;
            let won = results.iter().filter(|it| it.is_ok()).count();
            assert_eq!(won, 1, "{results:?}");
            for error in results.into_iter().filter_map(Result::err) {
                assert!(matches!(error, StoreError::NameInUse { .. }), "{error}");
            }
        }
        assert_eq!(stores[1].load().await.expect("loaded").revision, 5);
    })
    .await;
}

#[tokio::test]
async fn of_several_that_change_one_revision_one_succeeds() {
    on_each_shared(async |stage: Stage| {
        let stores = [stage.open().await, stage.open().await];
        stores[0]
            .apply(create("key_1", "app"))
            .await
            .expect("created");
        for revision in 1..6 {
            let tries = (0..6).map(|at| {
                let edit = update("key_1", "app", json!({ "by": at }), Some(revision));
                stores[at % 2].apply(edit)
            });
            let results = join_all(tries).await;
            let won = results.iter().filter(|it| it.is_ok()).count();
            assert_eq!(won, 1, "{results:?}");
            for error in results.into_iter().filter_map(Result::err) {
                assert!(
                    matches!(error, StoreError::RevisionConflict { .. }),
                    "{error}"
                );
            }
        }
    })
    .await;
}

/// A revision that became visible before a smaller one would be skipped.
#[tokio::test]
async fn a_follower_misses_nothing_while_others_write() {
    const EACH: usize = 40;
    on_each_shared(async |stage: Stage| {
        let writers = [stage.open().await, stage.open().await];
        let reader = stage.open().await;
        let write = async |at: usize, store: &Store| {
            for count in 0..EACH {
                let key = format!("key_{at}_{count}");
                store.apply(create(&key, &key)).await.expect("created");
            }
        };
        let follow = async {
            let (mut seen, mut revision) = (BTreeSet::new(), 0);
            while seen.len() < 2 * EACH {
                match reader.changes_since(revision).await.expect("changes") {
                    Changes::Since {
                        changed,
                        revision: now,
                        ..
                    } => {
                        assert_eq!((now - revision) as usize, changed.len(), "a gap");
                        seen.extend(changed.into_iter().map(|object| object.id));
                        revision = now;
                    }
                    Changes::LoadAgain => panic!("no backup was restored"),
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(write(0, &writers[0]), write(1, &writers[1]), follow);
    })
    .await;
}

/// A client that leaves ends the handler wherever it is.
#[tokio::test]
async fn a_change_that_is_given_up_leaves_no_half_and_no_lock() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        for round in 0..60 {
            let key = format!("key_{round}");
            let limit = Duration::from_micros(150 * round);
            let _ = tokio::time::timeout(limit, store.apply(create(&key, &key))).await;
        }
        store
            .apply(create("last", "last"))
            .await
            .expect("no lock is left");
        let objects = store.load().await.expect("loaded").objects;
        let audit = store.audit(None, 1000).await.expect("a page");
        assert_eq!(objects.len(), audit.rows.len());
        assert!(objects.len() < 61, "none was given up");
        if !matches!(stage.location, Location::Memory) {
            let other = stage.open().await;
            other
                .apply(create("other", "other"))
                .await
                .expect("no lock is left");
        }
    })
    .await;
}

/// A task of any runtime may use the store.
#[tokio::test]
async fn every_operation_may_run_in_a_task_of_its_own() {
    let stage = Stage::file();
    let store = Arc::new(stage.open().await);
    let task = tokio::spawn(async move {
        store.apply(create("key_1", "app")).await?;
        store.append_audit(entry("reload", "settings")).await?;
        store.changes_since(store.load().await?.revision).await?;
        store.audit(None, 1).await
    });
    let page = task.await.expect("the task ends").expect("a page");
    assert_eq!(page.next, Some(2));
}
