//! Every filter finds the same in the store and in the live tail; pages follow one another without
//! a gap.

use sqlx::Executor as _;
use throughway::{
    money::Usd,
    price::{Cost, PriceSource},
    record::{CacheNote, Record, RouteKind},
};
use uuid::Uuid;

use crate::stage::{Archive, Stage, filter, named, on_each, record};

fn cost(nano: u64) -> Option<Cost> {
    Some(Cost {
        usd: Usd::from_nano(nano),
        source: PriceSource::BuiltIn,
        table_date: Some("2026-11-01".into()),
        parts: Box::default(),
    })
}

/// A record with these fields of metadata.
pub fn with_metadata(record: Record, fields: &[(&str, &str)]) -> Record {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Record {
        metadata: fields.collect(),
        ..record
    }
}

/// Records that differ from the first in one thing each.
fn records() -> Vec<Record> {
    vec![
        record(0),
        Record {
            key: Some(named("key_other", "other")),
            ..record(1000)
        },
        Record {
            key: None,
            team: Some(named("team_a", "a")),
            ..record(2000)
        },
        Record {
            origin: Some("https://api.groq.com".into()),
            ..record(3000)
        },
        Record {
            model: Some("gpt-5".into()),
            ..record(4000)
        },
        Record {
            model: None,
            response_model: Some("gpt-5".into()),
            ..record(5000)
        },
        Record {
            status: 429,
            ..record(6000)
        },
        Record {
            status: 502,
            code: Some("upstream_closed".into()),
            ..record(7000)
        },
        Record {
            outcome: "truncated".into(),
            truncated: true,
            ..record(8000)
        },
        Record {
            route: RouteKind::Endpoint,
            ..record(9000)
        },
        Record {
            cost: cost(2_000_000),
            ..record(10_000)
        },
        Record {
            cost: cost(3_000_000),
            ..record(11_000)
        },
        with_metadata(record(12_000), &[("user", "ann"), ("a.b c", "1")]),
        with_metadata(record(13_000), &[("user", "bob\0")]),
        Record {
            trace_id: "mine".into(),
            ..record(14_000)
        },
        Record {
            cache: CacheNote::Hit,
            ..record(15_000)
        },
        Record {
            provider: Some("groq\0".into()),
            ..record(16_000)
        },
        Record {
            outcome: "client_gone".into(),
            status: 499,
            client_gone: true,
            ..record(17_000)
        },
    ]
}

/// The parameters of a query.
type Query = &'static [(&'static str, &'static str)];

/// Queries, and which of the records they find, by place.
const QUERIES: [(Query, &[usize]); 26] = [
    (&[("key", "key_other")], &[1]),
    (&[("team", "team_a")], &[2]),
    (&[("origin", "https://api.groq.com")], &[3]),
    (
        &[("origin", "https://api.openai.com"), ("model", "gpt-5")],
        &[5, 4],
    ),
    (&[("model", "gpt-5")], &[5, 4]),
    (&[("status", "429")], &[6]),
    (&[("status", "5xx")], &[7]),
    (&[("status", "4xx")], &[17, 6]),
    (&[("code", "upstream_closed")], &[7]),
    (&[("truncated", "true")], &[8]),
    (&[("truncated", "false"), ("failed", "true")], &[17, 7, 6]),
    (&[("outcome", "truncated")], &[8]),
    (&[("outcome", "client_gone"), ("key", "key_app")], &[17]),
    (&[("route", "endpoint")], &[9]),
    (&[("min_cost", "0.003")], &[11]),
    (&[("min_cost", "0.0000001")], &[11, 10]),
    (&[("metadata.user", "ann")], &[12]),
    (&[("metadata.a.b c", "1")], &[12]),
    (&[("metadata.user", "bob\0")], &[13]),
    (&[("metadata.' OR 1=1 --", "1")], &[]),
    (&[("trace_id", "mine")], &[14]),
    (&[("cache", "hit")], &[15]),
    (&[("provider", "groq\0")], &[16]),
    (&[("from", "2026-11-20T00:00:16Z")], &[17, 16]),
    (
        &[("to", "2026-11-20T00:00:02Z"), ("from", "1795132801")],
        &[1],
    ),
    (&[("key", "' OR ''='")], &[]),
];

#[tokio::test]
async fn every_filter_finds_the_same_in_the_store_and_live() {
    on_each(async |stage| {
        let archive = stage.start();
        let records = records();
        archive.store(records.clone()).await;
        for (query, expected) in QUERIES {
            let expected: Vec<Uuid> = expected.iter().map(|at| records[*at].id).collect();
            assert_eq!(archive.find(query).await, expected, "{query:?}");
            let filter = filter(query);
            let live = records.iter().rev().filter(|it| filter.matches(it));
            assert_eq!(
                live.map(|it| it.id).collect::<Vec<_>>(),
                expected,
                "{query:?}, live"
            );
        }
        let all: Vec<Uuid> = records.iter().rev().map(|it| it.id).collect();
        assert_eq!(archive.find(&[]).await, all);
        assert_eq!(pages(&archive, 5).await, all);
        archive.records.finish().await;
    })
    .await;
}

async fn pages(archive: &Archive, limit: usize) -> Vec<Uuid> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = archive.records.search(filter(&[]), cursor, limit).await;
        let page = page.expect("a page");
        found.extend(page.records.iter().map(|it| it.id));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_record_is_read_as_it_was_stored() {
    on_each(async |stage| {
        let archive = stage.start();
        let record = Record {
            // More than anybody would pay, as an upstream's made-up counts cost.
            cost: cost(u64::MAX),
            detail: Some("\0 \u{1f600} \\u0000".into()),
            ..with_metadata(record(0), &[("a", "b")])
        };
        archive.store([record.clone()]).await;
        let found = archive.records.record(record.id).await.expect("a search");
        assert_eq!(found, Some(record));
        let missing = archive.records.record(Uuid::nil()).await.expect("a search");
        assert_eq!(missing, None);
        archive.records.finish().await;
    })
    .await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_hide_the_others() {
    let stage = Stage::file();
    let archive = stage.start();
    let records = [record(0), record(1), record(2)];
    let ids = records.each_ref().map(|it| it.id);
    archive.store(records).await;
    let mut other = stage.connect().await;
    let broken = "UPDATE throughway_record_documents SET document = '{}{' WHERE sequence = 2";
    other.execute(broken).await.expect("a row");
    assert_eq!(archive.find(&[]).await, [ids[2], ids[0]]);
    assert_eq!(pages(&archive, 1).await, [ids[2], ids[0]]);
    let found = archive.records.record(ids[1]).await.expect("a search");
    assert_eq!(found, None);
    archive.records.finish().await;
}
