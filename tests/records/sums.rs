//! The sums of hours and days are those of the records themselves, whatever is asked for; and names
//! that callers invent do not make them grow without bound.

use std::collections::{BTreeMap, BTreeSet};

use throughway::{
    money::Usd,
    price::{Cost, PriceSource},
    record::Record,
    records::{COST, COUNTS, RowKey, UsageQuery, UsageRow},
    usage::{Usage, UsageSource},
};

use crate::stage::{Archive, BEGIN, named, on_each, record};

const HOUR: i64 = 3_600_000;

/// What a test does: 600 requests in three days, of a few keys, models and outcomes.
pub fn requests() -> Vec<Record> {
    (0..600_i64)
        .map(|at| {
            let unsigned = at.unsigned_abs();
            let mut record = record(at * 7 * HOUR / 60);
            record.key = (at % 5 != 0).then(|| named(&format!("key_{}", at % 3), "name"));
            record.model = Some(format!("model-{}", at % 4).into());
            record.status = if at % 7 == 0 { 500 } else { 200 };
            record.times.end = 1000 * (unsigned + 1);
            record.usage = (at % 3 != 0).then(|| Usage {
                source: UsageSource::Reported,
                input: Some(unsigned),
                output: Some(2 * unsigned),
                ..Usage::default()
            });
            record.cost = (at % 2 == 0).then(|| Cost {
                usd: Usd::from_nano(unsigned),
                source: PriceSource::Settings,
                table_date: None,
                parts: Box::default(),
            });
            record
        })
        .collect()
}

pub async fn usage(archive: &Archive, parameters: &[(&str, &str)]) -> BTreeMap<RowKey, UsageRow> {
    let owned = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let owned: Vec<_> = owned.collect();
    let query = UsageQuery::of(&owned, BEGIN / 1000 + 4 * 86_400).expect("a query");
    archive.records.usage(query).await.expect("sums")
}

pub fn told(row: &UsageRow, name: &str) -> u64 {
    let place = COUNTS.iter().position(|it| *it == name);
    row.amounts.counts[place.expect("a count")]
}

/// Requests, input and nano-dollars of the records with each text.
fn expected(
    records: &[Record],
    text: impl Fn(&Record) -> Option<String>,
) -> BTreeMap<Option<String>, (u64, u64, u64)> {
    let mut sums = BTreeMap::<_, (u64, u64, u64)>::new();
    for record in records {
        let sum = sums.entry(text(record)).or_default();
        sum.0 += 1;
        sum.1 += record.usage.as_ref().and_then(|it| it.input).unwrap_or(0);
        sum.2 += record.cost.as_ref().map_or(0, |it| it.usd.nano());
    }
    sums
}

fn found(rows: BTreeMap<RowKey, UsageRow>) -> BTreeMap<Option<String>, (u64, u64, u64)> {
    let sums = rows.into_iter().map(|((_, texts), row)| {
        let counts = (
            told(&row, "requests"),
            told(&row, "input"),
            row.amounts.counts[COST],
        );
        (texts.first().cloned().flatten(), counts)
    });
    sums.collect()
}

