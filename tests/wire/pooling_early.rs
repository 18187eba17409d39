//! Responses that come before the request is sent: they reach the client whatever becomes of the
//! upload, and the connection is used again only if both directions ended well.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Authority, Client, Gateway, Upstream,
    client::{End, Response},
    gateway::{get, head},
    tls_upstream,
};

const REFUSAL: &str =
    "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big";
const SIZE: usize = 8 << 20;

/// Sends a body in the background, for as long as somebody takes it.
fn upload(client: &Client, chunked: bool) -> thread::JoinHandle<()> {
    let mut stream = client.stream.try_clone().expect("a socket");
    thread::spawn(move || {
        let piece = vec![b'x'; 0x4000];
        for _ in 0..SIZE / piece.len() {
            let sent = match chunked {
                false => stream.write_all(&piece),
                true => stream
                    .write_all(b"4000\r\n")
                    .and_then(|()| stream.write_all(&piece))
                    .and_then(|()| stream.write_all(b"\r\n")),
            };
            if sent.is_err() {
                return;
            }
        }
    })
}

fn framing(chunked: bool) -> String {
    match chunked {
        false => format!("Content-Length: {SIZE}\r\n"),
        true => "Transfer-Encoding: chunked\r\n".to_owned(),
    }
}

#[track_caller]
fn assert_refused(response: &Response) {
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (413, "too big".to_owned(), End::Complete));
}

#[test]
fn a_refusal_is_relayed_even_if_the_upstream_resets_the_upload_behind_it() {
    // Closing with unread bytes is a reset: the gateway's writes fail, with the response already on
    // its way.
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.take(64 * 1024);
        peer.send(REFUSAL);
    });
    let gateway = Gateway::start();
    for round in 0..20 {
        let chunked = round % 2 == 1;
        let mut client = gateway.client();
        client.send(head("POST", "/v1/x", &upstream, &framing(chunked)));
        let uploading = upload(&client, chunked);
        assert_refused(&client.response());
        drop(client);
        uploading.join().expect("no panic");
    }
}

#[test]
fn a_refusal_over_tls_is_relayed_even_if_the_upload_is_reset_behind_it() {
    let authority = Authority::new();
    let upstream = tls_upstream::playing(authority.server(), |peer| {
        peer.head();
        peer.take(64 * 1024);
        peer.send(REFUSAL);
        peer.close_notify();
    });
    let gateway = Gateway::with(&authority.settings());
    let plain = upstream.url();
    for round in 0..10 {
        let chunked = round % 2 == 1;
        let request = head("POST", "/v1/x", &upstream, &framing(chunked));
        let mut client = gateway.client();
        client.send(request.replace(&plain, &tls_upstream::url(&upstream)));
        let uploading = upload(&client, chunked);
        assert_refused(&client.response());
        drop(client);
        uploading.join().expect("no panic");
    }
}

#[test]
fn an_upstream_that_hangs_up_is_noticed_while_the_client_sends_nothing() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let start = Instant::now();
    client.send(head("POST", "/v1/x", &upstream, &framing(false)));
    client.send("some of it");
    let response = client.response();
    assert_eq!(
        (response.status, response.error()),
        (502, Some("upstream_closed"))
    );
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_refusal_that_breaks_off_is_cut_short_and_not_complete() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\n\r\ntoo");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head("POST", "/v1/x", &upstream, &framing(false)));
    let response = client.response();
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (413, "too".to_owned(), End::CutShort));
}

#[test]
fn a_response_that_begins_early_and_ends_late_leaves_its_connection_usable() {
    let upstream = Upstream::playing(|peer| {
        while let Some(head) = peer.head() {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
            if head.starts_with(b"POST") {
                peer.take(SIZE);
            }
            peer.send("4\r\nlate\r\n0\r\n\r\n");
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head("POST", "/v1/x", &upstream, &framing(false)));
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    let uploading = upload(&client, false);
    uploading.join().expect("no panic");
    let rest = String::from_utf8(client.take("5\r\nearly\r\n4\r\nlate\r\n0\r\n\r\n".len()));
    assert_eq!(rest.as_deref(), Ok("5\r\nearly\r\n4\r\nlate\r\n0\r\n\r\n"));
    assert_eq!(gateway.exchange(get(&upstream)).text(), "earlylate");
    assert_eq!(upstream.connections(), 1);
}
