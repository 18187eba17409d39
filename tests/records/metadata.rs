//! Sums by values of metadata are those of the records, for the names that are chosen, and values
//! that callers invent do not make them grow without bound.

use std::collections::BTreeMap;

use throughway::{
    record::Record,
    records::{COST, Limits, RowKey, UsageQuery, UsageRow},
};

use crate::{
    api::Gateway,
    searches::with_metadata,
    stage::{Archive, ROOMY, Stage, UNLIMITED, named, on_each, record},
    sums::{requests, told, usage},
};

const ALL: (&str, &str) = ("from", "1795132800");

/// Requests and nano-dollars for each value.
async fn by_user(archive: &Archive, more: &[(&str, &str)]) -> BTreeMap<String, (u64, u64)> {
    let group = [ALL, ("group", "metadata.user")];
    let parameters = [group.as_slice(), more].concat();
    let rows = usage(archive, &parameters).await;
    let row = |((_, texts), row): (RowKey, UsageRow)| {
        let value: Option<String> = texts.last().cloned().flatten();
        let counts = (told(&row, "requests"), row.amounts.counts[COST]);
        (value.expect("a value"), counts)
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test]
async fn each_value_has_the_sums_of_its_records() {
    on_each(async |stage| {
        let archive = stage.start_summing(&["user"]);
        let mut records = requests();
        for (at, record) in records.iter_mut().enumerate() {
            let user = format!("user-{}", at % 3);
            if at % 4 != 0 {
                *record = with_metadata(record.clone(), &[("user", &user), ("hidden", "x")]);
            }
        }
        archive.store(records.clone()).await;
        let expected = |of_key: Option<&str>| {
            let mut sums = BTreeMap::<String, (u64, u64)>::new();
            for record in &records {
                let is_of_key =
                    of_key.is_none_or(|key| record.key.as_ref().is_some_and(|it| &*it.id == key));
                let Some(user) = record.metadata.get("user").filter(|_| is_of_key) else {
                    continue;
                };
                let sum = sums.entry(user.to_string()).or_default();
                sum.0 += 1;
                sum.1 += record.cost.as_ref().map_or(0, |it| it.usd.nano());
            }
            sums
        };
        assert_eq!(by_user(&archive, &[]).await, expected(None));
        let of_key = by_user(&archive, &[("key", "key_1")]).await;
        assert_eq!(of_key, expected(Some("key_1")));
        let parameters = [ALL, ("metadata.user", "user-1"), ("group", "day,key")];
        let rows = usage(&archive, &parameters).await;
        let requests: u64 = rows.values().map(|it| told(it, "requests")).sum();
        assert_eq!(requests, expected(None)["user-1"].0);
        assert!(
            rows.keys()
                .all(|(day, texts)| day.is_some() && texts.len() == 1)
        );
        // Fields that nobody chose have none, and other sums are as they were.
        let hidden = usage(&archive, &[ALL, ("group", "metadata.hidden")]).await;
        assert!(hidden.is_empty(), "{hidden:?}");
        let all = usage(&archive, &[ALL]).await;
        let all: u64 = all.values().map(|it| told(it, "requests")).sum();
        assert_eq!(all, records.len() as u64);
        archive.records.finish().await;
    })
    .await;
}

#[tokio::test]
async fn invented_values_go_under_other_and_only_for_the_key_that_invents_them() {
    on_each(async |stage| {
        let archive = stage.start_summing(&["user"]);
        let invented = |at: i64| with_metadata(record(at), &[("user", &format!("invented-{at}"))]);
        // The first thousand values have sums of their own, whatever the batches.
        archive.store((0..1000).map(invented)).await;
        archive.store((1000..1500).map(invented)).await;
        let honest = Record {
            key: Some(named("key_b", "b")),
            ..record(5000)
        };
        archive
            .store([with_metadata(honest, &[("user", "bob")])])
            .await;
        archive.store([invented(3)]).await;
        let rows = by_user(&archive, &[]).await;
        assert_eq!(rows.len(), 1002);
        assert_eq!((rows["bob"].0, rows["other"].0), (1, 500));
        assert_eq!(rows.values().map(|it| it.0).sum::<u64>(), 1502);
        archive.records.finish().await;
    })
    .await;
}

#[tokio::test]
async fn old_sums_of_values_are_removed_with_the_others() {
    let stage = Stage::file();
    let archive = stage.start_summing(&["user"]);
    archive
        .store([with_metadata(record(0), &[("user", "ann")])])
        .await;
    archive.records.finish().await;
    let mut file = stage.connect().await;
    let count = "SELECT COUNT(*) FROM throughway_record_metadata";
    let sums: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut file)
        .await
        .unwrap();
    assert_eq!(sums, 2);
    let limits = Limits {
        usage_age: std::time::Duration::from_secs(1),
        ..UNLIMITED
    };
    // Older than the shortest time for which sums are kept, whatever the clock says.
    let old = sqlx::query("UPDATE throughway_record_metadata SET at = 0");
    old.execute(&mut file).await.expect("changed");
    let archive = stage.start_with(ROOMY, limits);
    crate::databases::eventually("the sums are removed", async || {
        let left: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut file)
            .await
            .unwrap();
        left == 0
    })
    .await;
    archive.records.finish().await;
}

