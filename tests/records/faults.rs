//! Stores that are locked, damaged, gone or away: records wait, then are lost and counted exactly;
//! those who consume records get all of them in any case.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Executor as _, SqliteConnection};
use throughway::{
    record::{Consumer, QueueLimits, Record},
    records::{Counts, Records},
    secret::Secret,
    store::Location,
};

use crate::{
    databases::{PASSWORD, Postgres, eventually},
    stage::{Archive, ROOMY, Stage, UNLIMITED, record},
};

/// Counts what it is given.
struct Counting(Arc<AtomicU64>);

impl Consumer for Counting {
    fn take(&mut self, records: &[Arc<Record>]) {
        self.0.fetch_add(records.len() as u64, Ordering::Relaxed);
    }
}

fn start(stage: &Stage, bytes: usize) -> (Archive, Arc<AtomicU64>) {
    let limits = QueueLimits {
        records: 100_000,
        bytes,
    };
    let (counts, consumed) = (Counts::default(), Arc::new(AtomicU64::new(0)));
    let records = Records::new(limits, counts.clone());
    let consumer = Box::new(Counting(consumed.clone()));
    let store = Some((stage.location.clone(), UNLIMITED));
    records.start(store, vec![consumer]).expect("a thread");
    (Archive { records, counts }, consumed)
}

/// A connection of another process, which holds the write lock.
async fn lock(stage: &Stage) -> SqliteConnection {
    let mut other = stage.connect().await;
    other.execute("BEGIN IMMEDIATE").await.expect("locked");
    other
}

#[tokio::test]
async fn a_store_that_stops_costs_what_does_not_fit_and_that_is_counted_exactly() {
    let stage = Stage::file();
    let bytes = 2_000_000;
    let (archive, consumed) = start(&stage, bytes);
    archive.store([record(0)]).await;
    let mut other = lock(&stage).await;
    let mut pushed = 1;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(7) {
        archive.push((0..200).map(|at| record(pushed + at)));
        pushed += 200;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    archive.is("failing").await;
    let health = archive.records.health();
    let (_, error) = health.last_error.expect("an error");
    assert!(error.contains("locked"), "{error}");
    let pushed = pushed.unsigned_abs();
    eventually("all are consumed", async || {
        consumed.load(Ordering::Relaxed) == pushed
    })
    .await;
    // What waits is bounded: each record is estimated at more than 800 bytes.
    let waiting = pushed - archive.counts.stored.get() - archive.counts.dropped.get();
    assert!(archive.counts.dropped.get() > 0);
    assert!(waiting < 600 + (bytes / 800) as u64, "{waiting}");
    other.execute("ROLLBACK").await.expect("unlocked");
    archive.is("ok").await;
    archive.records.finish().await;
    let counts = &archive.counts;
    assert_eq!(counts.stored.get() + counts.dropped.get(), pushed);
    let again = stage.start();
    again.is("ok").await;
    again.store([record(-1)]).await;
    assert_eq!(again.rows().await, counts.stored.get() + 1);
    again.records.finish().await;
}

#[tokio::test]
async fn a_drain_stores_everything_and_ends_in_time_where_that_fails() {
    let stage = Stage::file();
    let (archive, consumed) = start(&stage, 1 << 30);
    archive.push((0..3000).map(record));
    archive.records.finish().await;
    let counts = &archive.counts;
    assert_eq!((counts.stored.get(), counts.dropped.get()), (3000, 0));
    assert_eq!(consumed.load(Ordering::Relaxed), 3000);

    let (archive, _) = start(&stage, 1 << 30);
    archive.is("ok").await;
    eventually("it is open", async || {
        archive
            .records
            .search(crate::stage::filter(&[]), None, 1)
            .await
            .is_ok()
    })
    .await;
    let other = lock(&stage).await;
    archive.push((3000..5000).map(record));
    let begin = Instant::now();
    archive.records.finish().await;
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
    let counts = &archive.counts;
    assert_eq!(counts.stored.get() + counts.dropped.get(), 2000);
    drop(other);
}

#[tokio::test]
async fn a_damaged_file_is_said_and_kept_and_another_takes_its_place() {
    let stage = Stage::file();
    let file = stage.path();
    fs::create_dir_all(file.parent().expect("a directory")).expect("made");
    let bytes = b"this is no database".repeat(300);
    fs::write(&file, &bytes).expect("written");
    let (archive, consumed) = start(&stage, 1 << 30);
    archive.push((0..100).map(record));
    archive.is("failing").await;
    let (_, error) = archive.records.health().last_error.expect("an error");
    assert!(
        error.contains("is damaged") && error.contains("move it away"),
        "{error}"
    );
    assert!(
        archive
            .records
            .search(crate::stage::filter(&[]), None, 1)
            .await
            .is_err()
    );
    eventually("all are consumed", async || {
        consumed.load(Ordering::Relaxed) == 100
    })
    .await;
    assert_eq!(fs::read(&file).expect("read"), bytes);
    fs::rename(&file, file.with_extension("damaged")).expect("moved");
    archive.stored(100).await;
    assert_eq!(archive.rows().await, 100);
    archive.records.finish().await;
}

#[tokio::test]
async fn a_file_that_is_removed_is_noticed_and_made_again() {
    let stage = Stage::file();
    let (archive, _) = start(&stage, 1 << 30);
    archive.store((0..10).map(record)).await;
    for ending in ["db", "db-wal", "db-shm"] {
        let _ = fs::remove_file(stage.path().with_extension(ending));
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    archive.store((10..30).map(record)).await;
    assert_eq!(archive.rows().await, 20);
    let (_, error) = archive.records.health().last_error.expect("an error");
    assert!(error.contains("removed or replaced"), "{error}");
    archive.records.finish().await;
}

#[tokio::test]
async fn records_wait_for_a_server_that_crashed_and_its_password_is_not_told() {
    let server = Postgres::start();
    let location = Location::Postgres(Secret::new(server.new_database().await));
    let (archive, _) = start(&Stage::at(location), 1 << 30);
    archive.store((0..10).map(record)).await;
    server.crash();
    archive.push((10..1000).map(record));
    archive.is("failing").await;
    let (_, error) = archive.records.health().last_error.expect("an error");
    assert!(!error.contains(PASSWORD), "{error}");
    server.restart();
    archive.stored(1000).await;
    assert_eq!(archive.rows().await, 1000);
    assert_eq!(archive.counts.dropped.get(), 0);
    archive.records.finish().await;
}

#[tokio::test]
async fn two_replicas_add_to_the_same_sums() {
    let stage = Stage::postgres().await;
    let (one, other) = (
        stage.start_with(ROOMY, UNLIMITED),
        stage.start_with(ROOMY, UNLIMITED),
    );
    for at in 0..10 {
        one.push((0..100).map(|it| record(1000 * at + it)));
        other.push((0..100).map(|it| record(1000 * at + it)));
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    one.stored(1000).await;
    other.stored(1000).await;
    let from = [("from".to_owned(), "1795132800".to_owned())];
    let query = throughway::records::UsageQuery::of(&from, 1_795_140_000).expect("a query");
    let sums = one.records.usage(query).await.expect("sums");
    let requests: Vec<u64> = sums.values().map(|it| it.amounts.counts[0]).collect();
    assert_eq!(requests, [2000]);
    one.records.finish().await;
    other.records.finish().await;
}
