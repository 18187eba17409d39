//! Every refusal of the gateway: its status, its code, its JSON, and that no upstream was
//! contacted.

use std::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

use crate::support::{
    Gateway, PATIENCE, Upstream,
    message::{assert_refusal, bare, request},
};

/// A request for this custom host.
fn to(base: &str) -> String {
    bare(
        "GET",
        "/v1/x",
        &format!("x-gateway-custom-host: {base}\r\n"),
    )
}

#[test]
fn a_request_that_names_no_target_is_told_how_to() {
    let gateway = Gateway::start();
    for lines in [
        "",
        "x-gateway-custom-host:\r\n",
        "x-gateway-provider: passthrough\r\n",
        "Authorization: Bearer sk\r\n",
    ] {
        let response = gateway.refuses(bare("GET", "/v1/models", lines), 400, "no_target");
        assert!(
            response.text().contains("x-gateway-custom-host"),
            "{}",
            response.text()
        );
    }
    for provider in ["@mine", "no.such-provider_1"] {
        let lines = format!("x-gateway-provider: {provider}\r\n");
        gateway.refuses(bare("GET", "/v1/models", &lines), 404, "unknown_provider");
    }
}

#[test]
fn features_to_come_are_refused_and_not_ignored() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (lines, code) in [
        (
            "x-gateway-config: {\"cache\":{\"mode\":\"semantic\"}}\r\n",
            "invalid_config",
        ),
        ("x-gateway-config: saved-name\r\n", "invalid_config"),
    ] {
        gateway.refuses(request("GET", "/v1/x", &upstream, lines, ""), 400, code);
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_custom_host_that_is_no_base_url_is_refused_without_repeating_it() {
    let gateway = Gateway::start();
    for base in [
        "localhost:8000/v1",
        "//localhost/v1",
        "http:/localhost/v1",
        "http://",
        "http:///v1",
        "ftp://localhost/v1",
        "unix:///run/x",
        "http://user:hunter2@localhost/v1",
        "http://hunter2@localhost/v1",
        "http://localhost/v1#hunter2",
        "http://localhost:0/v1",
        "http://localhost:99999/v1",
        "http://localhost:http/v1",
        "http://local host/v1",
        "http://localhost\\v1",
        "http://localhost/v1/../x",
        "http://localhost/%2e%2e/x",
        "http://[::1/v1",
        "http://a..b/v1",
        "http://caf\u{e9}.example/v1",
        &format!("http://localhost/{}", "p".repeat(2048)),
    ] {
        let response = gateway.refuses(to(base), 400, "invalid_header");
        assert!(
            response.text().contains("x-gateway-custom-host"),
            "{}",
            response.text()
        );
        assert!(!response.text().contains("hunter2"), "{}", response.text());
    }
}

#[test]
fn targets_denied_under_every_preset_are_a_403() {
    let gateway = Gateway::start();
    for base in [
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/latest",
        "http://168.63.129.16/",
        "http://metadata.google.internal/",
        "http://0.0.0.0:80/v1",
        "http://2852039166/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://224.0.0.1/",
    ] {
        let response = gateway.refuses(to(base), 403, "target_denied");
        assert!(!response.text().contains("169.254"), "{}", response.text());
    }
}

#[test]
fn a_gateway_does_not_call_itself() {
    let gateway = Gateway::start();
    let port = gateway.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        gateway.refuses(
            to(&format!("http://{host}:{port}/v1")),
            508,
            "loop_detected",
        );
    }
    let (with_via, upstream) = (Gateway::with("via: gw1"), Upstream::ok());
    for lines in [
        "Via: 1.1 gw1\r\n",
        "Via: 1.0 a, 1.1 gw1 (x), 1.1 b\r\n",
        "Via: 1.1 a\r\nVia: 1.1 gw1\r\n",
    ] {
        with_via.refuses(
            request("GET", "/v1/x", &upstream, lines, ""),
            508,
            "loop_detected",
        );
    }
    with_via.forwards(
        &upstream,
        request("GET", "/v1/x", &upstream, "Via: 1.1 gw12, 1.1 xgw1\r\n", ""),
    );
}

/// A port on which nothing listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn an_unreachable_upstream_is_a_502() {
    let gateway = Gateway::start();
    let base = format!("http://127.0.0.1:{}/v1", closed_port());
    gateway.refuses(to(&base), 502, "upstream_unreachable");
    let plain = Upstream::playing(|peer| {
        peer.send("HTTP/1.1 400 Not TLS\r\n\r\n");
        peer.closed_after();
    });
    gateway.refuses(
        to(&format!("https://{}/v1", plain.address)),
        502,
        "upstream_unreachable",
    );
    let closing = Upstream::playing(|peer| drop(peer.request()));
    gateway.refuses(to(&closing.url()), 502, "upstream_closed");
    for raw in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
    ] {
        let invalid = Upstream::responding_once(raw);
        gateway.refuses(to(&invalid.url()), 502, "upstream_invalid");
    }
}

