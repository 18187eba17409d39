//! A pooled connection that dies under the next request: which requests are sent again, and that it
//! happens only once.

use crate::support::{Gateway, Upstream, gateway::head};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const RETRIES: &str = "throughway_upstream_stale_retries_total";

/// The first connection responds once and, when the second request is there, sends `last_words` and
/// closes.
fn stale(last_words: &'static str) -> Upstream {
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            let seconds = peer.number == 1 && !peer.is_first_request();
            if seconds {
                peer.send(last_words);
                return;
            }
            peer.send(OK);
        }
    })
}

struct Outcome {
    status: u16,
    error: Option<String>,
    /// What reached the upstream after the first request.
    requests: Vec<Vec<u8>>,
    retries: i64,
}

/// Warms a connection up, then sends this on it.
fn on_a_stale_connection(upstream: &Upstream, request: &str) -> Outcome {
    let gateway = Gateway::start();
    assert_eq!(
        gateway
            .exchange(head("GET", "/v1/warm", upstream, ""))
            .status,
        200
    );
    let response = gateway.exchange(request);
    Outcome {
        status: response.status,
        error: response.error().map(str::to_owned),
        requests: upstream.requests().split_off(1),
        retries: gateway.metric(RETRIES),
    }
}

fn request(upstream: &Upstream, method: &str, lines: &str, body: &str) -> String {
    let lines = format!("{lines}Content-Length: {}\r\n", body.len());
    head(method, "/v1/x", upstream, &lines) + body
}

#[test]
fn an_idempotent_request_is_sent_again_with_its_body() {
    let body = "x".repeat(64 * 1024);
    for (method, lines, body) in [
        ("GET", "", ""),
        ("PUT", "", "put"),
        ("DELETE", "", ""),
        ("POST", "Idempotency-Key: 1\r\n", "post"),
        ("POST", "idempotency-key: 1\r\n", &body),
    ] {
        let upstream = stale("");
        let outcome = on_a_stale_connection(&upstream, &request(&upstream, method, lines, body));
        assert_eq!(
            (outcome.status, outcome.retries),
            (200, 1),
            "{method} {lines}"
        );
        assert_eq!(outcome.requests.len(), 2, "{method} {lines}");
        assert!(
            outcome.requests[0] == outcome.requests[1],
            "{method} {lines}"
        );
        assert!(
            outcome.requests[1].ends_with(body.as_bytes()),
            "{method} {lines}"
        );
        assert_eq!(upstream.connections(), 2, "{method} {lines}");
    }
}

#[test]
fn a_chunked_body_is_tried_once_more_too() {
    let upstream = stale("");
    let lines = "Idempotency-Key: 1\r\nTransfer-Encoding: chunked\r\n";
    let request =
        head("POST", "/v1/x", &upstream, lines) + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let outcome = on_a_stale_connection(&upstream, &request);
    assert_eq!((outcome.status, outcome.retries), (200, 1));
    let bodies = outcome.requests.iter().map(|request| decoded(request));
    assert_eq!(bodies.collect::<Vec<_>>(), ["hello world", "hello world"]);
}

/// The body of a chunked request.
fn decoded(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let (_, mut chunks) = text.split_once("\r\n\r\n").expect("a head");
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        body.push_str(&rest[..size]);
        chunks = &rest[size + 2..];
    }
    body
}

#[test]
fn a_request_that_is_not_idempotent_is_sent_once() {
    let body = "x".repeat(64 * 1024 + 1);
    for (what, method, lines, body) in [
        ("a POST", "POST", "", "post"),
        ("a POST without a body", "POST", "", ""),
        ("a PATCH", "PATCH", "", "patch"),
        (
            "a body of more than 64 KiB",
            "POST",
            "Idempotency-Key: 1\r\n",
            &body,
        ),
    ] {
        let upstream = stale("");
        let outcome = on_a_stale_connection(&upstream, &request(&upstream, method, lines, body));
        assert_eq!(
            (outcome.status, outcome.error.as_deref()),
            (502, Some("upstream_closed")),
            "{what}"
        );
        assert_eq!((outcome.requests.len(), outcome.retries), (1, 0), "{what}");
        assert_eq!(upstream.connections(), 1, "{what}");
    }
}

#[test]
fn nothing_is_tried_again_once_a_byte_of_the_response_has_come() {
    for last_words in [
        "H",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
    ] {
        let upstream = stale(last_words);
        let outcome = on_a_stale_connection(&upstream, &request(&upstream, "GET", "", ""));
        let seen = (outcome.status, outcome.error.as_deref(), outcome.retries);
        assert_eq!(seen, (502, Some("upstream_closed"), 0), "{last_words}");
        assert_eq!(upstream.connections(), 1, "{last_words}");
    }
}

#[test]
fn a_request_is_sent_twice_at_most() {
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() && peer.number == 1 && peer.is_first_request() {
            peer.send(OK);
        }
    });
    let outcome = on_a_stale_connection(&upstream, &request(&upstream, "GET", "", ""));
    let seen = (outcome.status, outcome.error.as_deref(), outcome.retries);
    assert_eq!(seen, (502, Some("upstream_closed"), 1));
    assert_eq!((upstream.connections(), outcome.requests.len()), (2, 2));
}
