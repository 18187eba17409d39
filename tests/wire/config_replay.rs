//! The request body while it may have to be sent again: it is sent as it comes, and copied up to
//! `replay_limit`.

use std::sync::{Mutex, mpsc};

use crate::support::{
    Gateway, PATIENCE, Peer, Upstream,
    message::noise,
    routing::{FAILURE, Refusing, base, completion, config_line, json, raw_response},
};

const MEGABYTES_20: usize = 20 << 20;

/// A POST head of a body of octets; `framing` and `lines` end in CRLF.
fn head(lines: &str, framing: &str) -> String {
    format!(
        "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n\
         {framing}{lines}\r\n"
    )
}

fn of_length(length: usize) -> String {
    format!("Content-Length: {length}\r\n")
}

/// Sends this after each whole body, and tells what bodies came.
fn swallowing(response: String) -> (Upstream, mpsc::Receiver<Vec<u8>>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        while let Some(head) = peer.head() {
            let body = match Peer::length(&head) {
                Some(length) => peer.take(length),
                None => peer.chunks().map(|(body, _)| body),
            };
            let Some(body) = body else { return };
            let _ = tell.lock().expect("no panic").send(body);
            peer.send(&response);
        }
    });
    (upstream, told)
}

fn retrying(upstream: &Upstream) -> String {
    config_line(&format!(
        r#"{{"custom_host":"{}","retry":{{"attempts":1,"use_retry_after_header":true}}}}"#,
        base(upstream)
    ))
}

fn fallback(hosts: [String; 2]) -> String {
    let [first, second] = hosts;
    config_line(&format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"custom_host":"{first}"}},{{"custom_host":"{second}"}}]}}"#
    ))
}

#[test]
fn twenty_megabytes_go_up_as_they_come_where_a_retry_is_configured() {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        let first = peer.take(1000);
        let _ = tell.lock().expect("no panic").send(first);
        let rest = peer.take(MEGABYTES_20 - 1000).expect("the rest");
        assert!(rest == noise(MEGABYTES_20)[1000..]);
        peer.send(json("200 OK", &completion("a")));
    });
    let second = Upstream::named("second");
    for lines in [
        retrying(&upstream),
        fallback([base(&upstream), base(&second)]),
    ] {
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(head(&lines, &of_length(MEGABYTES_20)));
        client.send(&noise(MEGABYTES_20)[..1000]);
        let first = told
            .recv_timeout(PATIENCE)
            .expect("the first bytes arrive before the last are sent");
        assert!(first.as_deref() == Some(&noise(MEGABYTES_20)[..1000]));
        client.send(&noise(MEGABYTES_20)[1000..]);
        let response = client.response();
        assert_eq!(response.seen(), (200, completion("a")));
        assert_eq!(response.header("x-gateway-replay"), None);
    }
    assert_eq!(second.connections(), 0);
}

#[test]
fn twenty_megabytes_are_sent_again_whole() {
    let body = noise(MEGABYTES_20);
    let (first, first_told) = swallowing(json("500 No", FAILURE));
    let (second, second_told) = swallowing(json("200 OK", &completion("b")));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = fallback([base(&first), base(&second)]);
    client.send(head(&lines, &of_length(MEGABYTES_20)));
    client.send(body);
    assert_eq!(client.response().seen(), (200, completion("b")));
    assert!(first_told.recv().expect("a body") == body);
    assert!(second_told.recv().expect("a body") == body);
}

#[test]
fn a_chunked_body_is_sent_again_in_chunks() {
    let (first, first_told) =
        swallowing(json("429 No", FAILURE).replace("\r\n\r\n", "\r\nretry-after-ms: 20\r\n\r\n"));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head(&retrying(&first), "Transfer-Encoding: chunked\r\n"));
    for piece in noise(50_000).chunks(9_999) {
        client.send(format!("{:x}\r\n", piece.len()));
        client.send(piece);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    let response = client.response();
    assert_eq!(
        (response.seen(), response.retries()),
        ((429, FAILURE.to_owned()), "-1")
    );
    for _ in 0..2 {
        assert!(first_told.recv().expect("a body") == noise(50_000));
    }
}

