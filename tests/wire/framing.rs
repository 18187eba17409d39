//! How an upstream frames its response: what is relayed whole, and what is refused as 502
//! `upstream_invalid`.

use std::time::Duration;

use crate::support::{
    Gateway, Upstream,
    client::End,
    gateway::{get, head},
};

/// Responds to one request with `bytes`, closes, and says what the client was told.
fn refusal(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> (u16, Option<String>) {
    let upstream = Upstream::responding_once(bytes);
    let response = Gateway::start().exchange(get(&upstream));
    let error = response.error().map(str::to_owned);
    assert_eq!(upstream.connections(), 1, "nothing is tried twice");
    (response.status, error)
}

#[test]
fn a_response_that_cannot_be_relayed_safely_is_a_502() {
    let lines = |count: usize| "X: y\r\n".repeat(count);
    for (what, raw) in [
        (
            "length and chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\n"
                .into(),
        ),
        (
            "chunked and length",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n\
             0\r\n\r\n"
                .into(),
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!".into(),
        ),
        (
            "two lengths in one line",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!".into(),
        ),
        (
            "a signed length",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello".into(),
        ),
        (
            "a length in hexadecimal",
            "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello".into(),
        ),
        (
            "a length beyond 64 bits",
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n".into(),
        ),
        (
            "gzip, chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into(),
        ),
        (
            "chunked, gzip",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n".into(),
        ),
        (
            "chunked twice",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\n"
                .into(),
        ),
        (
            "chunked in HTTP/1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        ),
        (
            "a chunk size that is no number",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".into(),
        ),
        (
            "obs-fold",
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n".into(),
        ),
        (
            "a bare CR",
            "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n".into(),
        ),
        (
            "a NUL",
            "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n".into(),
        ),
        (
            "whitespace before a colon",
            "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n".into(),
        ),
        (
            "a line without a colon",
            "HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n".into(),
        ),
        (
            "97 header lines",
            format!("HTTP/1.1 200 OK\r\n{}\r\n", lines(97)),
        ),
        (
            "a head of more than 128 KiB",
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "v".repeat(128 * 1024)),
        ),
        (
            "HTTP/2's preface",
            "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64".into(),
        ),
        ("HTTP/2's name", "HTTP/2 200\r\n\r\n".into()),
        ("an old server", "ICY 200 OK\r\n\r\n".into()),
        ("garbage", "<html>no HTTP here</html>\r\n\r\n".into()),
        ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n".into()),
        ("a status below 100", "HTTP/1.1 099 OK\r\n\r\n".into()),
        (
            "101 unasked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\n\r\n"
                .into(),
        ),
    ] {
        let expected = (502, Some("upstream_invalid".to_owned()));
        assert_eq!(refusal(raw), expected, "{what}");
    }
}

#[test]
fn an_upstream_that_closes_before_its_head_is_complete_is_a_502() {
    for raw in [
        "",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\nContent-Len",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
    ] {
        let expected = (502, Some("upstream_closed".to_owned()));
        assert_eq!(refusal(raw), expected, "{raw:?}");
    }
    let resetting = Upstream::playing(|peer| {
        peer.request();
        peer.reset();
    });
    let response = Gateway::start().exchange(get(&resetting));
    assert_eq!(
        (response.status, response.error()),
        (502, Some("upstream_closed"))
    );
}

#[test]
fn a_head_of_the_largest_size_is_relayed() {
    let many = "X: y\r\n".repeat(95);
    let long = "v".repeat(120 * 1024);
    for (what, lines) in [("96 lines", many), ("120 KiB", format!("Y: {long}\r\n"))] {
        let upstream = Upstream::responding(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{lines}\r\nok"
        ));
        let response = Gateway::start().exchange(get(&upstream));
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "ok"),
            "{what}"
        );
        let kept = response.all("x").len() == 95 || response.header("y") == Some(&long);
        assert!(kept, "{what}");
    }
}

#[test]
fn a_chunk_broken_in_mid_stream_aborts_after_the_bytes_before_it() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        peer.pause(Duration::from_millis(50));
        peer.send("6\r\n world\r\nno size\r\n");
        peer.closed_after();
    });
    let gateway = Gateway::start();
    let response = gateway.exchange(get(&upstream));
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (200, "hello world".to_owned(), End::CutShort));
    let truncated = gateway.metric("throughway_requests_total{outcome=\"truncated\"}");
    assert_eq!(truncated, 1);
}

#[test]
fn responses_without_a_body_end_at_their_head_and_keep_the_connection() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    for (method, raw, status, reusable) in [
        ("HEAD", length, 200, true),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            200,
            true,
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, true),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: x\r\n\r\n",
            304,
            true,
        ),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, true),
        // RFC 9110 §15.3.5: such a 204 is broken, and what follows it cannot be trusted.
        (
            "GET",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            204,
            false,
        ),
        (
            "GET",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            204,
            false,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            200,
            true,
        ),
    ] {
        let upstream = Upstream::responding(raw);
        let gateway = Gateway::start();
        let mut client = gateway.client();
        for _ in 0..2 {
            client.send(head(method, "/v1/models", &upstream, ""));
            let response = match method {
                "HEAD" => client.head_response(),
                _ => client.response(),
            };
            assert_eq!(
                (response.status, response.end),
                (status, End::Complete),
                "{raw}"
            );
            let etag = raw.contains("ETag").then_some("x");
            assert_eq!(response.header("etag"), etag, "{raw}");
        }
        let connections = if reusable { 1 } else { 2 };
        assert_eq!(upstream.connections(), connections, "{method} {raw}");
    }
}

#[test]
fn bodies_are_relayed_however_they_are_framed() {
    for raw in [
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 200\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=\"y\"\r\n world\r\n\
         0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding:  Chunked \r\n\r\n0b  \r\nhello world\r\n000\r\n\
         X-Sum: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello world",
        "\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world",
        "HTTP/1.0 200 OK\r\n\r\nhello world",
        "HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\
         Content-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\
         hello world",
    ] {
        let upstream = Upstream::responding_once(raw);
        let response = Gateway::start().exchange(get(&upstream));
        let seen = (response.status, response.text(), response.end);
        assert_eq!(
            seen,
            (200, "hello world".to_owned(), End::Complete),
            "{raw}"
        );
        assert_eq!(response.header("link"), None, "{raw}");
    }
}

#[test]
fn an_upgrade_offered_in_a_response_opens_no_tunnel() {
    for lines in [
        "Upgrade: websocket\r\n",
        "Upgrade: websocket\r\nUpgrade: h2c\r\n",
        "Upgrade: h2,h2c\r\nUPGRADE: websocket\r\n",
    ] {
        let upstream = Upstream::responding(format!(
            "HTTP/1.1 426 Upgrade Required\r\n{lines}Connection: Upgrade\r\n\
             Content-Length: 5\r\n\r\nnope!"
        ));
        let gateway = Gateway::start();
        let mut client = gateway.client();
        for _ in 0..2 {
            client.send(get(&upstream));
            let response = client.response();
            let seen = (response.status, response.text(), response.end);
            assert_eq!(seen, (426, "nope!".to_owned(), End::Complete), "{lines}");
            assert_eq!(response.header("upgrade"), None, "{lines}");
        }
        assert_eq!(upstream.connections(), 1, "{lines}");
    }
}