#[tokio::test]
async fn sums_are_those_of_the_records_by_hours_and_by_days() {
    on_each(async |stage| {
        let archive = stage.start();
        let records = requests();
        archive.store(records.clone()).await;
        // The first is read from days, and hours at its end; the second from hours.
        let times = [("1795132800", "1795392000"), ("1795136400", "1795215600")];
        for (from, to) in times {
            let within = |record: &&Record| {
                let second = record.received / 1_000_000;
                second >= from.parse::<i64>().unwrap() && second < to.parse::<i64>().unwrap()
            };
            let records: Vec<Record> = records.iter().filter(within).cloned().collect();
            let of = async |group| {
                found(usage(&archive, &[("from", from), ("to", to), ("group", group)]).await)
            };
            let by_key = expected(&records, |it| it.key.as_ref().map(|it| it.id.to_string()));
            assert_eq!(of("key").await, by_key);
            let by_model = expected(&records, |it| it.model.as_deref().map(str::to_owned));
            assert_eq!(of("model").await, by_model);
        }
        let all = ("from", "1795132800");
        let by_day = usage(&archive, &[all, ("to", "1795392000"), ("group", "day")]).await;
        assert_eq!(
            by_day
                .values()
                .map(|it| told(it, "requests"))
                .collect::<Vec<_>>(),
            [206, 206, 188]
        );
        let failed = usage(&archive, &[all, ("key", "key_1"), ("group", "key")]).await;
        let (_, row) = failed.first_key_value().expect("a row");
        assert_eq!(row.key_name.as_deref(), Some("name"));
        let of_key = records
            .iter()
            .filter(|it| it.key.as_ref().is_some_and(|it| &*it.id == "key_1"));
        assert_eq!(
            told(row, "failed"),
            of_key.filter(|it| it.status == 500).count() as u64
        );
        archive.records.finish().await;
    })
    .await;
}

#[tokio::test]
async fn quantiles_of_any_time_are_near_the_exact_ones() {
    on_each(async |stage| {
        let archive = stage.start();
        archive.store(requests()).await;
        let rows = usage(&archive, &[("from", "1795132800"), ("to", "1795392000")]).await;
        let row = rows.values().next().expect("a row");
        for (share, exact) in [(0.5, 300_000_u64), (0.95, 570_000), (1.0, 600_000)] {
            let told = row.amounts.latency.quantile(share).expect("a length");
            assert!(
                told.abs_diff(exact) <= exact / 16 + 1000,
                "{told} for {exact}"
            );
        }
        archive.records.finish().await;
    })
    .await;
}

#[tokio::test]
async fn invented_names_go_under_other_and_only_for_the_key_that_invents_them() {
    on_each(async |stage| {
        let archive = stage.start();
        let invented = |at: i64| Record {
            model: Some(format!("invented-{at}").into()),
            ..record(at)
        };
        archive.store((0..2000).map(invented)).await;
        let honest = Record {
            key: Some(named("key_b", "b")),
            ..record(5000)
        };
        archive.store([honest]).await;
        let query = [("from", "1795132800"), ("group", "key,model")];
        let rows = usage(&archive, &query).await;
        let models: BTreeSet<_> = rows.keys().map(|(_, texts)| texts[1].clone()).collect();
        assert!(models.len() < 210, "{}", models.len());
        let requests: u64 = rows.values().map(|it| told(it, "requests")).sum();
        assert_eq!(requests, 2001);
        let other = &rows[&(
            None,
            vec![Some("key_app".to_owned()), Some("other".to_owned())],
        )];
        assert_eq!(told(other, "requests"), 1800);
        assert!(rows.contains_key(&(
            None,
            vec![Some("key_b".to_owned()), Some("gpt-4o".to_owned())]
        )));
        archive.records.finish().await;
    })
    .await;
}

#[tokio::test]
async fn what_an_upstream_lies_about_does_not_stop_the_sums() {
    on_each(async |stage| {
        let archive = stage.start();
        let lie = |at: i64| Record {
            usage: Some(Usage {
                input: Some(u64::MAX),
                ..Usage::default()
            }),
            cost: Some(Cost {
                usd: Usd::from_nano(u64::MAX),
                source: PriceSource::Upstream,
                table_date: None,
                parts: Box::default(),
            }),
            model: Some(format!("m{at}").into()),
            ..record(at)
        };
        // More than a thousand sums, each as large as one can be.
        let keys = (0..3000_i64).map(|at| Record {
            key: Some(named(&format!("key_{}", at % 20), "k")),
            ..lie(at)
        });
        archive.store(keys).await;
        let rows = usage(&archive, &[("from", "1795132800")]).await;
        let row = rows.values().next().expect("a row");
        assert_eq!(told(row, "requests"), 3000);
        assert!(told(row, "input") > 1 << 53);
        archive.records.finish().await;
    })
    .await;
}
