//! Responses that HTTP clients easily get wrong, each relayed correctly.

use std::time::Duration;

use crate::support::{
    Gateway, Peer, Upstream,
    gateway::{get, head},
    seen::{self, Seen},
};

#[test]
fn an_end_inside_a_body_is_passed_on_as_a_cut() {
    for (raw, body) in [
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
        let upstream = Upstream::responding_once(raw);
        assert_eq!(
            seen::fresh(&get(&upstream)),
            Seen::broken(200, body),
            "{raw}"
        );
    }
}

#[test]
fn an_early_hint_is_not_taken_for_the_final_response() {
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            peer.pause(Duration::from_millis(100));
            let target = Peer::target(&request);
            let size = target.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{target}"
            ));
        }
    });
    let gateway = Gateway::start();
    for path in ["/v1/first", "/v1/second"] {
        let response = gateway.exchange(head("GET", path, &upstream, ""));
        assert_eq!(seen::of(&response), Seen::whole(200, path));
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_response_without_framing_is_read_to_its_end() {
    let upstream = Upstream::responding_once("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello world");
    assert_eq!(
        seen::fresh(&get(&upstream)),
        Seen::whole(200, "hello world")
    );
}

#[test]
fn a_response_without_a_body_ends_with_its_head_whatever_length_it_tells() {
    for (status, raw) in [
        (204, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        (
            304,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ),
    ] {
        let upstream = Upstream::responding(raw);
        assert_eq!(
            seen::fresh(&get(&upstream)),
            Seen::whole(status, ""),
            "{raw}"
        );
    }
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head("HEAD", "/v1/models", &upstream, ""));
    let response = client.head_response();
    assert_eq!(
        (seen::of(&response), response.header("content-length")),
        (Seen::whole(200, ""), Some("5"))
    );
}

#[test]
fn a_redirect_is_passed_on_and_not_followed() {
    let elsewhere = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let location = elsewhere.url();
    let upstream = Upstream::responding(format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}/there\r\nContent-Length: 0\r\n\r\n"
    ));
    let request = head("GET", "/v1/models", &upstream, "x-api-key: secret\r\n");
    let response = Gateway::start().exchange(request);
    assert_eq!(seen::of(&response), Seen::whole(302, ""));
    assert_eq!(
        response.header("location"),
        Some(&*format!("{location}/there"))
    );
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_stale_connection_does_not_fail_a_get() {
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() && (peer.number > 1 || peer.is_first_request()) {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Gateway::start();
    for _ in 0..2 {
        assert_eq!(
            seen::of(&gateway.exchange(get(&upstream))),
            Seen::whole(200, "ok")
        );
    }
}

#[test]
fn encoded_bodies_are_neither_asked_for_nor_decoded() {
    let body = "\x1f\u{0}not really gzip";
    let upstream = Upstream::responding(format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let response = Gateway::start().exchange(get(&upstream));
    assert_eq!(seen::of(&response), Seen::whole(200, body));
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    let request = upstream.request().to_ascii_lowercase();
    assert!(!request.contains("accept-encoding"), "{request}");
}
