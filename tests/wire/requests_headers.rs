//! Which header lines of a request reach the upstream, compared by bytes: everything the caller
//! sent except what ends at the gateway, and nothing added.

use crate::support::{
    Gateway, Upstream,
    message::{Sent, request, sorted},
    show,
};

/// Header lines as an upstream is to get them; the `host` line comes on top.
fn with_host(upstream: &Upstream, lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let host = format!("host: {}", upstream.address).into_bytes();
    let lines = lines.iter().map(|line| line.to_vec());
    sorted(lines.chain([host]))
}

fn wire(lines: &[&[u8]]) -> Vec<u8> {
    let lines = lines.iter().map(|line| [line, &b"\r\n"[..]].concat());
    lines.flatten().collect()
}

#[test]
fn a_request_without_lines_of_its_own_arrives_with_host_and_nothing_else() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    gateway.forwards(&upstream, request("GET", "/v1/models", &upstream, "", ""));
    let expected = format!(
        "GET /v1/models HTTP/1.1\r\nhost: {}\r\n\r\n",
        upstream.address
    );
    assert_eq!(upstream.request(), expected);
}

#[test]
fn every_line_crosses_with_every_byte_of_its_value() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let long = [b"x-long: ".to_vec(), vec![b'v'; 60_000]].concat();
    let lines: &[&[u8]] = &[
        b"x-repeated: b",
        b"x-repeated: a",
        b"x-repeated:",
        b"x-repeated: b",
        b"x-empty:",
        b"x-bytes: caf\xe9 \x80\xff \xe2\x82\xac",
        b"x-blanks: a \t  b",
        b"x-signs: \"q\\\"\", ;=, {}[]()<>@:/?#!$%&'*+-.^_`|~",
        b"!#$%&'*+-.^_`|~09az: token",
        b"x_under_score: 1",
        b"cookie: a=1",
        b"cookie: b=2; c=3",
        b"authorization: Bearer sk-caller",
        b"x-api-key: k1",
        b"api-key: k2",
        b"x-goog-api-key: k3",
        b"anthropic-beta: one",
        b"anthropic-beta: two, three",
        b"accept: text/event-stream",
        b"accept-encoding: gzip;q=0.5, br, zstd",
        b"user-agent: OpenAI/Python 1.0",
        b"date: Tue, 15 Nov 1994 08:12:31 GMT",
        b"forwarded: for=1.2.3.4",
        b"via: 1.1 other",
        b"x-forwarded-for: 1.2.3.4",
        b"proxy-authenticate: Basic",
        b"range: bytes=0-5",
        b"if-none-match: \"e\"",
        b"content-encoding: gzip",
        b"max-forwards: 0",
        b"x-portkey-trace: mine",
        b"x-gatewayish: 1",
        &long,
    ];
    let sent = gateway.forwards(
        &upstream,
        request("GET", "/v1/x", &upstream, wire(lines), ""),
    );
    let expected = with_host(&upstream, lines);
    let cut = |lines: &[Vec<u8>]| -> Vec<String> { lines.iter().map(|line| show(line)).collect() };
    assert_eq!(cut(&sent.lines), cut(&expected));
    assert_eq!(sent.lines, expected);
}

#[test]
fn white_space_around_a_value_and_the_case_of_a_name_are_not_part_of_it() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let lines = "X-MiXeD:  \t Kept As-Is \t \r\nx-tight:v\r\n";
    let sent = gateway.forwards(&upstream, request("GET", "/v1/x", &upstream, lines, ""));
    assert_eq!(
        sent.lines,
        with_host(&upstream, &[b"x-mixed: Kept As-Is", b"x-tight: v"])
    );
}

