//! How soon one program sees what another changed.

use std::time::{Duration, Instant};

use throughway::store::{Location, Store};

use crate::support::{Postgres, Stage, create, eventually, on_each, run};

const NEVER: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_change_of_our_own_is_told_at_once() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        let mut status = store.status();
        status.mark_unchanged();
        store.apply(create("key_1", "app")).await.expect("created");
        assert!(status.has_changed().expect("open"));
        assert_eq!(status.borrow_and_update().revision, 1);
    })
    .await;
}

#[tokio::test]
async fn a_change_in_a_file_is_seen_by_the_poll() {
    let stage = Stage::file();
    let (one, two) = (stage.open().await, stage.open().await);
    one.apply(create("key_1", "app")).await.expect("created");
    seen(&two, 1).await;
}

/// Without the poll, only the notification tells of it.
#[tokio::test]
async fn a_change_in_postgres_is_notified() {
    let stage = Stage::postgres().await;
    let one = stage.open().await;
    let two = stage.open_timed(NEVER, PATIENCE).await;
    // The first round waits until it listens.
    for revision in 1..=10 {
        let key = format!("key_{revision}");
        one.apply(create(&key, &key)).await.expect("created");
        seen(&two, revision).await;
    }
}

#[tokio::test]
async fn a_lost_notification_is_caught_by_the_poll() {
    let stage = Stage::postgres().await;
    let store = stage.open_timed(Duration::from_millis(200), PATIENCE).await;
    let advance = "UPDATE throughway_state SET revision = 7"; // notifies nobody
    run(url(&stage), advance).await;
    seen(&store, 7).await;
}

#[tokio::test]
async fn a_lost_connection_listens_again_and_misses_nothing() {
    let stage = Stage::postgres().await;
    let store = stage.open_timed(NEVER, PATIENCE).await;
    let other = stage.open().await;
    other.apply(create("key_1", "a")).await.expect("created");
    seen(&store, 1).await;
    // Both connections that listen are cut, and a change is made that notifies nobody.
    let cut = "UPDATE throughway_state SET revision = 2;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    run(url(&stage), cut).await;
    seen(&store, 2).await;
    other.apply(create("key_2", "b")).await.expect("created");
    seen(&store, 3).await;
}

#[tokio::test]
async fn postgres_may_stop_and_come_back() {
    let server = Postgres::start();
    let stage = Stage::at_url(&server.new_database().await);
    let store = stage.open_timed(NEVER, Duration::from_secs(1)).await;
    store.apply(create("key_1", "a")).await.expect("created");
    server.crash();
    let status = store.status();
    eventually("the outage is seen", async || {
        status.borrow().read_failure.is_some()
    })
    .await;
    let error = store
        .apply(create("key_2", "b"))
        .await
        .expect_err("it is away");
    assert!(error.is_outage(), "{error}");
    assert_eq!(status.borrow().write_failure.as_ref(), Some(&error));
    assert!(error.to_string().contains("does not respond"), "{error}");

    server.restart();
    eventually("the end is seen", async || {
        status.borrow().read_failure.is_none()
    })
    .await;
    let loaded = store.load().await.expect("loaded");
    assert_eq!(
        (loaded.objects.len(), loaded.revision),
        (1, 1),
        "what was acknowledged"
    );
    store
        .apply(create("key_2", "b"))
        .await
        .expect("changes are made again");
    assert_eq!(status.borrow().write_failure, None);
    let other = stage.open().await;
    other.apply(create("key_3", "c")).await.expect("created");
    seen(&store, 3).await;
}

/// As if the network swallowed everything: no connection is closed, and none is heard of.
#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let server = Postgres::start();
    let stage = Stage::at_url(&server.new_database().await);
    let poll = Duration::from_millis(100);
    let store = stage.open_timed(poll, Duration::from_millis(500)).await;
    store.apply(create("key_1", "a")).await.expect("created");
    server.freeze(true);
    let start = Instant::now();
    let error = store
        .apply(create("key_2", "b"))
        .await
        .expect_err("it is silent");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(error.is_outage(), "{error}");
    let status = store.status();
    eventually("the silence is seen", async || {
        status.borrow().read_failure.is_some()
    })
    .await;
    server.freeze(false);
    eventually("the end is seen", async || {
        status.borrow().read_failure.is_none()
    })
    .await;
    eventually("changes are made again", async || {
        store.apply(create("key_3", "c")).await.is_ok()
    })
    .await;
}

fn url(stage: &Stage) -> &str {
    match &stage.location {
        Location::Postgres(url) => url.expose(),
        other => panic!("no server: {other:?}"),
    }
}

async fn seen(store: &Store, revision: u64) {
    let mut status = store.status();
    let seen = status.wait_for(|status| status.revision == revision);
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    seen.unwrap_or_else(|_| panic!("{revision} was not seen"))
        .expect("open");
}