#[test]
fn a_timeout_sent_with_the_request_is_a_408_with_portkeys_message() {
    let gateway = Gateway::start();
    let silent = Upstream::playing(|peer| {
        peer.request();
        peer.closed_after();
    });
    let lines = "x-gateway-request-timeout: 300\r\n";
    let response = gateway.exchange(request("GET", "/v1/x", &silent, lines, ""));
    let expected = concat!(
        r#"{"error":{"message":"Request exceeded the timeout sent in the request: 300ms","#,
        r#""type":"timeout_error","param":null,"code":null}}"#
    );
    assert_eq!((response.status, response.text().as_str()), (408, expected));
    assert_eq!(response.error(), Some("request_timeout"));
    assert_eq!(response.all("content-type"), ["application/json"]);
}

#[test]
fn a_timeout_of_the_settings_is_a_504() {
    let gateway = Gateway::with("timeouts: { head: 300ms }");
    let silent = Upstream::playing(|peer| {
        peer.request();
        peer.closed_after();
    });
    gateway.refuses(to(&silent.url()), 504, "upstream_timeout");
}

#[test]
fn a_connect_timeout_is_a_504() {
    let gateway = Gateway::with("timeouts: { connect: 300ms }");
    // The kernel accepts the connection, and the TLS handshake gets no response.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    gateway.refuses(to(&format!("https://{address}/v1")), 504, "connect_timeout");
}

#[test]
fn a_body_over_the_limit_is_a_413_before_anything_is_sent() {
    let (gateway, upstream) = (
        Gateway::with("downstream: { max_body: 10B }"),
        Upstream::ok(),
    );
    let at_limit = request(
        "POST",
        "/v1/x",
        &upstream,
        "Content-Length: 10\r\n",
        "0123456789",
    );
    gateway.forwards(&upstream, at_limit);
    let over = request(
        "POST",
        "/v1/x",
        &upstream,
        "Content-Length: 11\r\n",
        "0123456789a",
    );
    gateway.refuses(over, 413, "body_too_large");
    assert_eq!(upstream.count(), 1);
}

/// The break comes while the upload is under way. One that comes with the head ends the connection
/// without a response: actix-http shuts down on it unless the response is there in the same poll
/// (`h1/dispatcher.rs`, "read half closed").
#[test]
fn a_body_in_broken_chunks_is_a_400() {
    let gateway = Gateway::start();
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let waiting = Upstream::playing(move |peer| {
        peer.head();
        peer.take("5\r\nhello\r\n".len());
        let _ = tell.lock().expect("one script").send(());
        peer.closed_after();
    });
    for broken in ["zz\r\n", "-1\r\n", "5\r\nhelloX\r\n", "\r\n", "5\n"] {
        let mut client = gateway.client();
        let lines = "Transfer-Encoding: chunked\r\n";
        client.send(request("POST", "/v1/x", &waiting, lines, "5\r\nhello\r\n"));
        told.recv_timeout(PATIENCE)
            .expect("the upload is under way");
        client.send(broken);
        assert_refusal(&client.response(), 400, "invalid_body", broken);
        assert!(client.is_closed(), "{broken:?}");
    }
}

#[test]
fn a_refusal_of_a_head_request_has_the_headers_and_no_body() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(bare("HEAD", "/nowhere", ""));
        let response = client.head_response();
        assert_eq!(
            (response.status, response.error()),
            (404, Some("unknown_route"))
        );
        assert_eq!(response.all("content-type"), ["application/json"]);
    }
}

#[test]
fn a_connection_outlives_a_refusal() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let mut client = gateway.client();
    for _ in 0..3 {
        client.send(bare("GET", "/nowhere", ""));
        assert_refusal(&client.response(), 404, "unknown_route", "the first");
        client.send(request("GET", "/v1/x", &upstream, "", ""));
        assert_eq!(client.response().text(), "ok");
    }
}

#[test]
fn a_refused_upload_never_becomes_the_next_request() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let smuggled =
        String::from_utf8(request("GET", "/v1/smuggled", &upstream, "", "")).expect("ASCII");
    for lines in [
        format!("Content-Length: {}\r\n", smuggled.len()),
        "Transfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let body = match lines.starts_with('C') {
            true => smuggled.clone(),
            false => format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len()),
        };
        let mut client = gateway.client();
        client.send(bare("POST", "/nowhere", &lines) + &body);
        assert_eq!(client.response().status, 404);
        client
            .stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        client.finish_sending();
        assert!(client.is_closed(), "{lines}");
    }
    assert_eq!(upstream.connections(), 0);
}
