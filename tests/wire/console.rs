//! Signing in to the console: who may, what a session may do, and what other sites cannot.

use serde_json::{Value, json};

use crate::support::{Gateway, Response, admin::Admin};

const SETTINGS: &str = "admin_token: secret\nstore: { kind: memory }\n";
const SAME_ORIGIN: &str = "Sec-Fetch-Site: same-origin\r\n";
const KEYS: &str = "/gateway/admin/v1/keys";

fn send(gateway: &Gateway, method: &str, path: &str, lines: &str, body: &str) -> Response {
    gateway.exchange(format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Signs in, and gives the line of the cookie.
fn signed_in(gateway: &Gateway, token: &str) -> String {
    let response = sign_in(gateway, token);
    assert_eq!(response.status, 201, "{}", response.text());
    cookie(&response)
}

fn sign_in(gateway: &Gateway, token: &str) -> Response {
    let body = json!({ "token": token }).to_string();
    send(
        gateway,
        "POST",
        "/gateway/admin/v1/session",
        SAME_ORIGIN,
        &body,
    )
}

fn cookie(response: &Response) -> String {
    let lines = response.all("set-cookie");
    let pair = lines[0].split(';').next().expect("a cookie");
    format!("Cookie: other=1; {pair}; last=2\r\n")
}

#[test]
fn a_session_is_a_cookie_that_only_our_own_pages_can_use_for_changes() {
    let gateway = Gateway::with(SETTINGS);
    let response = sign_in(&gateway, "secret");
    assert_eq!(response.status, 201);
    assert_eq!(response.all("cache-control"), ["no-store"]);
    let line = response.all("set-cookie").concat();
    for part in [
        "; Path=/gateway;",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=604800",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("Secure"), "the listener is plain: {line}");
    let cookie = cookie(&response);
    let create = |lines: &str, name: &str| {
        let body = json!({ "name": name }).to_string();
        send(&gateway, "POST", KEYS, &format!("{cookie}{lines}"), &body).status
    };
    assert_eq!(create(SAME_ORIGIN, "a"), 201);
    for refused in [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: none\r\n",
    ] {
        assert_eq!(create(refused, "b"), 403, "{refused}");
    }
    let listed = send(&gateway, "GET", KEYS, &cookie, "");
    assert_eq!(listed.status, 200, "{}", listed.text());
    let metrics = send(&gateway, "GET", "/gateway/metrics", &cookie, "");
    assert_eq!(metrics.status, 200);
    let out = send(
        &gateway,
        "DELETE",
        "/gateway/admin/v1/session",
        &format!("{cookie}{SAME_ORIGIN}"),
        "",
    );
    assert_eq!(out.status, 204);
    assert!(out.all("set-cookie").concat().contains("Max-Age=0"));
    assert_eq!(send(&gateway, "GET", KEYS, &cookie, "").status, 403);
}

#[test]
fn who_signs_in_by_a_key_may_do_what_the_key_may_for_as_long_as_it_may() {
    let gateway = Gateway::with(SETTINGS);
    let admin = Admin::of(gateway.address);
    let viewer = admin.create(r#"{"name":"looks","role":"viewer"}"#);
    let member = admin.create(r#"{"name":"app"}"#);
    assert_eq!(sign_in(&gateway, &member.key).status, 403);
    let cookie = signed_in(&gateway, &viewer.key);
    let session = send(&gateway, "GET", "/gateway/admin/v1/session", &cookie, "");
    let told: Value = serde_json::from_str(&session.text()).expect("JSON");
    assert_eq!(
        (&told["role"], &told["by"]),
        (&json!("viewer"), &json!("key"))
    );
    let lines = format!("{cookie}{SAME_ORIGIN}");
    let created = send(&gateway, "POST", KEYS, &lines, r#"{"name":"x"}"#);
    assert_eq!(created.status, 403);
    assert!(created.text().contains("role viewer"), "{}", created.text());
    admin.json(
        "PATCH",
        &format!("/keys/{}", viewer.id),
        r#"{"blocked":true}"#,
        200,
    );
    assert_eq!(send(&gateway, "GET", KEYS, &cookie, "").status, 403);
}

#[test]
fn tries_to_sign_in_are_limited() {
    let gateway = Gateway::with(SETTINGS);
    for _ in 0..5 {
        let refused = sign_in(&gateway, "wrong");
        assert_eq!(refused.status, 403);
        assert!(!refused.text().contains("wrong"), "{}", refused.text());
    }
    let refused = sign_in(&gateway, "secret");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.all("retry-after").len(), 1);
    // The token itself still opens the API.
    Admin::of(gateway.address).json("GET", "/keys", "", 200);
}

#[test]
fn a_link_signs_in_once() {
    let gateway = Gateway::with(SETTINGS);
    let admin = Admin::of(gateway.address);
    let made = admin.json("POST", "/session/links", "{}", 201);
    let code = made["code"].as_str().expect("a code");
    let cookie = signed_in(&gateway, code);
    assert_eq!(send(&gateway, "GET", KEYS, &cookie, "").status, 200);
    assert_eq!(sign_in(&gateway, code).status, 403, "it is used up");
    let stranger = Admin::by(gateway.address, "other");
    stranger.json("POST", "/session/links", "{}", 403);
}

#[test]
fn the_consoles_files_run_no_foreign_script_and_stand_in_no_frame() {
    let gateway = Gateway::start();
    let page = gateway.exchange("GET /gateway/console/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(page.status, 200);
    assert_eq!(page.all("content-type"), ["text/html; charset=utf-8"]);
    let policy = page.all("content-security-policy").concat();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.all("x-frame-options"), ["DENY"]);
    let tag = page.all("etag").concat();
    let again = format!(
        "GET /gateway/console/ HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n"
    );
    assert_eq!(gateway.exchange(again).status, 304);
    let bare = gateway.exchange("GET /gateway/console HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(
        (bare.status, bare.all("location")),
        (308, vec!["/gateway/console/"])
    );
    for path in [
        "../Cargo.toml",
        "%2e%2e/Cargo.toml",
        "x",
        "../../etc/passwd",
    ] {
        let request = format!("GET /gateway/console/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let status = gateway.exchange(request).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    let posted = gateway.exchange(
        "POST /gateway/console/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(posted.status, 405);
}

#[test]
fn without_keys_the_console_signs_in_under_the_gateways_own_names_alone() {
    for open in ["allow_unauthenticated: true", "auth: open"] {
        let gateway = Gateway::with(&format!("{SETTINGS}{open}\nhosts: [gw.example]\n"));
        let sign_in_at = |host: &str, origin: &str| {
            let body = json!({ "token": "secret" }).to_string();
            gateway.exchange(format!(
                "POST /gateway/admin/v1/session HTTP/1.1\r\nHost: {host}\r\n{SAME_ORIGIN}\
                 Origin: http://{origin}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ))
        };
        for own in ["localhost:8787", "127.0.0.1:8787", "gw.example"] {
            assert_eq!(sign_in_at(own, own).status, 201, "{open} {own}");
        }
        for (host, origin) in [
            ("evil.example:8787", "evil.example:8787"),
            ("localhost:8787", "evil.example"),
            ("gw.example", "localhost:8787"),
        ] {
            let refused = sign_in_at(host, origin);
            assert_eq!(refused.status, 403, "{open} {host} {origin}");
        }
    }
}
