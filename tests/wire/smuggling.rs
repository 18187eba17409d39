//! Requests that two parsers could read in two ways are refused before the upstream hears of them (contract: inbound
//! ambiguity). The refusal is actix-http's where the head cannot be parsed: a bare status line, then the close.

use std::sync::mpsc;

use crate::support::{Client, Gateway, Upstream, client::End, eventually};

/// Puts the lines that choose the target in the place of `{to}`.
fn raw(upstream: &Upstream, template: &str) -> Vec<u8> {
    let lines = format!(
        "x-gateway-provider: passthrough\r\nx-gateway-custom-host: {}/v1\r\n",
        upstream.url()
    );
    template.replace("{to}", &lines).into_bytes()
}

fn post(lines: &str, body: &str) -> String {
    format!("POST /v1/x HTTP/1.1\r\nHost: localhost\r\n{{to}}{lines}\r\n{body}")
}

fn get(lines: &str) -> String {
    format!("GET /v1/x HTTP/1.1\r\nHost: localhost\r\n{{to}}{lines}\r\n")
}

fn request_line(line: &str) -> String {
    format!("{line}\r\nHost: localhost\r\n{{to}}\r\n")
}

fn assert_refused(requests: Vec<(&str, String)>) {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start();
    for (what, template) in requests {
        let mut client = gateway.client();
        client.send(raw(&upstream, &template));
        let response = client.response();
        assert_eq!(response.status, 400, "{what}");
        assert!(client.is_closed(), "{what}: the connection stays open");
        assert_eq!(upstream.connections(), 0, "{what}: the upstream was asked");
    }
}

const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

#[test]
fn a_body_with_two_lengths_is_refused() {
    assert_refused(vec![
        (
            "length, then chunked",
            post(
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                CHUNKS,
            ),
        ),
        (
            "chunked, then length",
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                CHUNKS,
            ),
        ),
        (
            "length 0 and chunked",
            post(
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                CHUNKS,
            ),
        ),
        (
            "two lengths",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        ),
        (
            "the same length twice",
            post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ),
        (
            "a list of lengths",
            post("Content-Length: 5, 6\r\n", "hello!"),
        ),
        (
            "a list of one length",
            post("Content-Length: 5, 5\r\n", "hello"),
        ),
    ]);
}

#[test]
fn a_length_that_is_no_number_is_refused() {
    for length in [
        "-1",
        "+5",
        "5 5",
        "0x5",
        "5e0",
        "5;",
        "5.0",
        "",
        "18446744073709551616",
        "99999999999999999999999",
        "\u{665}",
    ] {
        let line = format!("Content-Length: {length}\r\n");
        assert_refused(vec![(length, post(&line, "hello"))]);
    }
}

#[test]
fn transfer_codings_other_than_chunked_alone_are_refused() {
    for coding in [
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        "identity",
        "identity, chunked",
        "gzip",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "\u{b}chunked",
        "",
    ] {
        let line = format!("Transfer-Encoding: {coding}\r\n");
        assert_refused(vec![(coding, post(&line, CHUNKS))]);
    }
    assert_refused(vec![
        (
            "two lines",
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                CHUNKS,
            ),
        ),
        (
            "two lines, one identity",
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                CHUNKS,
            ),
        ),
        (
            "HTTP/1.0",
            post("Transfer-Encoding: chunked\r\n", CHUNKS).replace("HTTP/1.1", "HTTP/1.0"),
        ),
        (
            "HTTP/1.0 with a length",
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                CHUNKS,
            )
            .replace("HTTP/1.1", "HTTP/1.0"),
        ),
    ]);
}

#[test]
fn malformed_header_lines_are_refused() {
    assert_refused(vec![
        ("a folded line", get("X-A: 1\r\n 2\r\n")),
        ("a folded line, tab", get("X-A: 1\r\n\t2\r\n")),
        ("a folded first value", get("X-A:\r\n 2\r\n")),
        (
            "a folded coding",
            post("Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
        ),
        ("a bare CR in a value", get("X-A: 1\r2\r\n")),
        ("a bare CR in front of a name", get("\rX-A: 1\r\n")),
        ("a bare CR as the line's end", get("X-A: 1\rX-B: 2\r\n")),
        ("a space before the colon", get("X-A : 1\r\n")),
        ("a tab before the colon", get("X-A\t: 1\r\n")),
        (
            "a space before the length's colon",
            post("Content-Length : 5\r\n", "hello"),
        ),
        (
            "a space before the coding's colon",
            post("Transfer-Encoding : chunked\r\n", CHUNKS),
        ),
        ("a space in a name", get("X A: 1\r\n")),
        ("a name of nothing", get(": 1\r\n")),
        ("a line without a colon", get("X-A\r\n")),
        ("NUL in a value", get("X-A: 1\0\r\n")),
        ("NUL in a name", get("X\0: 1\r\n")),
        ("a control character in a value", get("X-A: \u{1}\r\n")),
        ("a slash in a name", get("X/A: 1\r\n")),
    ]);
}

#[test]
fn a_request_has_exactly_one_host() {
    assert_refused(vec![
        ("none", "GET /v1/x HTTP/1.1\r\n{to}\r\n".to_owned()),
        ("two", get("Host: localhost\r\n")),
        ("two that differ", get("Host: other\r\n")),
    ]);
}

#[test]
fn malformed_request_lines_are_refused() {
    assert_refused(vec![
        ("two spaces", request_line("GET  /v1/x HTTP/1.1")),
        (
            "two spaces before the version",
            request_line("GET /v1/x  HTTP/1.1"),
        ),
        ("tabs", request_line("GET\t/v1/x\tHTTP/1.1")),
        ("a leading space", request_line(" GET /v1/x HTTP/1.1")),
        ("a trailing space", request_line("GET /v1/x HTTP/1.1 ")),
        ("a space in the path", request_line("GET /v1/x y HTTP/1.1")),
        ("no version (HTTP/0.9)", request_line("GET /v1/x")),
        ("HTTP/0.9", request_line("GET /v1/x HTTP/0.9")),
        ("HTTP/1.2", request_line("GET /v1/x HTTP/1.2")),
        ("HTTP/2.0", request_line("GET /v1/x HTTP/2.0")),
        ("HTTP/11", request_line("GET /v1/x HTTP/11")),
        ("a lower-case version", request_line("GET /v1/x http/1.1")),
        ("no target", request_line("GET HTTP/1.1")),
        ("a method that is none", request_line("G(T /v1/x HTTP/1.1")),
        ("NUL in the path", request_line("GET /v1/x\0 HTTP/1.1")),
        (
            "a bare CR in the path",
            request_line("GET /v1/x\r HTTP/1.1"),
        ),
    ]);
}

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
