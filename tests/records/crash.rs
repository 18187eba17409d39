//! A process that is killed while it writes: what is stored is whole, and the sums are those of
//! the rows.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use throughway::{records::UsageQuery, store::Location};

use crate::stage::{ROOMY, Stage, UNLIMITED, record};

/// Set for the process that is killed: the file that it writes to.
const VICTIM: &str = "THROUGHWAY_TEST_VICTIM_RECORDS";

/// Writes until it is killed; does nothing where it is not asked to.
#[tokio::test]
async fn victim() {
    let Ok(file) = std::env::var(VICTIM) else {
        return;
    };
    let stage = Stage::at(Location::File(file.into()));
    let archive = stage.start_with(ROOMY, UNLIMITED);
    for at in 0.. {
        archive.push((0..100).map(|it| record((at * 100 + it) % 7_000_000)));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn after_a_kill_the_sums_are_those_of_the_rows() {
    let stage = Stage::file();
    let file = stage.path();
    for round in 0..3 {
        kill_while_writing(&file, round);
        let archive = stage.start();
        let mut cursor = None;
        let mut rows = 0;
        loop {
            let page = archive
                .records
                .search(crate::stage::filter(&[]), cursor, 1000)
                .await;
            let page = match page {
                Ok(page) => page,
                Err(_) if rows == 0 => continue, // it opens
                Err(error) => panic!("{error}"),
            };
            rows += page.records.len() as u64;
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert!(rows > 0, "nothing was stored before the kill");
        for (from, to) in [("1795132800", "1795219200"), ("1795046400", "1795305600")] {
            let asked = [("from", from), ("to", to)];
            let asked = asked.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let query = UsageQuery::of(&asked, 0).expect("a query");
            let sums = archive.records.usage(query).await.expect("sums");
            let requests: u64 = sums.values().map(|it| it.amounts.counts[0]).sum();
            assert_eq!(requests, rows, "round {round}");
        }
        archive.records.finish().await;
    }
}

fn kill_while_writing(file: &Path, round: u64) {
    let before = std::fs::metadata(file).map_or(0, |it| it.len());
    let mut victim = Command::new(std::env::current_exe().expect("this program"))
        .args(["crash::victim", "--exact", "--nocapture"])
        .env(VICTIM, file)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let start = Instant::now();
    // The log of an SQLite file is in its file once it is long.
    while std::fs::metadata(file).map_or(0, |it| it.len()) <= before + 2_000_000 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nothing is written"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(37 * (round + 1)));
    victim.kill().expect("killed");
    victim.wait().expect("ended");
}
