//! Pass-through endpoints: which target a path stands for, what of a request gets there and with
//! which bytes, and what of the caller's own choices is refused on such a path.

use crate::config_websocket::logging_echo;
use crate::support::{
    Gateway, Upstream,
    gateway_keys::{bearer, entry},
    message::{assert_refusal, sorted},
    routing::config_line,
};

/// A gateway with endpoints in which `UP` stands for the upstream's URL.
pub(crate) fn gateway(upstream: &Upstream, endpoints: &str) -> Gateway {
    Gateway::with(&endpoints.replace("UP", &upstream.url()))
}

/// A request without a word about its target; `lines` each end in CRLF.
pub(crate) fn ask(method: &str, target: &str, lines: &str, body: &str) -> String {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}{lines}\r\n{body}")
}

#[test]
fn a_path_stands_for_its_target_byte_for_byte() {
    let upstream = Upstream::ok();
    let gateway = gateway(
        &upstream,
        r#"
endpoints:
  - { path: /bria, target: "UP" }
  - { path: /based, target: "UP/a%2Fb/" }
  - { path: /queried, target: "UP/x?own=1&own=%2B", query: { version: 2, "a b": [x, "y&z"] } }
  - { path: /v1/rerank, target: "UP/v2/rerank", include_subpath: false }
"#,
    );
    for (target, sent) in [
        ("/bria", "/"),
        ("/bria/", "/"),
        ("/bria?", "/?"),
        ("/bria/v1/text-to-image/2.3", "/v1/text-to-image/2.3"),
        (
            "/bria/a%2Fb//c;d=1/?x=%2f&x=%2F&&y=",
            "/a%2Fb//c;d=1/?x=%2f&x=%2F&&y=",
        ),
        ("/bria/bria", "/bria"),
        ("/based", "/a%2Fb"),
        ("/based/c", "/a%2Fb/c"),
        ("/queried", "/x?own=1&own=%2B&a%20b=x&a%20b=y%26z&version=2"),
        (
            "/queried/y?own=2&version=3",
            "/x/y?own=1&own=%2B&a%20b=x&a%20b=y%26z&version=2&own=2&version=3",
        ),
        ("/v1/rerank", "/v2/rerank"),
        ("/v1/rerank?a", "/v2/rerank?a"),
    ] {
        for method in ["GET", "POST", "DELETE", "PATCH", "OPTIONS", "PURGE"] {
            let line = gateway
                .forwards(&upstream, ask(method, target, "", ""))
                .line;
            assert_eq!(line, format!("{method} {sent} HTTP/1.1"), "{target}");
        }
    }
    for target in ["/briax", "/bria%2Fx", "/Bria", "/", "/x/bria"] {
        gateway.refuses(ask("GET", target, "", ""), 404, "unknown_route");
    }
    for target in [
        "/bria/..",
        "/bria/%2e%2e/x",
        "/bria/a%2f..%2fb",
        "/bria/.;x/y",
    ] {
        gateway.refuses(ask("GET", target, "", ""), 400, "invalid_path");
    }
    // Below an exact path are the unified routes.
    gateway.refuses(ask("POST", "/v1/rerank/x", "", "{}"), 400, "no_target");
}

