//! Bytes go on as they come, in both directions: nothing waits for a body's end, for a full buffer, or for Nagle's algorithm.

use std::{
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use crate::support::{Gateway, PATIENCE, Peer, Upstream, message::request};

/// Enough small writes that one delayed acknowledgement each (40 ms) would show beyond any doubt.
const MANY: usize = 150;
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

/// The client's next byte goes out only when the upstream has told, beside the connection, that it has the one before. No byte
/// comes back on the connection, so Nagle's algorithm would hold each for a delayed acknowledgement.
#[test]
fn small_pieces_of_an_upload_leave_at_once() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        for _ in 0..MANY {
            let byte = peer.take(1);
            tell.lock()
                .expect("one script")
                .send(byte)
                .expect("the test waits");
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(request(
        "POST",
        "/v1/x",
        &upstream,
        format!("Content-Length: {MANY}\r\n"),
        "",
    ));
    let start = Instant::now();
    for number in 0..MANY {
        client.send([number as u8]);
        let got = told
            .recv_timeout(PATIENCE)
            .expect("each piece arrives by itself");
        assert_eq!(got, Some(vec![number as u8]));
    }
    assert!(start.elapsed() < WITHOUT_STALLS, "{:?}", start.elapsed());
    assert_eq!(client.response().text(), "ok");
}

#[test]
fn small_pieces_of_an_answer_leave_at_once() {
    let (more, next) = mpsc::channel::<()>();
    let next = Mutex::new(next);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for number in 0..MANY {
            let event = format!("data: {number:04}\n\n");
            peer.send(format!("{:x}\r\n{event}\r\n", event.len()));
            let taken = next.lock().expect("one script").recv_timeout(PATIENCE);
            taken.expect("each piece arrives by itself");
        }
        peer.send("0\r\n\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(request("GET", "/v1/x", &upstream, "", ""));
    client.head();
    let start = Instant::now();
    for number in 0..MANY {
        // Each event is one chunk here too, since nothing comes with it.
        let chunk = client.take("C\r\ndata: 0000\n\n\r\n".len());
        let expected = format!("data: {number:04}\n\n");
        assert_eq!(
            &chunk[chunk.len() - 14..chunk.len() - 2],
            expected.as_bytes()
        );
        more.send(()).expect("the script waits");
    }
    assert!(start.elapsed() < WITHOUT_STALLS, "{:?}", start.elapsed());
    let end = client.take(5);
    assert_eq!(end, b"0\r\n\r\n");
}

#[test]
fn the_head_of_an_answer_goes_on_before_its_body() {
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
fn question_and_answer_alternate_within_one_exchange() {
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
    // actix-http decides when it sends a head, and closes after every answer that began before the upload's end
    // (`h1/dispatcher.rs`, `send_response`): said in the head, and clean.
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert!(client.is_closed());
}
