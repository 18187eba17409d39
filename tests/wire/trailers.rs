//! Trailers follow the rules of header lines on both sides: broken ones are refused, and others end
//! at the gateway.

use std::sync::mpsc;

use crate::{
    smuggling::{post, raw},
    support::{Gateway, Upstream, client::End, eventually, gateway::get},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Trailer sections that are refused on either side, with the empty line where there is one.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let mut sections: Vec<(&str, Vec<u8>)> = [
        ("a request", "GET /v1/b HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a line without a colon", "X-A\r\n\r\n"),
        ("a name of nothing", ": 1\r\n\r\n"),
        ("a space before the colon", "X-A : 1\r\n\r\n"),
        ("a tab before the colon", "X-A\t: 1\r\n\r\n"),
        ("a space in a name", "X A: 1\r\n\r\n"),
        ("a slash in a name", "X/A: 1\r\n\r\n"),
        ("a first line that is folded", " X-A: 1\r\n\r\n"),
        ("a folded line", "X-A: 1\r\n 2\r\n\r\n"),
        ("a folded line, tab", "X-A: 1\r\n\t2\r\n\r\n"),
        ("NUL in a name", "X\0: 1\r\n\r\n"),
        ("NUL in a value", "X-A: 1\0\r\n\r\n"),
        ("a control character in a value", "X-A: \u{1}\r\n\r\n"),
        ("DEL in a value", "X-A: \u{7f}\r\n\r\n"),
        ("a bare CR in a value", "X-A: 1\r2\r\n\r\n"),
        ("a bare CR in front of a name", "\rX-A: 1\r\n\r\n"),
        ("a length", "Content-Length: 5\r\n\r\n"),
        ("a coding", "X-A: 1\r\nTRANSFER-encoding: chunked\r\n\r\n"),
        ("a host", "host: other\r\n\r\n"),
    ]
    .map(|(what, section)| (what, section.as_bytes().to_vec()))
    .into();
    sections.push(("97 lines", "X: 1\r\n".repeat(97).into_bytes()));
    sections.push((
        "200 KiB in one line",
        [b"X: ".to_vec(), vec![b'v'; 200 * 1024]].concat(),
    ));
    sections
}

/// What clients have to keep to beyond that.
fn malformed_from_clients() -> Vec<(&'static str, Vec<u8>)> {
    let mut sections = malformed();
    for (what, section) in [
        ("a bare LF for the empty line", "\n"),
        ("a bare LF as a line's end", "X-A: 1\n\r\n"),
        ("bare LFs", "X-A: 1\n\n"),
    ] {
        sections.push((what, section.as_bytes().to_vec()));
    }
    sections
}

#[test]
fn malformed_trailers_behind_the_head_are_a_400_and_the_upstream_is_not_asked() {
    let gateway = Gateway::start();
    for (what, section) in malformed_from_clients() {
        // One for each section: a connection of an earlier one may be accepted late.
        let upstream = Upstream::responding(OK);
        let mut client = gateway.client();
        let head = post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n");
        let section_length = section.len();
        client.send([raw(&upstream, &head), section].concat());
        let response = client.response();
        let seen = (response.status, response.error());
        assert_eq!(seen, (400, Some("invalid_body")), "{what}");
        assert_eq!(response.header("connection"), Some("close"), "{what}");
        client.finish_sending();
        assert!(client.is_closed(), "{what}");
        // The upstream may be asked before the end of a long section has come.
        let at_hand = section_length < 1024;
        assert!(!at_hand || upstream.connections() == 0, "{what}");
    }
}

#[test]
fn malformed_trailers_never_end_a_request_upstream() {
    for (what, section) in malformed_from_clients() {
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
        let head = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n");
        client.send(raw(&upstream, &head));
        eventually("the upstream is asked", || upstream.connections() == 1);
        client.send([&b"0\r\n"[..], &section].concat());
        let response = client.response();
        let seen = (response.status, response.error());
        assert_eq!(seen, (400, Some("invalid_body")), "{what}");
        client.finish_sending();
        assert!(client.is_closed(), "{what}");
        let seen = told.recv().expect("the upstream's connection closes");
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(!seen.ends_with("0\r\n\r\n"), "{what}: {seen}");
    }
}

