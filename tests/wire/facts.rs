//! What the client library does as it ships, and what the gateway makes of the same upstream: one test for each reason why
//! there is a transport of our own beneath it. This file: the answer.

use std::time::Duration;

use crate::support::{
    Gateway, Peer, Upstream,
    gateway::{get, head},
    stock::{self, Seen},
};

#[test]
fn an_end_inside_a_body_looks_complete_to_stock_and_cut_to_us() {
    for (answer, body) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
            "12345",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "hello",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
            "hello",
        ),
    ] {
        let upstream = Upstream::answering_once(answer);
        assert_eq!(
            stock::get(&upstream.url()),
            Seen::whole(200, body),
            "{answer}"
        );
        assert_eq!(
            stock::ours(&get(&upstream)),
            Seen::broken(200, body),
            "{answer}"
        );
    }
}

/// Sends a hint at once, the answer a little later.
fn hinting() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            peer.pause(Duration::from_millis(100));
            let target = Peer::target(&request);
            let size = target.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{target}"
            ));
        }
    })
}

#[test]
fn a_hint_is_the_answer_to_stock_and_the_answer_meets_the_next_request() {
    let upstream = hinting();
    let (first, second) = stock::run(async {
        let client = stock::client();
        let ask = |path: &str| stock::seen(client.get(upstream.url() + path).send());
        (ask("/first").await, ask("/second").await)
    });
    assert_eq!(first, Seen::whole(103, ""));
    assert_eq!(second, Seen::whole(200, "/first"), "somebody else's answer");

    let (upstream, gateway) = (hinting(), Gateway::start());
    for path in ["/v1/first", "/v1/second"] {
        let response = gateway.exchange(head("GET", path, &upstream, ""));
        assert_eq!(stock::of(&response), Seen::whole(200, path));
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn an_answer_without_framing_is_empty_to_stock() {
    let upstream = Upstream::answering_once("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello world");
    assert_eq!(stock::get(&upstream.url()), Seen::whole(200, ""));
    assert_eq!(
        stock::ours(&get(&upstream)),
        Seen::whole(200, "hello world")
    );
}

#[test]
fn an_answer_without_a_body_but_with_a_length_never_ends_for_stock() {
    for (status, answer) in [
        (204, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        (
            304,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ),
    ] {
        let upstream = Upstream::answering(answer);
        let stuck = Seen::NoEnd(status, String::new());
        assert_eq!(stock::get(&upstream.url()), stuck, "{answer}");
        assert_eq!(
            stock::ours(&get(&upstream)),
            Seen::whole(status, ""),
            "{answer}"
        );
    }
    // HEAD it knows.
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    let seen = stock::run(async { stock::seen(stock::client().head(upstream.url()).send()).await });
    assert_eq!(seen, Seen::whole(200, ""));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head("HEAD", "/v1/models", &upstream, ""));
    let response = client.head_response();
    assert_eq!(
        (stock::of(&response), response.header("content-length")),
        (Seen::whole(200, ""), Some("5"))
    );
}

#[test]
fn a_redirect_is_followed_by_stock_with_the_key() {
    let elsewhere = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let location = elsewhere.url();
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}/there\r\nContent-Length: 0\r\n\r\n"
    ));
    let seen = stock::run(async {
        let request = stock::client()
            .get(upstream.url())
            .insert_header(("x-api-key", "secret"));
        stock::seen(request.send()).await
    });
    assert_eq!(seen, Seen::whole(200, "ok"));
    assert!(
        elsewhere.request().contains("x-api-key: secret"),
        "the key has leaked"
    );

    let request = head("GET", "/v1/models", &upstream, "x-api-key: secret\r\n");
    let response = Gateway::start().exchange(request);
    assert_eq!(stock::of(&response), Seen::whole(302, ""));
    assert_eq!(
        response.header("location"),
        Some(&*format!("{location}/there"))
    );
    assert_eq!(elsewhere.requests().len(), 1, "only stock's");
}

#[test]
fn a_stale_connection_fails_a_get_of_stock_s() {
    let stale = || {
        Upstream::playing(|peer| {
            while peer.request().is_some() && (peer.number > 1 || peer.is_first_request()) {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        })
    };
    let upstream = stale();
    let seen = stock::run(async {
        let client = stock::client();
        let ask = || stock::seen(client.get(upstream.url()).send());
        (ask().await, ask().await)
    });
    assert_eq!(seen, (Seen::whole(200, "ok"), Seen::Failed));
    let (upstream, gateway) = (stale(), Gateway::start());
    for _ in 0..2 {
        assert_eq!(
            stock::of(&gateway.exchange(get(&upstream))),
            Seen::whole(200, "ok")
        );
    }
}

#[test]
fn encoded_bodies_are_neither_asked_for_nor_decoded() {
    let body = "\x1f\u{0}not really gzip";
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let response = Gateway::start().exchange(get(&upstream));
    assert_eq!(stock::of(&response), Seen::whole(200, body));
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    let request = upstream.request().to_ascii_lowercase();
    assert!(!request.contains("accept-encoding"), "{request}");
}
