//! How long an upstream may pause within a body, and how long the whole may take. See `timeouts`
//! for the margins.

use std::{sync::mpsc, time::Duration};

use crate::support::{
    Gateway, Upstream,
    client::End,
    eventually,
    gateway::get,
    let_pass,
    timing::{after_saying, assert_took, timed},
};

#[test]
fn an_upstream_that_falls_silent_in_its_body_is_an_aborted_transfer() {
    for raw in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ] {
        let (upstream, told) = after_saying(raw);
        let gateway = Gateway::with("timeouts: { idle: 600ms }");
        let (response, took) = timed(|| gateway.exchange(get(&upstream)));
        let seen = (response.status, response.text(), response.end);
        assert_eq!(seen, (200, "hello".to_owned(), End::CutShort), "{raw}");
        assert_took(took, 350, 1500);
        assert!(told.recv().expect("told").is_some(), "still open");
        eventually("counted", || {
            gateway.metric("throughway_requests_total{outcome=\"truncated\"}") == 1
        });
    }
}

/// Sends a piece of body every 200 ms, without end.
fn dripping() -> Upstream {
    Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        loop {
            peer.pause(Duration::from_millis(200));
            if std::io::Write::write_all(&mut peer.stream, b"1\r\nx\r\n").is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_body_that_keeps_coming_is_never_idle() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
        for _ in 0..8 {
            peer.pause(Duration::from_millis(200));
            peer.send("x");
        }
    });
    let gateway = Gateway::with("timeouts: { idle: 800ms }");
    let response = gateway.exchange(get(&upstream));
    assert_eq!(
        (response.text().as_str(), response.end),
        ("xxxxxxxx", End::Complete)
    );
}

#[test]
fn the_total_time_cuts_a_body_that_keeps_coming() {
    let upstream = dripping();
    let gateway = Gateway::with("timeouts: { total: 900ms }");
    let (response, took) = timed(|| gateway.exchange(get(&upstream)));
    assert_eq!((response.status, response.end), (200, End::CutShort));
    assert!(!response.body.is_empty());
    assert_took(took, 600, 1700);
}

#[test]
fn the_total_time_cuts_a_body_that_never_pauses() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        let piece = vec![b'x'; 64 * 1024];
        while std::io::Write::write_all(&mut peer.stream, &piece).is_ok() {}
    });
    let gateway = Gateway::with("timeouts: { total: 500ms }");
    let mut client = gateway.client();
    let start = std::time::Instant::now();
    client.send(get(&upstream));
    client.head();
    // Chunks are not told apart: it is enough to see the stream end, and without its last chunk.
    let mut last = Vec::new();
    let end = loop {
        match client.fill() {
            Ok(()) => last = client.take_all(),
            Err(end) => break end,
        }
    };
    assert_eq!(end, End::CutShort);
    assert!(!last.ends_with(b"0\r\n\r\n"));
    assert_took(start.elapsed(), 400, 2000);
}

#[test]
fn the_total_time_counts_from_the_arrival_of_the_request() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.pause(Duration::from_millis(700));
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        peer.closed_after();
    });
    let gateway = Gateway::with("timeouts: { total: 1100ms }");
    let (response, took) = timed(|| gateway.exchange(get(&upstream)));
    assert_eq!(
        (response.text().as_str(), response.end),
        ("hello", End::CutShort)
    );
    assert_took(took, 800, 1700);
}

#[test]
fn a_client_that_pauses_is_not_taken_for_a_silent_upstream() {
    // More than the sockets on the way hold: the gateway cannot read on while the client does not.
    const MUCH: usize = 24 << 20;
    let (sent, told) = mpsc::channel();
    let sent = std::sync::Mutex::new(sent);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            MUCH + 4
        ));
        peer.send(vec![b'x'; MUCH]);
        // So that the gateway finds nothing to read for a moment.
        peer.pause(Duration::from_millis(100));
        peer.send("last");
        let _ = sent.lock().expect("no panic").send(());
    });
    let gateway = Gateway::with("timeouts: { idle: 600ms }");
    let mut client = gateway.client();
    client.send(get(&upstream));
    client.peek();
    // The client pauses for longer than `idle`.
    let_pass(Duration::from_millis(1500));
    let response = client.response();
    assert_eq!(
        (response.body.len(), response.end),
        (MUCH + 4, End::Complete)
    );
    told.recv().expect("all is sent");
}
