//! Bytes are passed on as they come, in both directions: nothing waits for the end of a body, for a
//! full buffer, or for Nagle's algorithm.

use std::{
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use crate::support::{Gateway, PATIENCE, Peer, Upstream, message::request};

/// Enough rounds that one delayed acknowledgement (40 ms) in each would show beyond any doubt: 6 s
/// of them.
const ROUNDS: usize = 150;
const WITHOUT_STALLS: Duration = Duration::from_secs(3);

#[test]
fn an_upload_reaches_the_upstream_while_the_client_still_sends() {
    for (lines, pieces) in [
        ("Content-Length: 10\r\n", ["first", "-last"]),
        (
            "Transfer-Encoding: chunked\r\n",
            ["5\r\nfirst\r\n", "5\r\n-last\r\n0\r\n\r\n"],
        ),
    ] {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let upstream = Upstream::playing(move |peer| {
            let head = peer.head().expect("a head");
            let first = match Peer::length(&head) {
                Some(_) => peer.take(5),
                None => peer.take(8),
            };
            tell.lock()
                .expect("one script")
                .send(first)
                .expect("the test waits");
            peer.take(5);
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(request("POST", "/v1/x", &upstream, lines, pieces[0]));
        let first = told
            .recv_timeout(PATIENCE)
            .expect("the first bytes arrive before the last are sent");
        assert!(pieces[0].as_bytes().starts_with(&first.expect("bytes")));
        client.send(pieces[1]);
        assert_eq!(client.response().text(), "ok");
    }
}

#[test]
fn the_head_alone_reaches_the_upstream_while_the_body_is_to_come() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        tell.lock()
            .expect("one script")
            .send(())
            .expect("the test waits");
        peer.take(5);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(request(
        "POST",
        "/v1/x",
        &upstream,
        "Content-Length: 5\r\n",
        "",
    ));
    told.recv_timeout(PATIENCE)
        .expect("the head arrives before the body");
    client.send("hello");
    assert_eq!(client.response().text(), "ok");
}

/// Two writes in a row towards a side that has just spoken: that side delays its acknowledgement
/// (40 ms), and Nagle's algorithm would hold the second write back until it comes. What is not held
/// back takes well under a millisecond.
#[test]
fn small_pieces_of_an_upload_leave_at_once() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..ROUNDS {
            let first = peer.take(1);
            // Beside the connection, so that no acknowledgement travels with it.
            let _ = tell.lock().expect("one script").send(first);
            peer.take(1);
            peer.send("1\r\n.\r\n");
        }
        peer.send("0\r\n\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = format!("Content-Length: {}\r\n", 2 * ROUNDS);
    client.send(request("POST", "/v1/x", &upstream, lines, ""));
    client.head();
    let start = Instant::now();
    for number in 0..ROUNDS {
        let (first, second) = ([number as u8], [!number as u8]);
        client.send(first);
        let got = told
            .recv_timeout(PATIENCE)
            .expect("each piece arrives by itself");
        assert_eq!(got.as_deref(), Some(&first[..]));
        client.send(second);
        assert_eq!(client.take(6), b"1\r\n.\r\n");
    }
    assert!(start.elapsed() < WITHOUT_STALLS, "{:?}", start.elapsed());
    assert_eq!(client.take(5), b"0\r\n\r\n");
}

/// The same the other way round: the client speaks, the response comes in two pieces.
#[test]
fn small_pieces_of_a_response_leave_at_once() {
    let (more, next) = mpsc::channel::<()>();
    let next = Mutex::new(next);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        peer.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                   Transfer-Encoding: chunked\r\n\r\n",
        );
        for _ in 0..ROUNDS {
            peer.take(1);
            peer.send("6\r\ndata: \r\n");
            let taken = next.lock().expect("one script").recv_timeout(PATIENCE);
            taken.expect("each piece arrives by itself");
            peer.send("3\r\nx\n\n\r\n");
        }
        peer.send("0\r\n\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = format!("Content-Length: {ROUNDS}\r\n");
    client.send(request("POST", "/v1/x", &upstream, lines, ""));
    client.head();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        client.send(".");
        assert_eq!(client.take(11), b"6\r\ndata: \r\n");
        more.send(()).expect("the script waits");
        assert_eq!(client.take(8), b"3\r\nx\n\n\r\n");
    }
    assert!(start.elapsed() < WITHOUT_STALLS, "{:?}", start.elapsed());
    assert_eq!(client.take(5), b"0\r\n\r\n");
}

#[test]
fn the_head_of_a_response_goes_on_before_its_body() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        let _ = wait.lock().expect("one script").recv_timeout(PATIENCE);
        peer.send("late");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(request("GET", "/v1/x", &upstream, "", ""));
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    go_on.send(()).expect("the script waits");
    assert_eq!(client.take(4), b"late");
}

#[test]
fn both_bodies_may_alternate_within_one_exchange() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..20 {
            let Some(asked) = peer.take(1) else { return };
            peer.send([&b"1\r\n"[..], &asked, b"\r\n"].concat());
        }
        peer.send("0\r\n\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(request(
        "POST",
        "/v1/x",
        &upstream,
        "Content-Length: 20\r\n",
        "",
    ));
    let head = client.head();
    for number in 0..20_u8 {
        client.send([number]);
        assert_eq!(client.take(6), [&b"1\r\n"[..], &[number], b"\r\n"].concat());
    }
    assert_eq!(client.take(5), b"0\r\n\r\n");
    // actix-http decides when it sends a head, and closes after every response that began before
    // the upload's end (`h1/dispatcher.rs`, `send_response`): said in the head, and clean.
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert!(client.is_closed());
}
