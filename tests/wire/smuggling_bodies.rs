//! Upgrades, broken chunks, heads too large and bare line feeds: what is refused late or not at all, and why that is safe.

use std::sync::mpsc;

use crate::{
    smuggling::{CHUNKS, get, post, raw},
    support::{Client, Gateway, Upstream, client::End, eventually},
};

#[test]
fn an_upgrade_to_websocket_with_a_body_is_refused() {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let with_length = format!("{upgrade}Content-Length: 5\r\n");
    let with_chunks = format!("{upgrade}Transfer-Encoding: chunked\r\n");
    let behind = |body: &str| format!("{body}GET /v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start();
    for (what, template) in [
        ("GET with a length", get(&with_length) + &behind("hello")),
        ("GET with chunks", get(&with_chunks)),
        ("POST with a length", post(&with_length, "hello")),
        ("POST with chunks", post(&with_chunks, CHUNKS)),
        ("POST without a body", post(upgrade, "")),
    ] {
        let mut client = gateway.client();
        client.send(raw(&upstream, &template));
        let response = client.response();
        assert_eq!(
            (response.status, response.error()),
            (400, Some("invalid_header")),
            "{what}"
        );
        assert_eq!(response.end, End::Complete, "{what}");
        assert_eq!(response.header("connection"), Some("close"), "{what}");
        client.finish_sending();
        assert!(client.is_closed(), "{what}");
        assert_eq!(upstream.connections(), 0, "{what}");
    }
}

#[test]
fn an_upgrade_to_anything_else_is_an_ordinary_request() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(raw(
            &upstream,
            &post(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\
                 Content-Length: 5\r\n",
                "hello",
            ),
        ));
        let response = client.response();
        assert_eq!((response.status, response.text().as_str()), (200, "ok"));
        assert_eq!(response.header("upgrade"), None);
        assert_ne!(response.header("connection"), Some("upgrade"));
        if response.header("connection") == Some("close") {
            client = gateway.client();
        }
    }
    let request = String::from_utf8_lossy(&upstream.requests()[0]).to_lowercase();
    assert!(!request.contains("upgrade"), "{request}");
    assert!(!request.contains("http2-settings"), "{request}");
}

/// RFC 9112 §2.2 lets a recipient take a bare LF for the end of a line. It is taken, and never sent on.
#[test]
fn bare_line_feeds_end_lines_and_become_crlf_upstream() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let template = post("X-A: 1\r\nContent-Length: 5\r\n", "hello").replace("\r\n", "\n");
    let request = raw(&upstream, &template);
    let request = String::from_utf8(request)
        .expect("text")
        .replace("\r\n", "\n");
    assert_eq!(gateway.exchange(request).status, 200);
    let seen = upstream.request();
    assert_eq!(seen.matches('\n').count(), seen.matches("\r\n").count());
    assert!(seen.contains("\r\nx-a: 1\r\n"), "{seen}");
}

#[test]
fn a_coding_in_other_letters_is_still_chunked() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    for coding in ["CHUNKED", "Chunked  ", "  chunked"] {
        let line = format!("Transfer-Encoding: {coding}\r\n");
        let response = gateway.exchange(raw(&upstream, &post(&line, CHUNKS)));
        assert_eq!(response.status, 200, "{coding}");
    }
    for request in upstream.requests() {
        let request = String::from_utf8_lossy(&request).into_owned();
        assert!(
            request.contains("\r\ntransfer-encoding: chunked\r\n"),
            "{request}"
        );
        assert!(
            request.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            "{request}"
        );
    }
}

#[test]
fn broken_chunks_never_become_a_whole_request_upstream() {
    for bad in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\rhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    ] {
        let (tell, told) = mpsc::channel();
        let upstream = Upstream::playing(move |peer| {
            let mut seen = peer.head().unwrap_or_default();
            while let Some(byte) = peer.take(1) {
                seen.extend(byte);
            }
            let _ = tell.send(seen);
        });
        let gateway = Gateway::start();
        let mut client = gateway.client();
        let good = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n");
        client.send(raw(&upstream, &good));
        eventually("the upstream is asked", || upstream.connections() == 1);
        client.send(bad);
        // actix-http drops the connection as soon as it has written the refusal; if bytes were unread then, the reset may
        // overtake it.
        if client.fill().is_ok() {
            let response = client.response();
            assert_eq!(
                (response.status, response.error()),
                (400, Some("invalid_body")),
                "{bad:?}"
            );
            assert_eq!(response.header("connection"), Some("close"), "{bad:?}");
        }
        assert!(client.is_closed(), "{bad:?}");
        let seen = told.recv().expect("the upstream's connection closes");
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(!seen.ends_with("0\r\n\r\n"), "{bad:?} became {seen}");
        let refused = gateway.metric("throughway_requests_total{outcome=\"refused\"}");
        assert_eq!(refused, 1, "{bad:?}");
    }
}

#[test]
fn a_head_too_large_is_answered_431() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start();
    let long = format!("X-A: {}\r\n", "a".repeat(140 * 1024));
    let many: String = (0..97).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (what, lines) in [("more than 128 KiB", long), ("more than 96 lines", many)] {
        let mut client = gateway.client();
        client.send(raw(&upstream, &get(&lines)));
        assert_eq!(client.response().status, 431, "{what}");
        assert!(client.is_closed(), "{what}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_head_as_large_as_allowed_crosses() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start();
    let long = format!("X-A: {}\r\n", "a".repeat(100 * 1024));
    // With Host and the two lines that choose the target it is 96.
    let many: String = (0..93).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (what, lines) in [("100 KiB", long), ("96 lines", many)] {
        let response = gateway.exchange(raw(&upstream, &get(&lines)));
        assert_eq!(response.status, 200, "{what}");
    }
}

#[test]
fn garbage_on_a_used_connection_is_refused_and_closes_it() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let mut client: Client = gateway.client();
    client.send(raw(&upstream, &get("")));
    assert_eq!(client.response().status, 200);
    client.send("\0\0\0\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed());
    assert_eq!(upstream.requests().len(), 1);
}
