//! Invalid headers of ours: each is a 400 that names the header and says what is allowed, repeats
//! no value, and contacts no upstream.

use crate::support::{Gateway, Upstream, message::request};

#[test]
fn an_invalid_header_value_is_refused_with_the_headers_name() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let long = "v".repeat(129);
    for (name, value) in [
        ("provider", "two words"),
        ("provider", "@"),
        ("provider", "caf\u{e9}"),
        ("provider", "a/b"),
        ("api-key", "two words"),
        ("trace-id", "two words"),
        ("metadata", "user=ada"),
        ("metadata", "[]"),
        ("metadata", "\"text\""),
        ("metadata", "{\"user\":1}"),
        ("metadata", "{\"user\":{\"name\":\"ada\"}}"),
        ("metadata", "{\"user\":null}"),
        ("metadata", "{\"user\":\"ada\""),
        ("metadata", &format!("{{\"user\":\"{long}\"}}")),
        ("request-timeout", "0"),
        ("request-timeout", "-1"),
        ("request-timeout", "1.5"),
        ("request-timeout", "30s"),
        ("request-timeout", "+5"),
        ("request-timeout", "99999999999999999999"),
        ("cache", "yes"),
        ("cache-ttl", "0"),
        ("cache-ttl", "1h"),
        ("cache-ttl", "7776001"),
        ("cache-namespace", "two words"),
        ("cache-namespace", &long),
        ("cache-force-refresh", "1"),
        ("debug", "off"),
        ("dry-run", "yes"),
    ] {
        let lines = format!("X-Gateway-{name}: {value}\r\n");
        let raw = request("POST", "/v1/x", &upstream, &lines, "");
        let response = gateway.refuses(raw, 400, "invalid_header");
        assert!(
            response.text().contains(&format!("x-gateway-{name} ")),
            "{}",
            response.text()
        );
        assert!(!response.text().contains(&long), "{}", response.text());
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_header_that_must_be_single_is_refused_when_it_comes_twice() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (name, value) in [
        ("provider", "passthrough"),
        ("custom-host", "http://127.0.0.1:1/v1"),
        ("config", "{}"),
        ("api-key", "k"),
        ("trace-id", "t"),
        ("metadata", "{}"),
        ("request-timeout", "5000"),
        ("cache", "true"),
        ("cache-ttl", "5"),
        ("cache-namespace", "n"),
        ("cache-force-refresh", "true"),
        ("debug", "true"),
        ("dry-run", "true"),
    ] {
        let lines = format!("x-gateway-{name}: {value}\r\nX-GATEWAY-{name}: {value}\r\n");
        let raw = request("POST", "/v1/x", &upstream, &lines, "");
        let response = gateway.refuses(raw, 400, "invalid_header");
        assert!(
            response.text().contains(&format!("x-gateway-{name} ")),
            "{}",
            response.text()
        );
        assert!(response.text().contains("once"), "{}", response.text());
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn empty_and_unknown_headers_are_ignored() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for lines in [
        "x-gateway-request-timeout:\r\nx-gateway-cache-ttl: \t\r\n",
        "x-gateway-trace-id:\r\nx-gateway-trace-id: t\r\n",
        "x-gateway-retries: 5\r\nx-gateway-retries: 6\r\n",
        "x-gateway-debug: True\r\nx-gateway-cache: FALSE\r\n",
        "x-gateway-forward-headers: a\r\nx-gateway-forward-headers: b\r\n",
        "x-gateway-metadata: {\"user\":\"\u{e9}\"}\r\n",
    ] {
        let sent = gateway.forwards(&upstream, request("GET", "/v1/x", &upstream, lines, ""));
        assert_eq!(sent.lines.len(), 1, "{lines} {:?}", sent.shown());
    }
}
