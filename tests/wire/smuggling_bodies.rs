//! Upgrades, broken chunks, heads that are too large, and bare line feeds: what is refused late,
//! and why that is safe.

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
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
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
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(raw(
            &upstream,
            &post(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                 HTTP2-Settings: AAMAAABk\r\n\
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

/// RFC 9112 section 2.2 lets a recipient take a bare LF for the end of a line, and does not ask it
/// to: proxies differ in it.
#[test]
fn a_bare_line_feed_ends_no_line_of_a_request() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let request = raw(&upstream, &post("X-A: 1\r\nContent-Length: 5\r\n", "hello"));
    let request = String::from_utf8(request).expect("text");
    let head = request.find("\r\n\r\n").expect("a head") + 4;
    let ends: Vec<_> = request[..head]
        .match_indices("\r\n")
        .map(|(at, _)| at)
        .collect();
    let without = |ends: &[usize]| {
        let mut bytes = request.clone().into_bytes();
        ends.iter().rev().for_each(|at| {
            bytes.remove(*at);
        });
        bytes
    };
    let one_each = ends.iter().map(|at| without(&[*at]));
    let leading = [b"\n".to_vec(), request.clone().into_bytes()].concat();
    for bytes in one_each.chain([without(&ends), leading]) {
        let mut client = gateway.client();
        client.send(&bytes);
        let shown = bytes.escape_ascii();
        assert_eq!(client.response().status, 400, "{shown}");
        assert!(client.is_closed(), "{shown}");
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(gateway.exchange(["\r\n", &request].concat()).status, 200);
}

#[test]
fn a_coding_in_other_letters_is_still_chunked() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
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

/// Chunked bodies that are broken, each at its first chunk.
const BROKEN: [&str; 14] = [
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
    "5;\0\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5 5\r\nhello\r\n0\r\n\r\n",
];

#[test]
fn broken_chunks_behind_the_head_are_a_400_and_the_upstream_is_not_asked() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5000));
    for before in ["", "3\r\nabc\r\n"] {
        for bad in BROKEN.iter().copied().chain([&*long]) {
            let mut client = gateway.client();
            let body = [before, bad].concat();
            client.send(raw(
                &upstream,
                &post("Transfer-Encoding: chunked\r\n", &body),
            ));
            let response = client.response();
            let seen = (response.status, response.error());
            assert_eq!(seen, (400, Some("invalid_body")), "{bad:?}");
            assert_eq!(response.header("connection"), Some("close"), "{bad:?}");
            client.finish_sending();
            assert!(client.is_closed(), "{bad:?}");
            assert_eq!(upstream.connections(), 0, "{bad:?}");
        }
    }
}

#[test]
fn a_body_that_breaks_behind_its_response_ends_the_connection() {
    let gateway = Gateway::start();
    for bad in [
        "zz\r\n",
        "0\r\nGET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut client = gateway.client();
        client.send(
            "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n",
        );
        assert_eq!(client.response().status, 404, "{bad:?}");
        client.send(bad);
        assert!(client.is_closed(), "{bad:?}");
    }
}

#[test]
fn a_page_of_the_gateway_refuses_a_broken_body_too() {
    let gateway = Gateway::start();
    for page in [
        "/gateway/health/live",
        "/gateway/explain",
        "/gateway/metrics",
    ] {
        let mut client = gateway.client();
        client.send(format!(
            "POST {page} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            BROKEN[0]
        ));
        let response = client.response();
        let seen = (response.status, response.error());
        assert_eq!(seen, (400, Some("invalid_body")), "{page}");
        client.finish_sending();
        assert!(client.is_closed(), "{page}");
    }
}

#[test]
fn a_client_that_goes_on_after_a_broken_body_is_cut_off() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(format!(
        "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        BROKEN[0]
    ));
    assert_eq!(client.response().status, 400);
    let began = std::time::Instant::now();
    let noise = [b'x'; 64 * 1024];
    while std::io::Write::write_all(&mut client.stream, &noise).is_ok() {
        assert!(
            began.elapsed() < crate::support::PATIENCE,
            "it is read for ever"
        );
    }
    // It is counted as refused once.
    assert_eq!(
        gateway.metric("throughway_requests_total{outcome=\"refused\"}"),
        1
    );
}

#[test]
fn broken_chunks_never_become_a_whole_request_upstream() {
    for bad in BROKEN {
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
        let response = client.response();
        assert_eq!(
            (response.status, response.error()),
            (400, Some("invalid_body")),
            "{bad:?}"
        );
        assert_eq!(response.header("connection"), Some("close"), "{bad:?}");
        client.finish_sending();
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
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
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
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
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
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let mut client: Client = gateway.client();
    client.send(raw(&upstream, &get("")));
    assert_eq!(client.response().status, 200);
    client.send("\0\0\0\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed());
    assert_eq!(upstream.requests().len(), 1);
}
