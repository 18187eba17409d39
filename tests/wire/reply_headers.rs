//! The gateway's own response headers: the trace id on every response, and what was done for those
//! with a target.

use crate::support::{
    Gateway, Response, Upstream,
    message::{bare, request},
};

const CHOSEN: [(&str, &str); 4] = [
    ("x-gateway-provider", "passthrough"),
    ("x-gateway-last-used-option-index", "config"),
    ("x-gateway-retry-attempt-count", "0"),
    ("x-gateway-cache-status", "DISABLED"),
];

/// A UUID of version 7 in its usual spelling (RFC 9562 section 5.7).
fn is_uuid_v7(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    let hex = |byte: u8| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    groups == [8, 4, 4, 4, 12] && text.bytes().all(hex) && text.as_bytes()[14] == b'7'
}

/// One request for every kind of response, and whether a target is chosen on the way.
fn requests(upstream: &Upstream, broken: &Upstream, lines: &str) -> Vec<(Vec<u8>, u16, bool)> {
    let bare = |method, target| bare(method, target, lines).into_bytes();
    let to = |upstream: &Upstream, more: &str| {
        request("GET", "/v1/x", upstream, format!("{lines}{more}"), "")
    };
    vec![
        (to(upstream, ""), 200, true),
        (to(broken, ""), 502, true),
        (to(upstream, "Connection: close\r\n"), 200, true),
        (request("GET", "/v1/../x", upstream, lines, ""), 400, false),
        (request("GET", "/v2/x", upstream, lines, ""), 404, false),
        (request("TRACE", "/v1/x", upstream, lines, ""), 405, false),
        (
            to(upstream, "x-gateway-request-timeout: soon\r\n"),
            400,
            false,
        ),
        (to(upstream, "Origin: https://evil.example\r\n"), 403, false),
        (bare("GET", "/v1/x"), 400, false),
        (bare("GET", "/gateway/health/live"), 200, false),
        (bare("GET", "/gateway/health/ready"), 200, false),
        (bare("GET", "/gateway/metrics"), 200, false),
        (bare("GET", "/gateway/openapi.yaml"), 200, false),
        (bare("POST", "/gateway/metrics"), 405, false),
        (bare("GET", "/gateway/nothing"), 404, false),
        (bare("GET", "/gateway/%6detrics"), 404, false),
    ]
}

fn assert_chosen(response: &Response, chosen: bool, what: &str) {
    for (name, value) in CHOSEN {
        let expected = Vec::from_iter(chosen.then_some(value));
        assert_eq!(
            response.all(name),
            expected,
            "{name} {what}\n{}",
            response.head
        );
    }
}

#[test]
fn the_callers_trace_id_is_on_every_response() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let broken = Upstream::responding_once("not http\r\n\r\n");
    let longest = "Az09._:-".repeat(16);
    for id in ["order-4711", &longest] {
        let lines = format!("X-Gateway-Trace-Id: {id}\r\n");
        for (raw, status, chosen) in requests(&upstream, &broken, &lines) {
            let what = String::from_utf8_lossy(&raw).into_owned();
            let response = gateway.exchange(&raw);
            assert_eq!(response.status, status, "{what}{}", response.head);
            assert_eq!(response.all("x-gateway-trace-id"), [id], "{what}");
            assert_chosen(&response, chosen, &what);
        }
    }
}

#[test]
fn without_one_a_trace_id_is_made_and_no_two_are_the_same() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let broken = Upstream::responding_once("not http\r\n\r\n");
    let mut seen = Vec::new();
    for lines in ["", "x-gateway-trace-id:\r\n", "x-gateway-trace-id: \t \r\n"] {
        for (raw, _, _) in requests(&upstream, &broken, lines) {
            let response = gateway.exchange(&raw);
            let ids = response.all("x-gateway-trace-id");
            assert_eq!(ids.len(), 1, "{}", response.head);
            assert!(is_uuid_v7(ids[0]), "{}", ids[0]);
            seen.push(ids[0].to_owned());
        }
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

#[test]
fn an_invalid_trace_id_is_refused_under_a_new_one() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let too_long = "a".repeat(129);
    for lines in [
        "x-gateway-trace-id: a b\r\n",
        "x-gateway-trace-id: a/b\r\n",
        "x-gateway-trace-id: \u{e9}\r\n",
        "x-gateway-trace-id: <script>\r\n",
        &format!("x-gateway-trace-id: {too_long}\r\n"),
        "x-gateway-trace-id: a\r\nX-Gateway-Trace-Id: a\r\n",
    ] {
        let raw = request("GET", "/v1/x", &upstream, lines, "");
        let response = gateway.refuses(raw, 400, "invalid_header");
        assert!(is_uuid_v7(response.all("x-gateway-trace-id")[0]), "{lines}");
        assert!(response.text().contains("x-gateway-trace-id"), "{lines}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn the_provider_is_named_as_the_caller_named_it() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (lines, provider) in [
        ("", "passthrough"),
        ("x-gateway-provider: passthrough\r\n", "passthrough"),
        ("x-gateway-provider: openai\r\n", "openai"),
    ] {
        let response = gateway.exchange(request("GET", "/v1/x", &upstream, lines, ""));
        assert_eq!(response.all("x-gateway-provider"), [provider]);
    }
}

#[test]
fn server_timing_is_there_when_the_settings_ask_for_it() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nServer-Timing: db;dur=5\r\nContent-Length: 2\r\n\r\nok",
    );
    let raw = request("GET", "/v1/x", &upstream, "", "");
    let without = Gateway::start().exchange(&raw);
    assert_eq!(without.all("server-timing"), ["db;dur=5"]);
    let with = Gateway::with("server_timing: true").exchange(&raw);
    let lines = with.all("server-timing");
    assert_eq!((lines.len(), lines[0]), (2, "db;dur=5"), "{lines:?}");
    let time = lines[1]
        .strip_prefix("upstream;dur=")
        .and_then(|time| time.parse::<f64>().ok());
    assert!(
        time.is_some_and(|time| (0.0..10_000.0).contains(&time)),
        "{lines:?}"
    );
    // The reference page's example has the same form.
    assert!(throughway::directives::page().contains("| `upstream;dur=312.407` |"));
}

#[test]
fn portkey_mode_sends_every_reply_header_under_both_names() {
    let (gateway, upstream) = (Gateway::with("portkey: true"), Upstream::ok());
    let broken = Upstream::responding_once("not http\r\n\r\n");
    for (raw, status, _) in requests(&upstream, &broken, "x-portkey-trace-id: abc\r\n") {
        let response = gateway.exchange(&raw);
        assert_eq!(response.status, status, "{}", response.head);
        let under = |prefix: &str| -> Vec<_> {
            let lines = response.head.lines();
            let ours = lines.filter_map(|line| line.strip_prefix(prefix).map(str::to_owned));
            let mut ours: Vec<_> = ours.collect();
            ours.sort();
            ours
        };
        let (native, mirrored) = (under("x-gateway-"), under("x-portkey-"));
        assert!(
            native.contains(&"trace-id: abc".to_owned()),
            "{}",
            response.head
        );
        assert_eq!(native, mirrored, "{}", response.head);
    }
}

#[test]
fn without_portkey_mode_its_header_names_are_ordinary() {
    let gateway = Gateway::start();
    let response = gateway.exchange(bare("GET", "/v1/x", "x-portkey-trace-id: abc\r\n"));
    assert_ne!(response.header("x-gateway-trace-id"), Some("abc"));
    assert_eq!(response.header("x-portkey-trace-id"), None);
}
