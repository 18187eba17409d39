//! Requests sent without waiting for the responses before them: responses come in order, each with
//! its own body.

use crate::support::{Gateway, Peer, Upstream, client::End, gateway::head};

/// Echoes each request's path and body.
fn echo() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            let target = Peer::target(&request);
            let at = request
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
                .map_or(0, |at| at + 4);
            let body = [target.as_bytes(), b" ", &request[at..]].concat();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                body.len()
            ));
            peer.send(body);
        }
    })
}

fn request(upstream: &Upstream, number: usize) -> (String, String) {
    let path = format!("/v1/{number}");
    match number % 3 {
        0 => (head("GET", &path, upstream, ""), format!("{path} ")),
        1 => {
            let body = format!("body {number}");
            let length = format!("Content-Length: {}\r\n", body.len());
            let request = head("POST", &path, upstream, &length) + &body;
            (request, format!("{path} {body}"))
        }
        _ => {
            let request = head("POST", &path, upstream, "Transfer-Encoding: chunked\r\n")
                + "5\r\nhello\r\n0\r\n\r\n";
            (request, format!("{path} 5\r\nhello\r\n0\r\n\r\n"))
        }
    }
}

fn assert_in_order(count: usize) {
    let upstream = echo();
    let gateway = Gateway::start();
    let (requests, bodies): (Vec<_>, Vec<_>) =
        (0..count).map(|number| request(&upstream, number)).unzip();
    let mut client = gateway.client();
    client.send(requests.concat());
    for (number, expected) in bodies.iter().enumerate() {
        let response = client.response();
        assert_eq!(
            (response.status, &response.text(), response.end),
            (200, expected, End::Complete),
            "response {number} of {count}"
        );
    }
}

#[test]
fn two_requests_are_answered_in_order() {
    assert_in_order(2);
}

#[test]
fn twenty_requests_are_answered_in_order() {
    assert_in_order(20);
}

#[test]
fn requests_trickling_in_byte_by_byte_are_answered_in_order() {
    let upstream = echo();
    let gateway = Gateway::start();
    let (requests, bodies): (Vec<_>, Vec<_>) =
        (0..3).map(|number| request(&upstream, number)).unzip();
    let mut client = gateway.client();
    for byte in requests.concat().as_bytes() {
        client.send([*byte]);
    }
    for expected in bodies {
        assert_eq!(client.response().text(), expected);
    }
}

#[test]
fn a_request_behind_a_stream_waits_for_its_end() {
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            if Peer::target(&request) == "/v1/stream" {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                for _ in 0..20 {
                    peer.send("5\r\nhello\r\n");
                    peer.pause(std::time::Duration::from_millis(5));
                }
                peer.send("0\r\n\r\n");
            } else {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
            }
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head("GET", "/v1/stream", &upstream, "") + &head("GET", "/v1/next", &upstream, ""));
    let stream = client.response();
    assert_eq!(
        (stream.text(), stream.end),
        ("hello".repeat(20), End::Complete)
    );
    let next = client.response();
    assert_eq!((next.text().as_str(), next.end), ("next", End::Complete));
}

#[test]
fn a_request_behind_an_aborted_response_is_not_answered() {
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            if Peer::target(&request) == "/v1/cut" {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head("GET", "/v1/cut", &upstream, "") + &head("GET", "/v1/next", &upstream, ""));
    let cut = client.response();
    assert_eq!((cut.text().as_str(), cut.end), ("hello", End::CutShort));
    assert!(client.is_closed());
    assert_eq!(upstream.requests().len(), 1);
    let count = |outcome: &str| {
        gateway.metric(&format!(
            "throughway_requests_total{{outcome=\"{outcome}\"}}"
        ))
    };
    assert_eq!((count("truncated"), count("client_gone")), (1, 0));
}

#[test]
fn a_request_behind_an_error_of_the_gateway_is_answered() {
    let upstream = echo();
    let gateway = Gateway::start();
    let wrong = "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    let (right, expected) = request(&upstream, 1);
    let mut client = gateway.client();
    client.send(wrong.to_owned() + &right + wrong + &right);
    for _ in 0..2 {
        let response = client.response();
        assert_eq!(
            (response.status, response.error(), response.end),
            (400, Some("no_target"), End::Complete)
        );
        assert_eq!(client.response().text(), expected);
    }
}

/// A small body that came with its head is read even if it is not needed, so that the connection
/// can be used again.
#[test]
fn an_error_of_the_gateway_leaves_the_connection_usable() {
    let upstream = echo();
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for wrong in [
        "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
        "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /gateway/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /gateway/nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        client.send(wrong);
        let response = client.response();
        assert_eq!(response.header("connection"), None, "{}", response.head);
        let (right, expected) = request(&upstream, 2);
        client.send(right);
        assert_eq!(client.response().text(), expected, "behind {wrong}");
    }
}

#[test]
fn bodyless_responses_are_relayed_and_counted_as_such() {
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            let raw = match Peer::target(&request).as_str() {
                "/v1/204" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/v1/304" => {
                    "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n"
                }
                "/v1/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
                "/v1/head-chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            };
            peer.send(raw);
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let cases = [
        ("GET", "/v1/204", 204),
        ("GET", "/v1/304", 304),
        ("HEAD", "/v1/head", 200),
        ("HEAD", "/v1/head-chunked", 200),
        ("GET", "/v1/empty", 200),
    ];
    for (method, path, status) in cases {
        client.send(head(method, path, &upstream, ""));
        let response = match method {
            "HEAD" => client.head_response(),
            _ => client.response(),
        };
        assert_eq!(response.status, status, "{path}");
        if path == "/v1/head" {
            assert_eq!(response.header("content-length"), Some("1234"));
        }
    }
    let relayed = gateway.metric("throughway_requests_total{outcome=\"relayed\"}");
    assert_eq!(relayed, cases.len() as i64);
    assert_eq!(upstream.connections(), 1, "the connection is used again");
}

/// Requests whose responses are framed in different ways do not mix them up.
#[test]
fn head_and_get_may_be_pipelined_together() {
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            let body = if request.starts_with(b"HEAD") {
                ""
            } else {
                "hello"
            };
            peer.pause(std::time::Duration::from_millis(20));
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{body}"
            ));
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let (get, head) = (
        head("GET", "/v1/a", &upstream, ""),
        head("HEAD", "/v1/b", &upstream, ""),
    );
    client.send([&*get, &*head, &*get, &*head].concat());
    for _ in 0..2 {
        assert_eq!(client.response().text(), "hello");
        let response = client.head_response();
        assert_eq!(response.header("content-length"), Some("5"));
    }
}

/// Head and body are held apart on their way to actix-http, and go up together all the same.
#[test]
fn a_small_request_goes_up_in_one_packet() {
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = Upstream::playing(move |peer| {
        let mut packet = vec![0; 65536];
        while let Ok(read @ 1..) = std::io::Read::read(&mut peer.stream, &mut packet) {
            let _ = tell.send(String::from_utf8_lossy(&packet[..read]).into_owned());
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for _ in 0..3 {
        let (request, _) = request(&upstream, 1);
        client.send(request);
        assert_eq!(client.response().text(), "ok");
        let packet = told.recv().expect("a packet");
        assert!(packet.ends_with("\r\n\r\nbody 1"), "{packet}");
    }
}
