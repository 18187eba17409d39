//! Bodies larger than any buffer: their bytes, both directions at once, and responses that come
//! before the end of the upload.

use std::{io::Write, thread};

use crate::support::{
    Gateway, Peer, Upstream,
    client::End,
    message::{noise, request},
};

const MANY: usize = 10 << 20;

fn same(got: &[u8], expected: &[u8]) {
    // A comparison as a whole is quick even without optimisation.
    if got != expected {
        let mut pairs = got.iter().zip(expected);
        let differs = pairs.position(|(got, expected)| got != expected);
        assert_eq!((got.len(), differs), (expected.len(), None));
    }
}

/// Responds to each request with as many bytes of [`noise`] as its path says, framed as its path
/// says.
fn source() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(head) = peer.head() {
            let body = noise(MANY);
            match Peer::target(&head).as_str() {
                "/v1/length" => {
                    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {MANY}\r\n\r\n"));
                    peer.send(body);
                }
                "/v1/chunks" => {
                    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    send_chunks(|bytes| peer.send(bytes), body);
                }
                _ => {
                    peer.send("HTTP/1.1 200 OK\r\n\r\n");
                    peer.send(body);
                    return;
                }
            }
        }
    })
}

/// Chunks of growing size, so that their ends fall everywhere.
fn send_chunks(mut send: impl FnMut(Vec<u8>), body: &[u8]) {
    let (mut rest, mut size) = (body, 1);
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(size.min(rest.len()));
        let line = format!("{:x}\r\n", piece.len());
        send([line.as_bytes(), piece, b"\r\n"].concat());
        (rest, size) = (left, (size * 3 + 1) % 100_003);
    }
    send(b"0\r\n\r\n".to_vec());
}

#[test]
fn ten_megabytes_come_down_whole_in_every_framing() {
    let (gateway, upstream, body) = (Gateway::start(), source(), noise(MANY));
    for path in ["/v1/length", "/v1/chunks", "/v1/close"] {
        let response = gateway.exchange(request("GET", path, &upstream, "", ""));
        assert_eq!(
            (response.status, response.end),
            (200, End::Complete),
            "{path}"
        );
        same(&response.body, body);
    }
}

/// Reads each upload whole, compares it and says so.
fn sink() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(head) = peer.head() {
            let got = match Peer::length(&head) {
                Some(length) => peer.take(length),
                None => peer.chunks().map(|(body, _)| body),
            };
            let same = got.is_some_and(|got| got == noise(MANY));
            let text = if same { "same" } else { "other" };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            ));
        }
    })
}

#[test]
fn ten_megabytes_go_up_whole_in_every_framing() {
    let (gateway, upstream, body) = (Gateway::start(), sink(), noise(MANY));
    let mut client = gateway.client();
    let length = format!("Content-Length: {MANY}\r\n");
    client.send(request("POST", "/v1/x", &upstream, length, body));
    assert_eq!(client.response().text(), "same");
    client.send(request(
        "POST",
        "/v1/x",
        &upstream,
        "Transfer-Encoding: chunked\r\n",
        "",
    ));
    send_chunks(|bytes| client.send(bytes), body);
    assert_eq!(client.response().text(), "same");
}

#[test]
fn an_echo_of_twenty_megabytes_runs_in_both_directions_at_once() {
    const LENGTH: usize = 20 << 20;
    let upstream = Upstream::playing(|peer| {
        let Some(_) = peer.head() else { return };
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"
        ));
        // Nothing is held back: what does not go down at once keeps the rest from coming up.
        for _ in 0..LENGTH / 65_536 {
            let Some(bytes) = peer.take(65_536) else {
                return;
            };
            peer.send(bytes);
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let mut sender = client.twin();
    let head = request(
        "POST",
        "/v1/x",
        &upstream,
        format!("Content-Length: {LENGTH}\r\n"),
        "",
    );
    let sending = thread::spawn(move || {
        sender.write_all(&head).expect("the gateway reads");
        sender.write_all(noise(LENGTH)).expect("the gateway reads");
    });
    let response = client.response();
    sending.join().expect("the client sends");
    assert_eq!((response.status, response.end), (200, End::Complete));
    same(&response.body, noise(LENGTH));
}

#[test]
fn a_refusal_by_the_upstream_arrives_while_the_client_still_sends() {
    let body = r#"{"error":"too large"}"#;
    let raw = format!(
        "HTTP/1.1 413 Payload Too Large\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        peer.take(1000);
        peer.send(&raw);
        // Reads no more, and closes only when the gateway has.
        peer.closed_after();
    });
    let gateway = Gateway::start();
    for lines in [
        format!("Content-Length: {MANY}\r\n"),
        "Transfer-Encoding: chunked\r\n".into(),
    ] {
        let mut client = gateway.client();
        client.send(request("POST", "/v1/x", &upstream, &lines, ""));
        let first = noise(4096);
        match lines.starts_with("Content") {
            true => client.send(first),
            false => client.send([&b"1000\r\n"[..], first, b"\r\n"].concat()),
        }
        let response = client.response();
        assert_eq!(
            (response.status, response.text().as_str()),
            (413, body),
            "{lines}"
        );
        assert_eq!((response.end, response.error()), (End::Complete, None));
    }
}

#[test]
fn a_client_that_sends_everything_first_still_reads_an_early_refusal() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        peer.closed_after();
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
    // Writes all it has before it looks for a response; a reset would lose the response.
    client.send(noise(MANY));
    let response = client.response();
    assert_eq!(
        (response.status, response.text().as_str(), response.end),
        (401, "no", End::Complete)
    );
}

#[test]
fn a_client_that_sends_everything_first_reads_the_gateways_own_refusal() {
    let gateway = Gateway::with("downstream: { max_body: 1MiB }");
    let upstream = sink();
    for (lines, status, code) in [
        (format!("Content-Length: {MANY}\r\n"), 413, "body_too_large"),
        (
            format!(
                "Content-Length: {}\r\nx-gateway-dry-run: maybe\r\n",
                1 << 20
            ),
            400,
            "invalid_header",
        ),
    ] {
        let mut client = gateway.client();
        client.send(request("POST", "/v1/x", &upstream, lines, ""));
        client.send(noise(MANY));
        let response = client.response();
        assert_eq!((response.status, response.error()), (status, Some(code)));
        assert_eq!(response.end, End::Complete);
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_chunked_upload_over_the_limit_is_refused_when_it_gets_there() {
    let gateway = Gateway::with("downstream: { max_body: 1MiB }");
    let upstream = sink();
    let mut client = gateway.client();
    client.send(request(
        "POST",
        "/v1/x",
        &upstream,
        "Transfer-Encoding: chunked\r\n",
        "",
    ));
    send_chunks(|bytes| client.send(bytes), noise(MANY));
    let response = client.response();
    assert_eq!(
        (response.status, response.error()),
        (413, Some("body_too_large"))
    );
}
