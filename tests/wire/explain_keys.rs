//! "May this key call that?": operators ask for a key by its id, without its secret, and see what
//! is left of its limits.

use serde_json::{Value, json};

use crate::support::{Gateway, Response, admin::Admin};

const SETTINGS: &str = "admin_token: secret\nstore: { kind: memory }\n\
                        default_target: http://127.0.0.1:9/v1\n";

fn explain(gateway: &Gateway, token: &str, described: &Value) -> Response {
    let described = described.to_string();
    gateway.exchange(format!(
        "POST /gateway/explain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{described}",
        described.len()
    ))
}

fn chat(key: &str, model: &str) -> Value {
    let headers = json!({ "content-type": "application/json" });
    json!({ "body": { "model": model }, "headers": headers, "key": key })
}

#[test]
fn a_request_is_planned_by_the_rules_of_a_key() {
    let gateway = Gateway::with(SETTINGS);
    let admin = Admin::of(gateway.address);
    let key = admin.create(r#"{"name":"app","allow":{"models":["gpt-*"]}}"#);
    let status = |model: &str| explain(&gateway, "secret", &chat(&key.id, model)).status;
    assert_eq!(status("gpt-4o"), 200);
    let refused = explain(&gateway, "secret", &chat(&key.id, "tiny"));
    assert_eq!(refused.all("x-gateway-error"), ["not_allowed"]);
    assert!(
        refused.text().contains("allow.models"),
        "{}",
        refused.text()
    );
    let path = format!("/keys/{}", key.id);
    admin.json("PATCH", &path, r#"{"blocked":true}"#, 200);
    let blocked = explain(&gateway, "secret", &chat(&key.id, "gpt-4o"));
    assert_eq!(blocked.status, 401);
    assert!(blocked.text().contains("blocked"), "{}", blocked.text());
    admin.call("DELETE", &path, "");
    assert_eq!(status("gpt-4o"), 401);
    let none = json!({ "key": "nothing" });
    assert_eq!(explain(&gateway, "secret", &none).status, 400);
}

#[test]
fn only_those_who_may_read_the_admin_api_ask_for_a_key() {
    let gateway = Gateway::with(SETTINGS);
    let admin = Admin::of(gateway.address);
    let app = admin.create(r#"{"name":"app"}"#);
    let viewer = admin.create(r#"{"name":"looks","role":"viewer"}"#);
    let described = chat(&app.id, "gpt-4o");
    assert_eq!(explain(&gateway, &viewer.key, &described).status, 200);
    assert_eq!(explain(&gateway, &app.key, &described).status, 403);
    // Without an admin token, explanations are open on loopback, and rules of keys are not.
    let open = Gateway::with("store: { kind: memory }\ndefault_target: http://127.0.0.1:9/v1\n");
    let described = chat(&app.id, "gpt-4o");
    assert_eq!(explain(&open, "none", &described).status, 403);
    assert_eq!(explain(&open, "none", &json!({})).status, 200);
}

#[test]
fn what_is_left_of_a_keys_limits_is_told() {
    let gateway = Gateway::with(SETTINGS);
    let admin = Admin::of(gateway.address);
    admin.json(
        "POST",
        "/teams",
        r#"{"name":"search","limits":[{"requests":100}]}"#,
        201,
    );
    let key = admin.create(r#"{"name":"app","team":"search","limits":[{"requests":10}]}"#);
    let path = format!("/keys/{}/limits", key.id);
    let left = || admin.json("GET", &path, "", 200);
    assert_eq!(left()["limits"][0]["remaining"], 10);
    assert_eq!(left()["team_limits"][0]["remaining"], 100);
    let lines = format!("Authorization: Bearer {}\r\n", key.key);
    gateway.exchange(format!(
        "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
    ));
    assert_eq!(left()["limits"][0]["remaining"], 9);
    assert_eq!(left()["team_limits"][0]["remaining"], 99);
    admin.json("GET", "/keys/key_0000000000000000000000/limits", "", 404);
    admin.json("POST", &path, "{}", 405);
}

#[test]
fn the_consoles_own_page_may_use_routes_that_need_a_key() {
    let gateway = Gateway::with(SETTINGS);
    let key = Admin::of(gateway.address).create(r#"{"name":"app"}"#);
    let with_origin = |host: &str, origin: &str| {
        gateway.exchange(format!(
            "GET /v1/x HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\
             Sec-Fetch-Site: same-origin\r\nAuthorization: Bearer {}\r\n\r\n",
            key.key
        ))
    };
    let own = with_origin("127.0.0.1:8787", "http://127.0.0.1:8787");
    assert_eq!(own.all("x-gateway-error"), ["upstream_unreachable"]);
    for (host, origin) in [
        ("127.0.0.1:8787", "http://127.0.0.1:9999"),
        ("127.0.0.1:8787", "https://evil.example"),
        // A name that another site may have made lead here.
        ("evil.example", "http://evil.example"),
    ] {
        let refused = with_origin(host, origin);
        assert_eq!(refused.all("x-gateway-error"), ["not_allowed"], "{host}");
    }
}
