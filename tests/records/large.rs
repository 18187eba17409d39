//! Ten million records in one file: how long searches and charts take. It needs 15 GB of disk and
//! some minutes: `cargo test --profile profiling --test records -- --ignored --nocapture large`.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use throughway::{
    money::Usd,
    price::{Cost, CostPart, PriceSource},
    record::{Attempt, Record, Times},
    records::UsageQuery,
    store::Location,
    usage::{Usage, UsageSource},
};

use crate::stage::{Archive, BEGIN, Stage, filter, named, record};

const DAYS: i64 = 30;
const MOST: Duration = Duration::from_millis(300);

/// A file that is kept for the next run, if the variable names one.
fn place() -> (Stage, PathBuf) {
    match std::env::var("RECORDS_FILE") {
        Ok(path) => (Stage::at(Location::File((&path).into())), path.into()),
        Err(_) => {
            let stage = Stage::file();
            let path = stage.path();
            (stage, path)
        }
    }
}

fn total() -> i64 {
    let given = std::env::var("RECORDS").ok().and_then(|it| it.parse().ok());
    given.unwrap_or(10_000_000)
}

/// One of many: 50 keys in 5 teams, 12 models of 4 providers, 2 % errors.
fn one_of_many(at: i64, milliseconds: i64) -> Record {
    // Neighbours differ, and the same number gives the same record.
    let dice = at.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let (key, model) = (dice % 50, dice / 50 % 12);
    let provider = ["openai", "anthropic", "groq", "mistral"][(model % 4) as usize];
    let origin = format!("https://api.{provider}.com");
    let fails = dice % 50 == 7;
    let end = 200_000 + dice % 3_000_000;
    Record {
        key: Some(named(&format!("key_{key:016}"), &format!("app {key}"))),
        team: Some(named(
            &format!("team_{:016}", key / 10),
            &format!("team {}", key / 10),
        )),
        provider: Some(provider.into()),
        origin: Some(origin.as_str().into()),
        model: Some(format!("{provider}-model-{model}").into()),
        response_model: Some(format!("{provider}-model-{model}-2026-11-01").into()),
        response_id: Some(format!("chatcmpl-{dice:032}").into()),
        finish_reason: Some("stop".into()),
        status: if fails { 429 } else { 200 },
        is_stream: true,
        chunks: Some(dice % 200),
        times: Times {
            sent: Some(150),
            head: Some(end / 4),
            first_token: Some(end / 3),
            end,
            own: 140,
        },
        attempts: vec![Attempt {
            target: "targets[0]".into(),
            provider: provider.into(),
            origin: origin.as_str().into(),
            began: 150,
            resolved: Some(160),
            reused: true,
            head: Some(end / 4),
            first_token: Some(end / 3),
            ended: end,
            status: Some(200),
            ..Attempt::default()
        }],
        usage: Some(Usage {
            source: UsageSource::Reported,
            input: Some(dice % 8000),
            cache_read: Some(0),
            output: Some(dice % 900),
            reasoning: Some(0),
            ..Usage::default()
        }),
        cost: Some(Cost {
            usd: Usd::from_nano(dice % 90_000_000),
            source: PriceSource::BuiltIn,
            table_date: Some("2026-11-01".into()),
            parts: Box::new([CostPart {
                what: "input".into(),
                count: dice % 8000,
                price: Usd::from_nano(2_500_000_000),
                per_one: false,
            }]),
        }),
        metadata: [("user".into(), format!("user-{}", dice % 5000).into())].into(),
        bytes_in: 2000,
        bytes_out: dice % 30_000,
        client: Some([10, 0, 0, 7].into()),
        ..record(milliseconds - BEGIN)
    }
}

