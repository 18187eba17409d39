//! Records and sums are found by the names of keys and teams, and by the endpoint that a request
//! came on.

use throughway::{
    identity::{KeyId, TeamId},
    record::{Record, RouteKind},
};

use crate::{
    api::Gateway,
    stage::{ROOMY, UNLIMITED, filter, named, on_each, record},
    sums::{told, usage},
};

const SETTINGS: &str = "
keys:
  app: { digest: \"sha256:DIGEST\", team: search }
teams:
  search: {}
";

fn settings() -> String {
    SETTINGS.replace("DIGEST", &"ab".repeat(32))
}

#[test]
fn keys_and_teams_are_found_by_name_and_deleted_ones_by_id() {
    let gateway = Gateway::start(&settings());
    let (key, team) = (KeyId::of_name("app"), TeamId::of_name("search"));
    let known = Record {
        key: Some(named(&key.to_string(), "app")),
        team: Some(named(&team.to_string(), "search")),
        ..record(0)
    };
    let deleted = Record {
        key: Some(named("key_0000000000000000000001", "gone")),
        ..record(1)
    };
    gateway.store([known.clone(), deleted.clone()]);
    let found = |query: &str| {
        let page = gateway.json(&format!("records?{query}"), 200);
        let ids = page["data"].as_array().expect("a page").iter();
        ids.map(|it| it["id"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let (known, deleted) = (known.id.to_string(), deleted.id.to_string());
    assert_eq!(found("key=app"), [known.as_str()]);
    assert_eq!(found(&format!("key={key}&team=search")), [known.as_str()]);
    assert_eq!(found("key=key_0000000000000000000001"), [deleted.as_str()]);
    let from = "from=1795132800&to=1795140000";
    let sums = gateway.json(&format!("usage?{from}&key=app&group=key"), 200);
    assert_eq!(sums["data"][0]["key"]["id"], key.to_string());
    assert_eq!(sums["data"][0]["requests"], 1);
    for (path, param) in [
        ("records?key=gone", "key"),
        ("records?team=app", "team"),
        ("records/live?key=nobody", "key"),
        ("usage?team=nobody", "team"),
        ("usage?key=", "key"),
    ] {
        let error = gateway.json(path, 400);
        assert_eq!(error["error"]["param"], param, "{path}: {error}");
    }
}

#[tokio::test]
async fn endpoints_have_records_and_sums_of_their_own() {
    on_each(async |stage| {
        let archive = stage.start_with(ROOMY, UNLIMITED);
        let on = |at: i64, path: Option<&str>| Record {
            route: match path {
                Some(_) => RouteKind::Endpoint,
                None => RouteKind::Unified,
            },
            route_name: path.map(Into::into),
            ..record(at)
        };
        let records = [on(0, Some("/bria")), on(1, Some("/scan")), on(2, None)];
        let scan = records[1].id;
        archive
            .store(records.into_iter().chain([on(3, Some("/bria"))]))
            .await;
        assert_eq!(archive.find(&[("route_name", "/scan")]).await, [scan]);
        let query = [("from", "1795132800"), ("group", "route_name")];
        let rows = usage(&archive, &query).await;
        let rows = rows
            .iter()
            .map(|((_, texts), row)| (texts[0].as_deref(), told(row, "requests")));
        let expected = [(None, 1), (Some("/bria"), 2), (Some("/scan"), 1)];
        assert_eq!(rows.collect::<Vec<_>>(), expected);
        archive.records.finish().await;
    })
    .await;
    let live = filter(&[("route_name", "/bria")]);
    let of = |path: &str| Record {
        route_name: Some(path.into()),
        ..record(0)
    };
    assert!(live.matches(&of("/bria")) && !live.matches(&of("/scan")));
    assert!(!live.matches(&record(0)));
}