#[test]
fn trailers_of_a_request_end_at_the_gateway() {
    let upstream = Upstream::responding(OK);
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for section in [
        "",
        "X-Sum: 1\r\n",
        "X-Empty:\r\nX-Blank: \t \r\n",
        "X-A: \u{e9}\tb\r\nx-a: 2\r\n",
        "Content-Lengths: 5\r\nHos: t\r\n",
        &"X: 1\r\n".repeat(96),
    ] {
        let body = format!("5\r\nhello\r\n0\r\n{section}\r\n");
        client.send(raw(
            &upstream,
            &post("Transfer-Encoding: chunked\r\n", &body),
        ));
        let response = client.response();
        assert_eq!(
            (response.status, response.text()),
            (200, "ok".to_owned()),
            "{section}"
        );
    }
    for request in upstream.requests() {
        let request = String::from_utf8_lossy(&request).into_owned();
        assert!(
            request.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            "{request}"
        );
    }
}

#[test]
fn malformed_trailers_of_a_short_response_are_a_502() {
    for (what, section) in malformed() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
        // Longer sections come behind the head.
        if section.len() > 1024 {
            continue;
        }
        let upstream = Upstream::responding([head.as_bytes(), &section].concat());
        let response = Gateway::start().exchange(get(&upstream));
        let seen = (response.status, response.error());
        assert_eq!(seen, (502, Some("upstream_invalid")), "{what}");
    }
}

#[test]
fn malformed_trailers_of_a_response_under_way_abort_it_after_its_bytes() {
    let gateway = Gateway::start();
    let mut aborted = 0;
    for (what, section) in malformed() {
        let (go, may_go) = mpsc::channel::<()>();
        let may_go = std::sync::Mutex::new(may_go);
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            let _ = may_go.lock().expect("one connection").recv();
            peer.send(" world".len().to_string() + "\r\n world\r\n0\r\n");
            peer.send(&section);
            peer.closed_after();
        });
        let mut client = gateway.client();
        client.send(get(&upstream));
        client.wait_for(b"hello");
        go.send(()).expect("the upstream waits");
        let response = client.response();
        let seen = (response.status, response.text(), response.end);
        assert_eq!(
            seen,
            (200, "hello world".to_owned(), End::CutShort),
            "{what}"
        );
        assert_eq!(upstream.connections(), 1, "{what}");
        aborted += 1;
    }
    let truncated = gateway.metric("throughway_requests_total{outcome=\"truncated\"}");
    assert_eq!(truncated, aborted);
}

#[test]
fn trailers_of_a_response_end_at_the_gateway_and_keep_the_connection() {
    for section in [
        "\r\n",
        "X-Sum: 1\r\n\r\n",
        "X-A: \u{e9}\r\nx-a:\r\n\r\n",
        // RFC 9112 section 2.2, as in heads.
        "\n",
        "X-Sum: 1\n\n",
        "X-Sum: 1\n\r\n",
        "X-Sum: 1\r\n\n",
    ] {
        for apart in [false, true] {
            let upstream = Upstream::playing(move |peer| {
                while peer.request().is_some() {
                    let body =
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
                    if !apart {
                        peer.send([body, section].concat());
                        continue;
                    }
                    peer.send(body);
                    section.bytes().for_each(|byte| peer.send([byte]));
                }
            });
            let gateway = Gateway::start();
            let mut client = gateway.client();
            for _ in 0..2 {
                client.send(get(&upstream));
                let response = client.response();
                let seen = (response.status, response.text(), response.end);
                assert_eq!(
                    seen,
                    (200, "hello".to_owned(), End::Complete),
                    "{section:?}"
                );
            }
            assert_eq!(upstream.connections(), 1, "{section:?}");
        }
    }
}
