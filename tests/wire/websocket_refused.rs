//! Handshakes that an upstream refuses, and malformed ones.

use std::time::{Duration, Instant};

use crate::{
    support::{Gateway, Upstream, client::End, gateway::head},
    websocket::{HANDSHAKE, counted, echo, handshake},
};

#[test]
fn a_refusal_is_relayed_as_it_is_and_the_connection_closes() {
    let body = "{\"error\":{\"message\":\"no\"}}";
    let length = body.len();
    for (what, raw) in [
        (
            "401",
            format!(
                "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\
                 WWW-Authenticate: Bearer\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "401 in chunks",
            format!(
                "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\
                 WWW-Authenticate: Bearer\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n\
                 {body}\r\n0\r\n\r\n"
            ),
        ),
        (
            "401 until the close",
            format!(
                "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\
                 WWW-Authenticate: Bearer\r\n\r\n{body}"
            ),
        ),
    ] {
        let upstream = Upstream::responding_once(raw);
        let gateway = Gateway::start();
        let start = Instant::now();
        let mut client = gateway.client();
        client.send(handshake(&upstream));
        let response = client.response();
        assert_eq!(response.status, 401, "{what}");
        assert_eq!(response.text(), body, "{what}: {}", response.head);
        assert!(
            matches!(response.end, End::Complete | End::Closed),
            "{what}"
        );
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        assert_eq!(response.header("connection"), Some("close"), "{what}");
        client.finish_sending();
        assert!(client.is_closed(), "{what}");
        assert!(start.elapsed() < Duration::from_secs(1), "{what}: late");
        assert_eq!(counted(&gateway, "relayed"), 1, "{what}");
    }
}

#[test]
fn a_refusal_that_breaks_off_is_no_clean_end() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(handshake(&upstream));
    assert_eq!(client.response().end, End::Reset);
    assert_eq!(counted(&gateway, "truncated"), 1);
}

#[test]
fn a_426_keeps_its_status_and_body() {
    let upstream = Upstream::responding(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno",
    );
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(handshake(&upstream));
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (426, "no"));
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
}

#[test]
fn malformed_handshakes_are_refused() {
    let upstream = echo();
    let gateway = Gateway::start();
    for (what, request) in [
        (
            "HTTP/1.0",
            handshake(&upstream).replace("HTTP/1.1", "HTTP/1.0"),
        ),
        ("POST", head("POST", "/v1/realtime", &upstream, HANDSHAKE)),
        (
            "GET with a body",
            head(
                "GET",
                "/v1/realtime",
                &upstream,
                &format!("{HANDSHAKE}Content-Length: 2\r\n"),
            ) + "hi",
        ),
    ] {
        let response = gateway.exchange(request);
        assert_eq!(
            (response.status, response.error()),
            (400, Some("invalid_header")),
            "{what}"
        );
    }
    assert_eq!(upstream.connections(), 0);
}
