//! The timers on the client's side: heads and bodies that stand still, and connections that are not
//! used.

use std::{
    io::{Read, Write},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Gateway, Upstream,
    client::End,
    gateway::{get, head},
    let_pass,
};

fn counted(gateway: &Gateway, outcome: &str) -> i64 {
    gateway.metric(&format!(
        "throughway_requests_total{{outcome=\"{outcome}\"}}"
    ))
}

#[test]
fn an_upload_that_stands_still_is_answered_400_and_the_upstream_closed() {
    for lines in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
        let (tell, told) = mpsc::channel();
        let upstream = Upstream::playing(move |peer| {
            peer.head();
            let _ = tell.send(peer.closed_after());
        });
        let gateway = Gateway::with("downstream: { body_idle: 500ms }");
        let mut client = gateway.client();
        let start = Instant::now();
        client.send(head("POST", "/v1/files", &upstream, lines) + "5\r\nhello\r\n");
        let response = client.response();
        let took = start.elapsed();
        assert_eq!(
            (response.status, response.error()),
            (400, Some("invalid_body")),
            "{lines}"
        );
        assert_eq!(response.header("connection"), Some("close"), "{lines}");
        assert!(took >= Duration::from_millis(500), "after {took:?}");
        assert!(took < Duration::from_secs(2), "after {took:?}");
        assert!(client.is_closed(), "{lines}");
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{lines}: closed late"
        );
        assert!(told.recv().expect("an upstream").is_some());
        assert_eq!(counted(&gateway, "refused"), 1);
    }
}

/// The rest of a body whose request has its response is awaited no longer than a head.
#[test]
fn a_body_that_never_ends_does_not_hold_its_connection() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::with("downstream: { head: 500ms }");
    for lines in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = gateway.client();
        client.send(
            head("POST", "/v1/files", &upstream, lines)
                .replace("custom-host: http", "custom-host: ftp"),
        );
        assert_ne!(client.response().status, 200);
        let start = Instant::now();
        let mut rest = Vec::new();
        let _ = client.stream.read_to_end(&mut rest);
        assert!(rest.is_empty());
        assert!(start.elapsed() < Duration::from_secs(6), "{lines}");
    }
}

#[test]
fn a_first_head_that_takes_too_long_ends_the_connection() {
    let gateway = Gateway::with("downstream: { head: 500ms }");
    for sent in ["", "GET /v1/x HTT", "GET /v1/x HTTP/1.1\r\nHost: local"] {
        let start = Instant::now();
        let mut client = gateway.client();
        client.send(sent);
        let mut rest = Vec::new();
        // Bytes that were not read in time may make it a reset.
        let _ = client.stream.read_to_end(&mut rest);
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(500),
            "{sent:?} after {took:?}"
        );
        assert!(took < Duration::from_secs(2), "{sent:?} after {took:?}");
        assert!(rest.is_empty(), "{sent:?}");
    }
}

#[test]
fn a_later_head_that_takes_too_long_ends_the_connection() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::with("downstream: { head: 500ms, keep_alive: 1m }");
    // Also when its first bytes came behind the request before it.
    for together in [false, true] {
        let mut client = gateway.client();
        let (first, second) = (get(&upstream), "GET /v1/x");
        if together {
            client.send(first + second);
            assert_eq!(client.response().status, 200);
        } else {
            client.send(first);
            assert_eq!(client.response().status, 200);
            client.send(second);
        }
        let start = Instant::now();
        // A byte now and then is no excuse.
        let mut writer = client.stream.try_clone().expect("a socket");
        let dripping = thread::spawn(move || {
            for _ in 0..20 {
                // The pace of the client.
                let_pass(Duration::from_millis(100));
                if writer.write_all(b"P").is_err() {
                    return;
                }
            }
        });
        assert!(client.is_closed());
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(500), "after {took:?}");
        assert!(took < Duration::from_millis(1700), "after {took:?}");
        dripping.join().expect("a writer");
    }
}

#[test]
fn an_idle_connection_is_closed_after_keep_alive() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::with("downstream: { keep_alive: 1s }");
    let mut client = gateway.client();
    for _ in 0..3 {
        client.send(get(&upstream));
        assert_eq!(client.response().status, 200);
        // Shorter than `keep_alive`, which begins anew with each response.
        let_pass(Duration::from_millis(200));
    }
    let start = Instant::now();
    assert!(client.is_closed());
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn without_keep_alive_every_response_closes() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::with("downstream: { keep_alive: 0s }");
    let mut client = gateway.client();
    client.send(get(&upstream));
    let response = client.response();
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.end, End::Complete);
    assert!(client.is_closed());
}

#[test]
fn a_stream_of_a_silent_upstream_is_cut_after_idle() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        peer.closed_after();
    });
    let gateway = Gateway::with("timeouts: { idle: 500ms }");
    let start = Instant::now();
    let response = gateway.exchange(get(&upstream));
    let took = start.elapsed();
    assert_eq!(
        (response.text().as_str(), response.end),
        ("hello", End::CutShort)
    );
    assert!(took >= Duration::from_millis(500), "after {took:?}");
    assert!(took < Duration::from_secs(2), "after {took:?}");
    assert_eq!(counted(&gateway, "truncated"), 1);
}