async fn fill(archive: &Archive, count: i64) {
    let now = Timestamp::now().as_millisecond();
    let begin = now - DAYS * 86_400_000;
    let started = Instant::now();
    for part in 0..count / 10_000 {
        archive.push((0..10_000).map(|at| {
            let at = part * 10_000 + at;
            one_of_many(at, begin + at * DAYS * 86_400_000 / count)
        }));
        let pushed = (part + 1).unsigned_abs() * 10_000;
        while archive.counts.stored.get() + 50_000 < pushed {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if part % 100 == 99 {
            let rate = pushed as f64 / started.elapsed().as_secs_f64();
            println!("{pushed} records, {rate:.0} a second");
        }
    }
    while archive.counts.stored.get() < count.unsigned_abs() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(archive.counts.dropped.get(), 0);
}

#[tokio::test]
#[ignore = "ten million records take minutes and 15 GB"]
async fn large_searches_and_charts_respond_in_time() {
    let (stage, path) = place();
    let is_new = !path.exists();
    let archive = stage.start();
    archive.is("ok").await;
    while archive.records.search(filter(&[]), None, 1).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if is_new {
        fill(&archive, total()).await;
    }
    println!(
        "{} MB",
        fs::metadata(&path).expect("a file").len() / 1_000_000
    );
    let newest = archive
        .records
        .search(filter(&[]), None, 1)
        .await
        .expect("a page");
    let newest = &newest.records[0];
    let seconds = newest.received / 1_000_000;
    let mut slow = searches(&archive, seconds, newest).await;
    slow.extend(charts(&archive, seconds).await);
    archive.records.finish().await;
    assert!(slow.is_empty(), "too slow: {slow:?}");
}

/// Runs the searches of the last hour; returns those that took too long.
async fn searches(archive: &Archive, now: i64, newest: &Record) -> Vec<String> {
    let hour = (now - 3600).to_string();
    let key = newest.key.as_ref().expect("a key").id.to_string();
    let model = newest.model.as_deref().expect("a model");
    let last_hour = ("from", hour.as_str());
    let queries: [&[(&str, &str)]; 12] = [
        &[last_hour],
        &[last_hour, ("key", &key)],
        &[last_hour, ("team", "team_0000000000000003")],
        &[last_hour, ("model", model)],
        &[
            last_hour,
            ("origin", "https://api.groq.com"),
            ("model", "groq-model-2"),
        ],
        &[last_hour, ("status", "4xx")],
        &[last_hour, ("status", "5xx")],
        &[last_hour, ("metadata.user", "user-77")],
        &[last_hour, ("metadata.user", "nobody")],
        &[last_hour, ("min_cost", "0.0899")],
        &[("trace_id", &newest.trace_id)],
        &[("key", &key), ("failed", "true")],
    ];
    let mut slow = Vec::new();
    for query in queries {
        let begin = Instant::now();
        let page = archive
            .records
            .search(filter(query), None, 100)
            .await
            .expect("a page");
        let took = begin.elapsed();
        println!(
            "{:>8.1} ms  {:>4} rows  {query:?}",
            took.as_secs_f64() * 1000.0,
            page.records.len()
        );
        if took > MOST {
            slow.push(format!("{query:?}: {took:?}"));
        }
    }
    slow
}

/// Asks for the charts; returns those that took too long.
async fn charts(archive: &Archive, now: i64) -> Vec<String> {
    let charts = [
        (1, "hour"),
        (1, "hour,model"),
        (1, "key"),
        (7, "hour"),
        (7, "day,key"),
        (30, "day"),
        (30, "day,model"),
        (30, "key"),
        (30, "team,model,outcome"),
    ];
    let mut slow = Vec::new();
    for (days, group) in charts {
        let from = (now - days * 86_400).to_string();
        let asked = [("from", from.as_str()), ("group", group)];
        let asked = asked.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = UsageQuery::of(&asked, now).expect("a query");
        let begin = Instant::now();
        let rows = archive.records.usage(query).await.expect("sums");
        let took = begin.elapsed();
        println!(
            "{:>8.1} ms  {:>4} rows  {days} d by {group}",
            took.as_secs_f64() * 1000.0,
            rows.len()
        );
        if took > MOST {
            slow.push(format!("{days} days by {group}: {took:?}"));
        }
    }
    slow
}
