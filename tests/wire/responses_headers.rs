//! Which header lines of a response reach the client, compared by bytes: everything the upstream
//! sent except what ends at the gateway, with our own headers added.

use crate::support::{
    Client, Gateway, Upstream,
    message::{Sent, request, sorted},
    show,
};

/// What the gateway adds to an upstream's response to a request with this trace id.
const OURS: [&[u8]; 5] = [
    b"x-gateway-trace-id: t1",
    b"x-gateway-provider: passthrough",
    b"x-gateway-last-used-option-index: config",
    b"x-gateway-retry-attempt-count: 0",
    b"x-gateway-cache-status: DISABLED",
];
const LENGTH: &[u8] = b"content-length: 2";
const DATE: &[u8] = b"date: Tue, 15 Nov 1994 08:12:31 GMT";

/// The response's head when the upstream sends these lines besides [`LENGTH`] and [`DATE`].
fn relayed(client: &mut Client, lines: &[u8]) -> Sent {
    let head = b"HTTP/1.1 200 OK\r\n";
    let rest = [LENGTH, b"\r\n", DATE, b"\r\n\r\nok"].concat();
    let upstream = Upstream::responding([head, lines, &rest].concat());
    client.send(request(
        "GET",
        "/v1/x",
        &upstream,
        "x-gateway-trace-id: t1\r\n",
        "",
    ));
    let head = client.raw_head();
    assert_eq!(client.take(2), b"ok");
    Sent::read(&head)
}

fn expected(lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let all = lines.iter().chain(&OURS).chain([&LENGTH, &DATE]);
    sorted(all.map(|line| line.to_vec()))
}

#[test]
fn every_line_of_a_response_crosses_with_every_byte_of_its_value() {
    let gateway = Gateway::start();
    let long = [b"x-long: ".to_vec(), vec![b'v'; 60_000]].concat();
    let lines: &[&[u8]] = &[
        b"set-cookie: a=1; Path=/; HttpOnly",
        b"set-cookie: b=2, c; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
        b"set-cookie: a=1; Path=/; HttpOnly",
        b"x-repeated: b",
        b"x-repeated: a",
        b"x-repeated:",
        b"x-empty:",
        b"x-bytes: caf\xe9 \x80\xff \xe2\x82\xac",
        b"x-blanks: a \t  b",
        b"!#$%&'*+-.^_`|~09az: token",
        b"server: upstream/1.0",
        b"via: 1.1 edge",
        b"etag: \"abc\"",
        b"vary: origin, accept",
        b"cache-control: no-store",
        b"content-type: text/event-stream; charset=utf-8",
        b"content-encoding: gzip",
        b"www-authenticate: Bearer realm=\"x\"",
        b"proxy-authenticate: Basic",
        b"retry-after: 5",
        b"x-request-id: req_1",
        b"openai-processing-ms: 12",
        b"anthropic-ratelimit-requests-remaining: 3",
        b"x-ratelimit-limit-requests: 3",
        b"access-control-allow-origin: *",
        b"server-timing: db;dur=5",
        b"alt-svc: h3=\":443\"",
        b"x-portkey-trace-id: theirs",
        &long,
    ];
    let wire: Vec<u8> = lines
        .iter()
        .flat_map(|line| [line, &b"\r\n"[..]].concat())
        .collect();
    let got = relayed(&mut gateway.client(), &wire);
    let cut = |lines: &[Vec<u8>]| -> Vec<String> { lines.iter().map(|line| show(line)).collect() };
    assert_eq!(cut(&got.lines), cut(&expected(lines)));
    assert_eq!(got.lines, expected(lines));
}

#[test]
fn what_ends_at_the_gateway_does_not_reach_the_client() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for lines in [
        "Connection: close\r\n",
        "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n",
        "Connection: X-One, close\r\nConnection: x-two\r\nx-one: 1\r\nX-Two: 2\r\n",
        "Proxy-Connection: close\r\n",
        "Proxy-Authorization: Basic eDp5\r\n",
        "TE: trailers\r\n",
        "Trailer: x-sum\r\n",
        "Upgrade: h2c\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "X-Gateway-Trace-Id: theirs\r\nx-gateway-trace-id: theirs too\r\n",
        "x-gateway-error: no_target\r\nX-GATEWAY-Provider: theirs\r\n",
        "x-gateway-cost: 1\r\nx-gateway-: 1\r\nx-gateway-cache-status: HIT\r\n",
    ] {
        let got = relayed(&mut client, format!("{lines}x-kept: 1\r\n").as_bytes());
        assert_eq!(got.lines, expected(&[b"x-kept: 1"]), "{lines}");
    }
}

#[test]
fn one_odd_name_on_a_connection_line_hides_none_of_the_others() {
    let gateway = Gateway::start();
    let lines = b"Connection: \xff, x-one\r\nx-one: 1\r\nx-kept: 1\r\n";
    let got = relayed(&mut gateway.client(), lines);
    assert_eq!(got.lines, expected(&[b"x-kept: 1"]));
}

#[test]
fn a_response_without_a_date_gets_one_and_nothing_else() {
    let gateway = Gateway::start();
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let lines = "x-gateway-trace-id: t1\r\n";
    let mut client = gateway.client();
    client.send(request("GET", "/v1/x", &upstream, lines, ""));
    let mut got = Sent::read(&client.raw_head());
    let with_date = got.lines.len();
    // RFC 9110 section 6.6.1 lets a recipient add it; actix-http does.
    got.lines.retain(|line| !line.starts_with(b"date: "));
    assert_eq!(with_date, got.lines.len() + 1);
    let all = OURS.iter().chain([&LENGTH]).map(|line| line.to_vec());
    assert_eq!(got.lines, sorted(all));
}

#[test]
fn a_large_head_of_a_response_crosses() {
    let gateway = Gateway::start();
    // With the length and the date, 96 lines.
    let lines: Vec<_> = (0..94)
        .map(|number| format!("x-{number:03}: {}", "v".repeat(1200)))
        .collect();
    let got = relayed(
        &mut gateway.client(),
        (lines.join("\r\n") + "\r\n").as_bytes(),
    );
    let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
    assert_eq!(got.lines, expected(&lines));
}

#[test]
fn in_portkey_mode_upstreams_cannot_send_portkeys_headers() {
    let gateway = Gateway::with("portkey: true");
    let got = relayed(
        &mut gateway.client(),
        b"x-portkey-trace-id: theirs\r\nx-portkey-other: 1\r\n",
    );
    let mirrored = OURS.map(|line| {
        let line = String::from_utf8_lossy(line);
        line.replace("x-gateway-", "x-portkey-").into_bytes()
    });
    let mirrored: Vec<_> = mirrored.iter().map(Vec::as_slice).collect();
    assert_eq!(got.lines, expected(&mirrored));
}
