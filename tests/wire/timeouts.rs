//! How long connecting to an upstream and its response head may take. Most timers are checked four
//! times a second, so the margins are wide.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::support::{
    Gateway, Response, Upstream,
    client::End,
    dns::{FakeDns, Reply},
    gateway::{get, head, post},
    let_pass,
    timing::{after_saying, assert_took, timed},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that reads a request and says no more; how long it stayed connected after that.
fn silent() -> (Upstream, std::sync::mpsc::Receiver<Option<Duration>>) {
    after_saying("")
}

#[track_caller]
fn assert_error(response: &Response, status: u16, code: &str) {
    let seen = (response.status, response.error());
    assert_eq!(seen, (status, Some(code)), "{}", response.text());
}

/// A port that takes no more connections: its queue is full.
struct Full {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        socket
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .expect("a port");
        socket.listen(0).expect("listening");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("an address");
        let briefly = Duration::from_millis(100);
        let waiting = std::iter::from_fn(|| TcpStream::connect_timeout(&address, briefly).ok());
        let waiting = waiting.take(16).collect();
        Full {
            listener,
            _waiting: waiting,
        }
    }

    fn request(&self) -> String {
        let address = self.listener.local_addr().expect("an address");
        format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-provider: passthrough\r\n\
             x-gateway-custom-host: http://{address}/v1\r\n\r\n"
        )
    }
}

#[test]
fn an_upstream_that_does_not_accept_is_a_504_connect_timeout() {
    let full = Full::new();
    let gateway = Gateway::with("timeouts: { connect: 400ms }");
    let (response, took) = timed(|| gateway.exchange(full.request()));
    assert_error(&response, 504, "connect_timeout");
    assert_took(took, 380, 1500);
}

#[test]
fn an_upstream_that_does_not_shake_hands_is_a_504_connect_timeout() {
    let (upstream, told) = after_saying("");
    let gateway = Gateway::with("timeouts: { connect: 400ms }");
    let request = get(&upstream).replace("http://", "https://");
    let (response, took) = timed(|| gateway.exchange(request));
    assert_error(&response, 504, "connect_timeout");
    assert_took(took, 380, 1500);
    drop(told);
}

#[test]
fn a_port_that_refuses_is_a_502_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (response, took) = timed(|| {
        Gateway::start().exchange(format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\
             x-gateway-custom-host: http://{address}/v1\r\n\r\n"
        ))
    });
    assert_error(&response, 502, "upstream_unreachable");
    assert_took(took, 0, 1000);
}

#[test]
fn a_name_that_cannot_be_resolved_is_a_502() {
    let dns = FakeDns::start();
    dns.answer("slow.test", Reply::silence());
    dns.answer("broken.test", Reply::servfail());
    let gateway = Gateway::with(&format!(
        "dns: {{ servers: [\"{}\"], timeout: 500ms }}",
        dns.address()
    ));
    for name in ["missing.test", "broken.test", "slow.test"] {
        let (response, took) = timed(|| {
            gateway.exchange(format!(
                "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\
                 x-gateway-custom-host: http://{name}/v1\r\n\r\n"
            ))
        });
        assert_error(&response, 502, "upstream_unreachable");
        assert!(response.text().contains("dns: "), "{}", response.text());
        assert_took(took, 0, 1500);
    }
}

#[test]
fn an_upstream_that_does_not_respond_is_a_504_and_its_connection_closes() {
    let (upstream, told) = silent();
    let gateway = Gateway::with("timeouts: { head: 600ms }");
    let (response, took) = timed(|| gateway.exchange(post(&upstream, "{}")));
    assert_error(&response, 504, "upstream_timeout");
    assert_took(took, 350, 1500);
    assert!(told.recv().expect("told").is_some(), "still open");
    assert_eq!(upstream.requests().len(), 1, "nothing is tried twice");
}

