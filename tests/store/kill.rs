//! A program that is killed while it writes: every acknowledged change is there afterwards.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use throughway::store::{Contents, Location, Options, Store};

use crate::support::{Stage, create};

const ROUNDS: usize = 4;
/// How many acknowledgements to wait for before the kill.
const LEAST: usize = 25;

#[tokio::test]
async fn a_killed_program_loses_no_acknowledged_change() {
    let stage = Stage::file();
    let Location::File(path) = &stage.location else {
        panic!("a file");
    };
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let told = killed(path, round);
        assert!(told.len() >= LEAST, "{told:?}");
        acknowledged.extend(told);
        let store = stage.open().await;
        let Contents { objects, revision } = store.load().await.expect("loaded");
        for id in &acknowledged {
            let found = objects.iter().any(|object| object.id == *id);
            assert!(found, "{id} was acknowledged and is lost");
        }
        // A change and its audit row are there together; the last may lack its acknowledgement.
        let audited = store.audit(None, 1000).await.expect("a page").rows.len();
        assert_eq!(audited, objects.len());
        assert_eq!(revision as usize, objects.len());
        assert!(objects.len() <= acknowledged.len() + round + 1);
        store.close().await;
    }
}

/// Runs the child below and kills it while it writes; returns what it acknowledged.
fn killed(path: &std::path::Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "kill::child",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child");
    let mut input = child.stdin.take().expect("its input");
    writeln!(input, "{round} {}", path.display()).expect("written");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let (mut told, mut first) = (Vec::new(), None);
    for line in output.lines().map_while(Result::ok) {
        let Some((_, id)) = line.split_once("acknowledged ") else {
            continue;
        };
        told.push(id.to_owned());
        let start = *first.get_or_insert_with(Instant::now);
        if told.len() >= LEAST && start.elapsed() > Duration::from_millis(100) {
            // Acknowledgements that it still writes are read to the end of its output.
            let _ = child.kill();
        }
    }
    child.wait().expect("the child");
    told
}

#[tokio::test]
#[ignore = "run by a_killed_program_loses_no_acknowledged_change"]
async fn child() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    let (round, path) = line.trim().split_once(' ').expect("round and path");
    let options = Options::new(Location::File(PathBuf::from(path)));
    let store = Store::open(options).await.expect("the store opens");
    for count in 0.. {
        let id = format!("key_{round}_{count}");
        store.apply(create(&id, &id)).await.expect("created");
        println!("acknowledged {id}");
    }
}