#[test]
fn what_ends_at_the_gateway_does_not_cross() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for lines in [
        "Connection: keep-alive\r\n",
        "Connection: X-One\r\nx-one: 1\r\nX-ONE: 2\r\n",
        "connection: x-one,keep-alive , X-Two\r\nCONNECTION: x-three,,\r\nx-one: 1\r\nx-two: 2\r\n\
         x-three: 3\r\n",
        "Connection: authorization, cookie\r\nAuthorization: Bearer x\r\nCookie: a=1\r\n",
        "Keep-Alive: timeout=5\r\n",
        "Proxy-Connection: keep-alive\r\n",
        "Proxy-Authorization: Basic eDp5\r\n",
        "TE: trailers\r\n",
        "Connection: te\r\nTE: trailers, deflate\r\n",
        "Trailer: x-sum\r\n",
        "Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAA\r\n",
        "Upgrade: websocket\r\n",
        "Expect: something-else\r\n",
        "X-GATEWAY-TRACE-ID: t1\r\n",
        "x-gateway-unknown: 1\r\nX-Gateway-Unknown: 2\r\nx-gateway-: 3\r\n",
        "x-gateway-api-key: tw-0\r\nx-gateway-metadata: {\"user\":\"ada\"}\r\n",
        "x-gateway-forward-headers: x-a\r\nx-gateway-forward-headers: [\"x-b\"]\r\n",
        "x-gateway-cache: simple\r\nx-gateway-cache-ttl: 5\r\nx-gateway-debug: false\r\n\
         x-gateway-provider:\r\n",
    ] {
        let lines = format!("{lines}x-kept: 1\r\n");
        let sent = gateway.forwards(&upstream, request("GET", "/v1/x", &upstream, &lines, ""));
        assert_eq!(sent.lines, with_host(&upstream, &[b"x-kept: 1"]), "{lines}");
    }
}

#[test]
fn one_odd_name_on_a_connection_line_hides_none_of_the_others() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let lines = b"Connection: x-one, \xff, a b,,x-two\r\nx-one: 1\r\nx-two: 2\r\nx-kept: 1\r\n";
    let sent = gateway.forwards(&upstream, request("GET", "/v1/x", &upstream, lines, ""));
    assert_eq!(sent.lines, with_host(&upstream, &[b"x-kept: 1"]));
}

#[test]
fn expect_100_continue_is_met_by_the_gateway() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let lines = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    let mut client = gateway.client();
    client.send(request("POST", "/v1/x", &upstream, lines, ""));
    assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(client.response().status, 200);
    let sent = upstream.last();
    assert_eq!(sent.lines, with_host(&upstream, &[b"content-length: 5"]));
    assert_eq!(sent.body, b"hello");
}

#[test]
fn portkeys_headers_end_at_the_gateway_in_portkey_mode_only() {
    let upstream = Upstream::ok();
    let lines = "X-Portkey-Trace-Id: t1\r\nx-portkey-anything: 1\r\n\
                 Authorization: Bearer OPENAI_API_KEY2\r\nAuthorization: Bearer OPENAI_API_KEY\r\n";
    let raw = request("GET", "/v1/x", &upstream, lines, "");
    let native = Gateway::start().forwards(&upstream, &raw);
    let kept: &[&[u8]] = &[
        b"x-portkey-trace-id: t1",
        b"x-portkey-anything: 1",
        b"authorization: Bearer OPENAI_API_KEY2",
        b"authorization: Bearer OPENAI_API_KEY",
    ];
    assert_eq!(native.lines, with_host(&upstream, kept));
    let portkey = Gateway::with("portkey: true").forwards(&upstream, &raw);
    let kept: &[&[u8]] = &[b"authorization: Bearer OPENAI_API_KEY2"];
    assert_eq!(portkey.lines, with_host(&upstream, kept));
}