#[test]
fn a_target_that_responds_early_leaves_the_next_one_the_whole_body() {
    // It says no after the head and closes: the body is still on its way from the client.
    let early = Upstream::playing(|peer| {
        peer.head();
        peer.send(raw_response("503 No", "Connection: close\r\n", "early"));
    });
    let (second, told) = swallowing(json("200 OK", &completion("b")));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = fallback([base(&early), base(&second)]);
    client.send(head(&lines, &of_length(MEGABYTES_20)));
    let (begin, rest) = noise(MEGABYTES_20).split_at(100_000);
    client.send(begin);
    client.send(rest);
    assert_eq!(client.response().seen(), (200, completion("b")));
    assert!(told.recv().expect("a body") == noise(MEGABYTES_20));
}

#[test]
fn a_target_that_cannot_be_reached_costs_no_byte_of_a_body_that_is_still_to_come() {
    let refusing = Refusing::new();
    let (second, told) = swallowing(json("200 OK", &completion("b")));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = fallback([refusing.base(), base(&second)]);
    client.send(head(&lines, &of_length(200_000)));
    for piece in noise(200_000).chunks(50_000) {
        client.send(piece);
    }
    assert_eq!(client.response().seen(), (200, completion("b")));
    assert!(told.recv().expect("a body") == noise(200_000));
}

#[test]
fn a_body_over_the_limit_streams_is_sent_once_and_the_reply_says_so() {
    let body = noise(300_000);
    for framing in [
        of_length(body.len()),
        "Transfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let (first, told) = swallowing(json("503 No", FAILURE));
        let second = Upstream::named("second");
        for lines in [retrying(&first), fallback([base(&first), base(&second)])] {
            let gateway = Gateway::with("replay_limit: 100KiB");
            let mut client = gateway.client();
            client.send(head(&lines, &framing));
            match framing.starts_with('C') {
                true => client.send(body),
                false => {
                    client.send(format!("{:x}\r\n", body.len()));
                    client.send(body);
                    client.send("\r\n0\r\n\r\n");
                }
            }
            let response = client.response();
            assert_eq!(
                response.seen(),
                (503, FAILURE.to_owned()),
                "{framing}{lines}"
            );
            assert_eq!(
                response.all("x-gateway-replay"),
                ["lost"],
                "{framing}{lines}"
            );
            assert_eq!(response.retries(), "0");
            assert!(told.recv().expect("a body") == body);
            assert!(told.try_recv().is_err(), "sent once");
        }
        assert_eq!(second.connections(), 0);
    }
}

#[test]
fn a_connect_failure_moves_on_even_with_a_body_over_the_limit() {
    // A connect failure sends nothing, so the second target gets the whole body.
    let body = noise(300_000);
    let refusing = Refusing::new();
    let (second, told) = swallowing(json("200 OK", &completion("b")));
    let gateway = Gateway::with("replay_limit: 100KiB");
    let mut client = gateway.client();
    let lines = fallback([refusing.base(), base(&second)]);
    client.send(head(&lines, &of_length(body.len())));
    client.send(body);
    assert_eq!(client.response().seen(), (200, completion("b")));
    assert!(told.recv().expect("a body") == body);
}

#[test]
fn a_body_over_the_limit_is_lost_to_the_second_and_the_head_is_not_held_for_it() {
    // No other target remains for a body that cannot be sent again: nothing is held back.
    let first = Upstream::playing(|peer| {
        let head = peer.head().expect("a head");
        peer.take(Peer::length(&head).expect("a length"));
        peer.send(json("200 OK", FAILURE));
    });
    let second = Upstream::named("second");
    let gateway = Gateway::with("replay_limit: 100KiB");
    let mut client = gateway.client();
    let lines = fallback([base(&first), base(&second)]);
    client.send(head(&lines, &of_length(300_000)));
    client.send(noise(300_000));
    let response = client.response();
    assert_eq!(response.seen(), (200, FAILURE.to_owned()));
    assert_eq!(response.all("x-gateway-replay"), ["lost"]);
    assert_eq!(second.connections(), 0);
}

#[test]
fn without_a_config_no_reply_has_the_replay_header() {
    let (upstream, _told) = swallowing(json("200 OK", "{}"));
    let gateway = Gateway::with("replay_limit: 1KiB");
    let mut client = gateway.client();
    let lines = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    client.send(head(&lines, &of_length(300_000)));
    client.send(noise(300_000));
    let response = client.response();
    assert_eq!(
        (response.status, response.header("x-gateway-replay")),
        (200, None)
    );
}
