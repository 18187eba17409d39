//! The admin API for keys and teams: the life of a key, who may do what, and what is refused.

use serde_json::{Value, json};

use crate::support::{
    Gateway, Upstream,
    admin::{Admin, made},
    gateway::head,
};

const SETTINGS: &str = "admin_token: secret\nstore: { kind: memory }\n";
const JSON: &str = "Content-Type: application/json\r\n";

pub(crate) fn started(more: &str) -> (Gateway, Admin) {
    let gateway = Gateway::with(&format!("{SETTINGS}{more}"));
    let admin = Admin::of(gateway.address);
    (gateway, admin)
}

#[test]
fn the_life_of_a_key() {
    let upstream = Upstream::ok();
    let (gateway, admin) = started("");
    let status = |method: &str, key: &str| {
        let line = match key {
            "" => String::new(),
            key => format!("x-gateway-api-key: {key}\r\n"),
        };
        let request = head(method, "/v1/models", &upstream, &line);
        gateway.exchange(request).status
    };
    assert_eq!(status("GET", ""), 200, "open while there is no key");
    let first = admin.create(r#"{"name":"app","metadata":{"tier":"pro"}}"#);
    assert_eq!((status("GET", ""), status("GET", &first.key)), (401, 200));

    let one = format!("/keys/{}", first.id);
    let patched = admin.json("PATCH", &one, r#"{"allow":{"methods":["POST"]}}"#, 200);
    assert_eq!(patched["allow"], json!({ "methods": ["POST"] }));
    assert_eq!(status("GET", &first.key), 403);
    let patched = admin.json("PATCH", &one, r#"{"allow":null}"#, 200);
    assert_eq!(
        (&patched["allow"], &patched["metadata"]["tier"]),
        (&Value::Null, &json!("pro"))
    );
    assert_eq!(status("GET", &first.key), 200);

    admin.json("PATCH", &one, r#"{"blocked":true}"#, 200);
    assert_eq!(status("GET", &first.key), 401);
    admin.json("PATCH", &one, r#"{"blocked":false}"#, 200);

    let rotate = format!("{one}/rotate");
    let second = made(&admin.json("POST", &rotate, r#"{"grace":"1h"}"#, 200));
    assert_eq!(second.id, first.id);
    assert_eq!(
        (status("GET", &first.key), status("GET", &second.key)),
        (200, 200)
    );
    let third = made(&admin.json("POST", &rotate, "", 200));
    let all = [&first, &second, &third].map(|it| status("GET", &it.key));
    assert_eq!(all, [200, 401, 200], "only the second had no grace");

    let shown = admin.json("GET", &one, "", 200);
    assert_eq!(
        (&shown["source"], &shown["key"]),
        (&json!("store"), &Value::Null)
    );
    admin.json("DELETE", &one, "", 204);
    // It was the only key, and keys were needed only because there was one; a key that is sent
    // must be valid all the same.
    let all = [&first, &second, &third].map(|it| status("GET", &it.key));
    assert_eq!(all, [401, 401, 401]);
    assert_eq!(status("GET", ""), 200);
}

#[test]
fn a_team_is_made_named_by_keys_and_deleted_after_them() {
    let (_gateway, admin) = started("");
    let team = admin.json("POST", "/teams", r#"{"name":"search"}"#, 201);
    let key = admin.create(r#"{"name":"app","team":"search"}"#);
    let one = format!("/teams/{}", team["id"].as_str().expect("an id"));
    let refused = admin.json("DELETE", &one, "", 409);
    let message = refused["error"]["message"].as_str().expect("a message");
    assert!(message.contains("the key app is in this team"), "{message}");
    admin.json("PATCH", &one, r#"{"name":"other"}"#, 409);
    let patched = admin.json("PATCH", &one, r#"{"allow":{"models":["gpt-*"]}}"#, 200);
    assert_eq!(patched["allow"]["models"][0], "gpt-*");
    admin.json("DELETE", &format!("/keys/{}", key.id), "", 204);
    admin.json("DELETE", &one, "", 204);
    assert_eq!(admin.json("GET", "/teams", "", 200)["data"], json!([]));
}

#[test]
fn what_cannot_be_used_is_refused_by_its_field() {
    let (_gateway, admin) = started("configs: { chain: { provider: openai } }\n");
    let key = admin.create(r#"{"name":"taken"}"#);
    let one = format!("/keys/{}", key.id);
    let rotate = format!("{one}/rotate");
    for (method, path, body, status, param) in [
        ("POST", "/keys", r#"{}"#, 400, "name"),
        ("POST", "/keys", r#"[]"#, 400, ""),
        ("POST", "/keys", r#"{"name":"a","tem":"x"}"#, 400, "tem"),
        ("POST", "/keys", r#"{"name":7}"#, 400, "name"),
        ("POST", "/keys", r#"{"name":""}"#, 400, "name"),
        ("POST", "/keys", r#"{"name":"a","id":"key_x"}"#, 400, "id"),
        (
            "POST",
            "/keys",
            r#"{"name":"a","digest":"x"}"#,
            400,
            "digest",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","role":"king"}"#,
            400,
            "role",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","team":"nobody"}"#,
            400,
            "team",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","expires":"2020-01-01T00:00:00Z"}"#,
            400,
            "expires",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","expires":"soon"}"#,
            400,
            "expires",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","default_config":"no"}"#,
            400,
            "default_config",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","allow":{"providers":["@no"]}}"#,
            400,
            "allow.providers[0]",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","allow":{"models":[""]}}"#,
            400,
            "allow.models[0]",
        ),
        (
            "POST",
            "/keys",
            r#"{"name":"a","allow":{"modles":["x"]}}"#,
            400,
            "allow.modles",
        ),
        ("POST", "/keys", r#"{"name":"a","name":"b"}"#, 400, ""),
        ("POST", "/keys", r#"{"name":"#, 400, ""),
        ("POST", "/keys", r#"{"name":"taken"}"#, 409, "name"),
        ("PATCH", &one, r#"{"name":null}"#, 400, "name"),
        ("PATCH", &one, r#"{"prefix":"tw-"}"#, 400, "prefix"),
        (
            "PATCH",
            &one,
            r#"{"expires":"2020-01-01T00:00:00Z"}"#,
            400,
            "expires",
        ),
        ("POST", &rotate, r#"{"grace":"long"}"#, 400, "grace"),
        ("POST", &rotate, r#"{"grace":"169h"}"#, 400, "grace"),
        ("POST", &rotate, r#"{"grace":1}"#, 400, "grace"),
        ("POST", &rotate, r#"{"gracee":"1h"}"#, 400, "gracee"),
        (
            "POST",
            "/teams",
            r#"{"name":"t","role":"admin"}"#,
            400,
            "role",
        ),
        (
            "PATCH",
            "/keys/key_0000000000000000000000",
            r#"{}"#,
            404,
            "",
        ),
        ("DELETE", "/keys/taken", "", 404, ""),
        ("GET", "/keys/key_x", "", 404, ""),
        ("GET", "/teams/x/rotate", "", 404, ""),
        ("GET", "/nothing", "", 404, ""),
        ("GET", "/keys?limit=0", "", 400, ""),
        ("GET", "/keys?cursor=x", "", 400, "cursor"),
        ("GET", "/keys?page=2", "", 400, ""),
        ("GET", "/audit?cursor=x", "", 400, "cursor"),
        ("PUT", &one, r#"{}"#, 405, ""),
        ("DELETE", "/keys", "", 405, ""),
        ("GET", &rotate, "", 405, ""),
    ] {
        let error = &admin.json(method, path, body, status)["error"];
        let found = error["param"].as_str().unwrap_or_default();
        assert_eq!(found, param, "{method} {path} {body}: {error}");
    }
    let names = admin.json("GET", "/keys", "", 200);
    assert_eq!(
        names["data"].as_array().map(Vec::len),
        Some(1),
        "nothing was made"
    );
}

#[test]
fn a_body_must_be_json_of_a_limited_length_from_our_own_pages() {
    let (_gateway, admin) = started("");
    let body = r#"{"name":"app"}"#;
    let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(1 << 20));
    for (lines, body, status, code) in [
        ("", body, 415, "unsupported_media_type"),
        (
            "Content-Type: text/plain\r\n",
            body,
            415,
            "unsupported_media_type",
        ),
        (JSON, &long, 413, "body_too_large"),
        (
            "Content-Type: application/json\r\nSec-Fetch-Site: same-site\r\n",
            body,
            403,
            "not_allowed",
        ),
        (
            "Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n",
            body,
            403,
            "not_allowed",
        ),
    ] {
        let refused = admin.send("POST", "/keys", lines, body);
        assert_eq!(
            (refused.status, refused.error()),
            (status, Some(code)),
            "{lines}"
        );
    }
    let lines = "Content-Type: application/json; charset=utf-8\r\nSec-Fetch-Site: same-origin\r\n";
    assert_eq!(admin.send("POST", "/keys", lines, body).status, 201);
}

#[test]
fn a_role_may_do_what_it_says() {
    let (gateway, admin) = started("");
    let target = admin.create(r#"{"name":"target"}"#);
    let team = admin.json("POST", "/teams", r#"{"name":"team"}"#, 201);
    let team = format!("/teams/{}", team["id"].as_str().expect("an id"));
    let key = format!("/keys/{}", target.id);
    let rotate = format!("{key}/rotate");
    let role = |role: &str| {
        admin
            .create(&format!(r#"{{"name":"{role}","role":"{role}"}}"#))
            .key
    };
    let roles = ["member", "viewer", "admin"].map(role);
    for (method, path, changes) in [
        ("GET", "/keys", false),
        ("GET", &key, false),
        ("GET", "/teams", false),
        ("GET", &team, false),
        ("GET", "/audit", false),
        ("GET", "/cache", false),
        ("POST", "/keys", true),
        ("PATCH", &key, true),
        ("POST", &rotate, true),
        ("POST", "/teams", true),
        ("PATCH", &team, true),
        ("DELETE", "/cache?all=true", true),
        ("DELETE", &key, true),
        ("DELETE", &team, true),
    ] {
        let allowed = [false, !changes, true];
        for (token, allowed) in roles.iter().zip(allowed) {
            let by = Admin::by(gateway.address, token);
            // An empty document is refused, but only after the role.
            let response = by.call(method, path, if changes { "{}" } else { "" });
            let is_refused = (response.status, response.error()) == (403, Some("not_allowed"));
            assert_eq!(is_refused, !allowed, "{method} {path}: {}", response.text());
        }
        for (token, status) in [("wrong", 403), ("tw-unknown", 403)] {
            let response = Admin::by(gateway.address, token).call(method, path, "");
            assert_eq!(response.status, status, "{method} {path}");
        }
    }
    assert_eq!(
        admin.json("GET", "/keys", "", 200)["data"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

#[test]
fn a_blocked_admin_is_no_admin() {
    let (gateway, admin) = started("");
    let other = admin.create(r#"{"name":"boss","role":"admin"}"#);
    let by = Admin::by(gateway.address, &other.key);
    by.json("GET", "/keys", "", 200);
    by.json(
        "PATCH",
        &format!("/keys/{}", other.id),
        r#"{"blocked":true}"#,
        200,
    );
    let refused = by.call("GET", "/keys", "");
    assert_eq!(
        (refused.status, refused.error()),
        (401, Some("invalid_gateway_key"))
    );
    let audit = admin.json("GET", "/audit?limit=1", "", 200);
    let row = &audit["data"][0];
    assert_eq!(row["actor"], format!("{} (boss)", other.id));
    assert_eq!(
        (&row["before"]["blocked"], &row["after"]["blocked"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn a_change_may_demand_the_version_it_knows() {
    let (_gateway, admin) = started("");
    let key = admin.create(r#"{"name":"app"}"#);
    let one = format!("/keys/{}", key.id);
    let tag = |response: &crate::support::Response| response.header("etag").map(str::to_owned);
    let first = tag(&admin.call("GET", &one, "")).expect("a tag");
    let patch = |tag: &str| {
        let lines = format!("{JSON}If-Match: {tag}\r\n");
        admin.send("PATCH", &one, &lines, r#"{"blocked":true}"#)
    };
    let changed = patch(&first);
    assert_eq!(changed.status, 200);
    let second = tag(&changed).expect("a tag");
    assert_ne!(first, second);
    assert_eq!(tag(&admin.call("GET", &one, "")), Some(second.clone()));
    for (given, status) in [
        (first.as_str(), 412),
        ("\"0\"", 412),
        (&format!("W/{second}"), 412),
        (second.trim_matches('"'), 400),
        ("*", 200),
    ] {
        assert_eq!(patch(given).status, status, "{given}");
    }
    let stale = format!("{JSON}If-Match: {second}\r\n");
    let rotate = format!("{one}/rotate");
    assert_eq!(admin.send("POST", &rotate, &stale, "{}").status, 412);
    assert_eq!(admin.send("DELETE", &one, &stale, "").status, 412);
    let now = tag(&admin.call("GET", &one, "")).expect("a tag");
    let lines = format!("If-Match: {now}\r\n");
    assert_eq!(admin.send("DELETE", &one, &lines, "").status, 204);
}