#[test]
fn a_head_that_stops_half_way_is_a_504_too() {
    let (upstream, told) =
        after_saying("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-");
    let gateway = Gateway::with("timeouts: { head: 600ms }");
    assert_error(&gateway.exchange(get(&upstream)), 504, "upstream_timeout");
    assert!(told.recv().expect("told").is_some(), "still open");
}

#[test]
fn the_callers_own_timeout_is_a_408_in_portkeys_words() {
    let (upstream, told) = silent();
    let gateway = Gateway::start();
    let request = head(
        "GET",
        "/v1/models",
        &upstream,
        "x-gateway-request-timeout: 300\r\n",
    );
    let (response, took) = timed(|| gateway.exchange(request));
    assert_error(&response, 408, "request_timeout");
    assert_eq!(
        response.text(),
        concat!(
            r#"{"error":{"message":"Request exceeded the timeout sent in the request: 300ms","#,
            r#""type":"timeout_error","param":null,"code":null}}"#
        )
    );
    assert_took(took, 300, 1000);
    assert!(told.recv().expect("told").is_some(), "still open");
}

#[test]
fn the_earliest_expiry_wins() {
    for (settings, own, status, code) in [
        ("timeouts: { head: 500ms }", 5000, 504, "upstream_timeout"),
        ("timeouts: { head: 5s }", 300, 408, "request_timeout"),
        (
            "timeouts: { head: 5s, total: 500ms }",
            5000,
            504,
            "upstream_timeout",
        ),
    ] {
        let (upstream, told) = silent();
        let gateway = Gateway::with(settings);
        let lines = format!("x-gateway-request-timeout: {own}\r\n");
        let (response, took) =
            timed(|| gateway.exchange(head("GET", "/v1/models", &upstream, &lines)));
        assert_error(&response, status, code);
        assert_took(took, 230, 1500);
        assert!(told.recv().expect("told").is_some(), "still open");
    }
}

#[test]
fn the_callers_timeout_covers_the_resolving_and_connecting_and_not_the_body() {
    let dns = FakeDns::start();
    dns.answer("slow.test", Reply::silence());
    let gateway = Gateway::with(&format!("dns: {{ servers: [\"{}\"] }}", dns.address()));
    let (response, took) = timed(|| {
        gateway.exchange(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-request-timeout: 300\r\n\
             x-gateway-custom-host: http://slow.test/v1\r\n\r\n",
        )
    });
    assert_error(&response, 408, "request_timeout");
    assert_took(took, 300, 1500);

    let full = Full::new();
    let request = full
        .request()
        .replace("\r\n\r\n", "\r\nx-gateway-request-timeout: 300\r\n\r\n");
    assert_error(&Gateway::start().exchange(request), 408, "request_timeout");

    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        peer.pause(Duration::from_millis(600));
        peer.send("world");
    });
    let lines = "x-gateway-request-timeout: 200\r\n";
    let response = Gateway::start().exchange(head("GET", "/v1/models", &upstream, lines));
    assert_eq!(
        (response.text().as_str(), response.end),
        ("helloworld", End::Complete)
    );
}

#[test]
fn an_upload_under_way_puts_off_the_head_timeout_but_not_the_callers_own() {
    let upstream = Upstream::responding(OK);
    let gateway = Gateway::with("timeouts: { head: 800ms }");
    for (lines, status) in [("", 200), ("x-gateway-request-timeout: 700\r\n", 408)] {
        let lines = format!("{lines}Content-Length: 8\r\n");
        let mut client = gateway.client();
        client.send(head("POST", "/v1/x", &upstream, &lines));
        for _ in 0..8 {
            // The pace of the upload.
            let_pass(Duration::from_millis(200));
            client.send("x");
        }
        assert_eq!(client.response().status, status, "{lines}");
    }
}

#[test]
fn no_hidden_default_timeout_ends_a_slow_response() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.pause(Duration::from_millis(5300));
        peer.send(OK);
    });
    let response = Gateway::start().exchange(get(&upstream));
    assert_eq!((response.status, response.text().as_str()), (200, "ok"));
}