#[test]
fn a_field_without_sums_is_refused_with_the_name_of_the_setting() {
    let query = |parameters: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        UsageQuery::of(&parameters.iter().map(owned).collect::<Vec<_>>(), 0)
    };
    let summed = ["user".into()];
    let check = |parameters: &[(&str, &str)]| {
        let checked = query(parameters).and_then(|it| it.check_metadata(&summed));
        checked.map_err(|it| it.name)
    };
    type Case<'c> = (&'c [(&'c str, &'c str)], Result<(), &'c str>);
    let table: [Case<'_>; 7] = [
        (&[("group", "metadata.user,day,key")], Ok(())),
        (&[("group", "metadata.user"), ("team", "team_a")], Ok(())),
        (&[("group", "metadata.project")], Err("metadata.project")),
        (&[("metadata.project", "x")], Err("metadata.project")),
        (&[("group", "metadata.user,model")], Err("model")),
        (&[("metadata.user", "x"), ("origin", "o")], Err("origin")),
        (
            &[("metadata.user", "x"), ("group", "metadata.b")],
            Err("group"),
        ),
    ];
    for (parameters, expected) in table {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(check(parameters), expected, "{parameters:?}");
    }
}

#[test]
fn the_api_tells_values_as_json_and_csv_and_names_the_setting() {
    let gateway = Gateway::start("records: { usage_metadata: [user] }");
    let of = |at: i64, user: &str| with_metadata(record(at), &[("user", user)]);
    gateway.store([of(0, "ann"), of(1, "ann"), of(2, "=1+1")]);
    let from = "usage?from=1795132800&to=1795140000&group=metadata.user";
    let (status, _, body) = gateway.get(from, "");
    let page: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let row = |at: usize, name: &str| page["data"][at][name].clone();
    assert_eq!(status, 200);
    assert_eq!(
        (row(0, "metadata.user"), row(0, "requests")),
        ("=1+1".into(), 1.into())
    );
    assert_eq!(
        (row(1, "metadata.user"), row(1, "requests")),
        ("ann".into(), 2.into())
    );
    let (_, _, csv) = gateway.get(&format!("{from},day&format=csv"), "");
    assert!(csv.starts_with("day,metadata.user,requests,"), "{csv}");
    assert!(csv.contains("2026-11-20T00:00:00Z,ann,2,"), "{csv}");
    assert!(csv.contains(",\"'=1+1\",1,"), "{csv}");
    let (status, _, body) = gateway.get("usage?group=metadata.team", "");
    assert_eq!(status, 400);
    assert!(body.contains("records.usage_metadata"), "{body}");
}
