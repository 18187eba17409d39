//! A process that is killed while it writes: what is stored is whole, and the sums are those of
//! the rows.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use throughway::{records::UsageQuery, store::Location};

use crate::{
    databases::eventually,
    stage::{ROOMY, Stage, UNLIMITED, record},
};

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
        // Some always wait, and never many.
        let pushed = 100 * at.unsigned_abs();
        archive.stored(pushed.saturating_sub(5000)).await;
    }
}

#[tokio::test]
async fn after_a_kill_the_sums_are_those_of_the_rows() {
    let stage = Stage::file();
    let file = stage.path();
    for round in 0..3 {
        kill_while_writing(&file, round).await;
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

async fn kill_while_writing(file: &Path, round: u64) {
    let before = std::fs::metadata(file).map_or(0, |it| it.len());
    let mut victim = Command::new(std::env::current_exe().expect("this program"))
        .args(["crash::victim", "--exact", "--nocapture"])
        .env(VICTIM, file)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    // The log of an SQLite file is in its file once it is long. Each round ends elsewhere in it.
    let enough = before + 2_000_000 + 370_000 * round;
    eventually("so much is written", async || {
        std::fs::metadata(file).map_or(0, |it| it.len()) > enough
    })
    .await;
    victim.kill().expect("killed");
    victim.wait().expect("ended");
}
