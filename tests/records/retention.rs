//! Old records go by age and by size, and the file shrinks; sums outlive them.

use std::{fs, time::Duration};

use jiff::Timestamp;
use sqlx::Executor as _;
use throughway::{
    record::Record,
    records::{Limits, UsageQuery},
};

use crate::{
    databases::eventually,
    stage::{Archive, BEGIN, ROOMY, Stage, UNLIMITED, record},
};

const DAY: i64 = 24 * 3600 * 1000;

/// A record of so many days ago.
fn days_ago(days: i64, after: i64) -> Record {
    record(Timestamp::now().as_millisecond() - BEGIN - days * DAY + after)
}

async fn requests(archive: &Archive) -> u64 {
    let now = Timestamp::now().as_second();
    let from = [("from".to_owned(), (now - 60 * 86_400).to_string())];
    let query = UsageQuery::of(&from, now).expect("a query");
    let sums = archive.records.usage(query).await.expect("sums");
    sums.values().map(|it| it.amounts.counts[0]).sum()
}

async fn only_the_new_are_left(archive: &Archive, expected: usize) {
    eventually("old records are removed", async || {
        let page = archive
            .records
            .search(crate::stage::filter(&[]), None, 1000)
            .await;
        page.expect("a page").records.len() == expected
    })
    .await;
}

async fn age(stage: Stage) {
    let limits = Limits {
        age: Duration::from_secs(7 * 24 * 3600),
        ..UNLIMITED
    };
    let archive = stage.start_with(ROOMY, limits);
    archive.store((0..1200).map(|at| days_ago(9, at))).await;
    archive.store((0..30).map(|at| days_ago(5, at))).await;
    archive.store((0..10).map(|at| days_ago(0, at))).await;
    only_the_new_are_left(&archive, 40).await;
    assert_eq!(requests(&archive).await, 1240);
    archive.records.finish().await;
}

#[tokio::test]
async fn records_that_are_too_old_go_from_a_file() {
    age(Stage::file()).await;
}

#[tokio::test]
async fn records_that_are_too_old_go_from_postgres_by_the_day() {
    age(Stage::postgres().await).await;
}

#[tokio::test]
async fn a_file_that_is_too_large_loses_its_oldest_records_and_shrinks() {
    let stage = Stage::file();
    let text = "x".repeat(7000);
    let large = |at: i64| Record {
        detail: Some(text.as_str().into()),
        ..days_ago(1, at)
    };
    let archive = stage.start_with(ROOMY, UNLIMITED);
    archive.store((0..6000).map(large)).await;
    archive.records.finish().await;
    let before = fs::metadata(stage.path()).expect("a file").len();
    assert!(before > 40_000_000, "{before}");
    let limits = Limits {
        size: 10_000_000,
        ..UNLIMITED
    };
    let archive = stage.start_with(ROOMY, limits);
    eventually("the file is small", async || {
        // What is in the log counts once it is in the file.
        let mut other = stage.connect().await;
        other
            .execute("PRAGMA wal_checkpoint(PASSIVE)")
            .await
            .expect("a checkpoint");
        fs::metadata(stage.path()).expect("a file").len() < 15_000_000
    })
    .await;
    let newest = archive.find(&[]).await;
    let page = archive
        .records
        .search(crate::stage::filter(&[]), None, 1)
        .await;
    let page = page.expect("a page");
    assert_eq!(newest.first(), page.records.first().map(|it| &it.id));
    assert_eq!(newest.len(), 1000);
    assert_eq!(requests(&archive).await, 6000);
    archive.records.finish().await;
}

#[tokio::test]
async fn memory_keeps_the_newest() {
    let archive = Stage::memory().start();
    archive.store((0..11_000).map(|at| days_ago(0, at))).await;
    eventually("the oldest are removed", async || {
        archive.rows().await <= 10_000
    })
    .await;
    archive.records.finish().await;
}