#[test]
fn portkeys_names_direct_the_request_in_portkey_mode() {
    let (gateway, upstream) = (Gateway::with("portkey: true"), Upstream::ok());
    let base = format!("{}/v1", upstream.url());
    let raw = format!(
        "GET /v1/x HTTP/1.1\r\nHost: localhost\r\nx-portkey-provider: openai\r\n\
         x-portkey-custom-host: {base}\r\n\
         X-Portkey-Trace-Id: abc\r\n\r\n"
    );
    let sent = gateway.forwards(&upstream, &raw);
    assert_eq!(sent.lines, with_host(&upstream, &[]));
    // The native name wins.
    let native = raw.replace("\r\n\r\n", "\r\nx-gateway-trace-id: native\r\n\r\n");
    let response = gateway.exchange(native);
    assert_eq!(response.header("x-gateway-trace-id"), Some("native"));
    assert_eq!(response.header("x-portkey-trace-id"), Some("native"));
}

#[test]
fn via_and_x_forwarded_for_are_added_when_asked_for_and_nothing_else() {
    let upstream = Upstream::ok();
    let both = Gateway::with("via: gw1\nx_forwarded_for: true");
    for (lines, expected) in [
        ("", ["via: 1.1 gw1", "x-forwarded-for: 127.0.0.1"]),
        (
            "Via: 1.0 a\r\nX-Forwarded-For: 10.0.0.1\r\nvia: 1.1 b (c)\r\n\
             x-forwarded-for: ::1, 10.0.0.2\r\n",
            [
                "via: 1.0 a, 1.1 b (c), 1.1 gw1",
                "x-forwarded-for: 10.0.0.1, ::1, 10.0.0.2, 127.0.0.1",
            ],
        ),
    ] {
        let sent = both.forwards(&upstream, request("GET", "/v1/x", &upstream, lines, ""));
        let expected = expected.map(str::as_bytes);
        assert_eq!(sent.lines, with_host(&upstream, &expected));
    }
    let lines = b"X-Forwarded-For: caf\xe9\r\nX-Forwarded-For:\r\nvia: 1.1 \xff\r\n";
    let sent = both.forwards(&upstream, request("GET", "/v1/x", &upstream, lines, ""));
    let bytes: [&[u8]; 2] = [
        b"via: 1.1 \xff, 1.1 gw1",
        b"x-forwarded-for: caf\xe9, 127.0.0.1",
    ];
    assert_eq!(sent.lines, with_host(&upstream, &bytes));
    let via_only = Gateway::with("via: gw1");
    let sent = via_only.forwards(&upstream, request("GET", "/v1/x", &upstream, "", ""));
    assert_eq!(sent.lines, with_host(&upstream, &[b"via: 1.1 gw1"]));
}

/// A request of this many header lines in all, each with a value of this many bytes.
fn crowd(upstream: &Upstream, lines: usize, value: usize) -> (Vec<u8>, Vec<String>) {
    // `Host` and `x-gateway-custom-host` count too.
    let lines: Vec<_> = (2..lines)
        .map(|number| format!("x-{number:03}: {}", "v".repeat(value)))
        .collect();
    let text = lines.join("\r\n") + "\r\n";
    (request("GET", "/v1/x", upstream, text, ""), lines)
}

#[test]
fn large_heads_cross_up_to_the_limit() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (count, value) in [(95, 10), (96, 10), (90, 700), (90, 1400)] {
        let (raw, lines) = crowd(&upstream, count, value);
        let sent: Sent = gateway.forwards(&upstream, raw);
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        assert_eq!(
            sent.lines,
            with_host(&upstream, &lines),
            "{count} x {value}"
        );
    }
}

#[test]
fn a_head_over_the_limit_is_a_431_and_goes_nowhere() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (count, value) in [(97, 10), (300, 10), (90, 1600), (4, 150_000)] {
        let mut client = gateway.client();
        client.send(crowd(&upstream, count, value).0);
        assert_eq!(client.response().status, 431, "{count} x {value}");
        assert!(client.is_closed(), "{count} x {value}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_connection_line_with_too_many_names_is_refused() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let names: Vec<_> = (0..40).map(|number| format!("x-{number}")).collect();
    let lines = format!("Connection: {}\r\n", names.join(","));
    let raw = request("GET", "/v1/x", &upstream, lines, "");
    gateway.refuses(raw, 400, "invalid_header");
    assert_eq!(upstream.connections(), 0);
}