#[test]
fn a_method_that_no_endpoint_of_the_path_serves_is_told_which_ones_do() {
    let upstream = Upstream::ok();
    let gateway = gateway(
        &upstream,
        r#"
endpoints:
  - { path: /jobs, target: "UP/read", methods: [GET, HEAD] }
  - { path: /jobs, target: "UP/write", methods: [POST] }
  - { path: /off, target: "UP", enabled: false }
"#,
    );
    for (method, sent) in [("GET", "/read/1"), ("POST", "/write/1")] {
        let line = gateway
            .forwards(&upstream, ask(method, "/jobs/1", "", ""))
            .line;
        assert_eq!(line, format!("{method} {sent} HTTP/1.1"));
    }
    let refused = gateway.refuses(ask("PUT", "/jobs/1", "", "x"), 405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST"));
    gateway.refuses(ask("GET", "/off/x", "", ""), 404, "unknown_route");
}

/// Bodies that others parse and print again, drop keys of, or lose.
const BODIES: [(&str, &str); 9] = [
    ("application/json", r#"[{"a":1}, 2 ,"x"]"#),
    (
        "application/json",
        "{\"metadata\":{\"ttl\":1},\"ttl\":60,\"id\":\"x\", \"n\":1.0,\"n\":1e2}",
    ),
    ("application/json", "\"text\""),
    ("application/json", "{ broken"),
    ("application/x-www-form-urlencoded", "a=1&a=2&b=%20+&c"),
    ("application/octet-stream", "\u{0}\u{1}\r\n\r\n0\r\n\r\n"),
    (
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv\r\n--x--\r\n",
    ),
    ("text/plain; charset=latin1", "caf\u{e9}"),
    ("", ""),
];

#[test]
fn bodies_and_response_lines_cross_untouched() {
    let cookies = "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nSet-Cookie: a=3\r\n";
    let response =
        format!("HTTP/1.1 207 Multi-Status\r\n{cookies}x-up: 1\r\nContent-Length: 3\r\n\r\n[1]");
    let upstream = Upstream::responding(response);
    let gateway = gateway(&upstream, r#"endpoints: [{ path: /e, target: "UP" }]"#);
    for (media, body) in BODIES {
        let lines = match media {
            "" => String::new(),
            media => format!("Content-Type: {media}\r\n"),
        };
        let response = gateway.exchange(ask("POST", "/e/x", &lines, body));
        assert_eq!(
            (response.status, response.text()),
            (207, "[1]".to_owned()),
            "{body}"
        );
        assert_eq!(
            response.all("set-cookie"),
            ["a=1", "b=2; Path=/", "a=3"],
            "{body}"
        );
        assert_eq!(upstream.last().body, body.as_bytes());
    }
}

#[test]
fn which_lines_cross_is_the_operators_choice() {
    let upstream = Upstream::ok();
    let gateway = gateway(
        &upstream,
        r#"
endpoints:
  - { path: /all, target: "UP", headers: { x-team: gateway, x-out: null } }
  - { path: /none, target: "UP", forward_headers: false, headers: { x-team: gateway } }
  - { path: /some, target: "UP", forward_headers: [X-Kept, authorization] }
"#,
    );
    let lines = "Content-Type: a/b\r\nContent-Encoding: x-own\r\nAccept: c/d\r\nx-team: caller\r\n\
                 x-out: 1\r\nx-kept: 1\r\nx-kept: 2\r\nAuthorization: Bearer sk-own\r\n";
    for (path, expected) in [
        (
            "/all",
            vec![
                "accept: c/d",
                "authorization: Bearer sk-own",
                "content-encoding: x-own",
                "content-length: 2",
                "content-type: a/b",
                "x-kept: 1",
                "x-kept: 2",
                "x-team: gateway",
            ],
        ),
        (
            "/none",
            vec![
                "content-encoding: x-own",
                "content-length: 2",
                "content-type: a/b",
                "x-team: gateway",
            ],
        ),
        (
            "/some",
            vec![
                "authorization: Bearer sk-own",
                "content-encoding: x-own",
                "content-length: 2",
                "content-type: a/b",
                "x-kept: 1",
                "x-kept: 2",
            ],
        ),
    ] {
        let sent = gateway.forwards(&upstream, ask("POST", path, lines, "{}"));
        let host = format!("host: {}", upstream.address);
        let expected = sorted(expected.into_iter().chain([host.as_str()]));
        assert_eq!(sorted(sent.lines.clone()), expected, "{path}");
    }
}

#[test]
fn a_request_cannot_choose_another_target_for_the_path() {
    let (upstream, other) = (Upstream::ok(), Upstream::ok());
    let gateway = gateway(
        &upstream,
        r#"
providers: { p: { custom_host: "UP/v1" } }
configs: { saved: { targets: [{ custom_host: "UP/v1" }] } }
endpoints:
  - { path: /plain, target: "UP", headers: { x-secret: operator } }
  - { path: /few, target: "UP", forward_headers: [x-kept] }
  - { path: /own, target: "UP", config: { retry: { attempts: 1 } } }
"#,
    );
    let host = format!("{}/v1", other.url());
    let target = format!(r#"{{"custom_host":"{host}"}}"#);
    let targets = format!(r#"{{"strategy":{{"mode":"fallback"}},"targets":[{{}},{target}]}}"#);
    for (lines, code) in [
        (
            format!("x-gateway-custom-host: {host}\r\n"),
            "invalid_header",
        ),
        ("x-gateway-provider: @p\r\n".to_owned(), "invalid_header"),
        (
            "x-gateway-provider: openai\r\n".to_owned(),
            "invalid_header",
        ),
        (
            "x-gateway-provider: passthrough\r\n".to_owned(),
            "invalid_header",
        ),
        (config_line(&target), "invalid_config"),
        (config_line(&targets), "invalid_config"),
        (config_line(r#"{"targets":[{}]}"#), "invalid_config"),
        (config_line(r#"{"provider":"@p"}"#), "invalid_config"),
        (config_line(r#"{"api_key":"sk-caller"}"#), "invalid_config"),
        (
            config_line(r#"{"headers":{"x-secret":"caller"}}"#),
            "invalid_config",
        ),
        (
            config_line(r#"{"forward_authorization":true}"#),
            "invalid_config",
        ),
        ("x-gateway-config: saved\r\n".to_owned(), "invalid_config"),
    ] {
        gateway.refuses(ask("GET", "/plain", &lines, ""), 400, code);
    }
    let line = config_line(r#"{"headers":{"x-more":"1"}}"#);
    let sent = gateway.forwards(&upstream, ask("GET", "/plain", &line, ""));
    assert_eq!(sent.all("x-more"), ["1"]);
    gateway.refuses(ask("GET", "/few", &line, ""), 400, "invalid_config");
    let line = config_line(r#"{"headers":{"x-kept":"1"}}"#);
    gateway.forwards(&upstream, ask("GET", "/few", &line, ""));
    let policy = config_line(r#"{"retry":{"attempts":1}}"#);
    gateway.forwards(&upstream, ask("GET", "/plain", &policy, ""));
    gateway.refuses(ask("GET", "/own", &policy, ""), 400, "invalid_config");
    assert_eq!(other.count(), 0);
}

#[test]
fn an_endpoint_needs_a_key_where_others_do_unless_it_is_open() {
    let upstream = Upstream::ok();
    let keys = format!(
        "keys:\n{}{}",
        entry("app", 1, ""),
        entry("bria", 2, "allow: {endpoints: [/bria]}")
    );
    let gateway = gateway(
        &upstream,
        &format!(
            r#"
{keys}
endpoints:
  - {{ path: /bria, target: "UP" }}
  - {{ path: /other, target: "UP" }}
  - {{ path: /open, target: "UP", auth: false }}
"#
        ),
    );
    let with = |key: u64, path: &str| ask("GET", path, &bearer(key), "");
    gateway.refuses(ask("GET", "/bria", "", ""), 401, "invalid_gateway_key");
    gateway.refuses(with(3, "/open"), 401, "invalid_gateway_key");
    gateway.forwards(&upstream, ask("GET", "/open", "", ""));
    gateway.forwards(&upstream, with(1, "/open"));
    gateway.forwards(&upstream, with(1, "/other/x"));
    gateway.forwards(&upstream, with(2, "/bria/x"));
    for path in ["/other/x", "/open"] {
        let refused = gateway.refuses(with(2, path), 403, "not_allowed");
        assert!(refused.text().contains("endpoints"), "{}", refused.text());
    }
    // No key keeps web pages away from an open endpoint, so the rules for browsers do.
    let page = ask("GET", "/open", "Origin: https://evil.example\r\n", "");
    gateway.refuses(page, 403, "not_allowed");
    let rebound = ask("GET", "/open", "", "").replace("localhost", "evil.example");
    assert_refusal(
        &gateway.exchange(rebound),
        421,
        "wrong_host",
        "another Host",
    );
    assert!(
        !upstream
            .requests()
            .concat()
            .windows(3)
            .any(|it| it == b"tw-")
    );
}

#[test]
fn a_websocket_is_tunnelled_to_the_target() {
    let upstream = logging_echo();
    let gateway = gateway(
        &upstream,
        r#"endpoints: [{ path: /live, target: "UP/v2", forward_headers: false }]"#,
    );
    let handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-other: 1\r\n";
    let mut client = gateway.client();
    client.send(ask("GET", "/live/chat?a=1", handshake, ""));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    client.send(b"\x81\x82\0\0\0\0hi");
    assert_eq!(client.take(8), b"\x81\x82\0\0\0\0hi");
    let sent = upstream.request();
    assert!(sent.starts_with("GET /v2/chat?a=1 HTTP/1.1\r\n"), "{sent}");
    assert!(
        sent.contains("sec-websocket-key: ") && !sent.contains("x-other"),
        "{sent}"
    );
}
