//! Methods, framing and host: how a request line and the length of its body reach the upstream.

use crate::support::{Gateway, Upstream, message::request};

#[test]
fn the_framing_stays_what_the_caller_chose() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let chunked = "3\r\nabc\r\n0\r\n\r\n";
    for (method, lines, body, framing) in [
        ("GET", "", "", None),
        ("HEAD", "", "", None),
        ("DELETE", "", "", None),
        ("POST", "", "", None),
        ("PUT", "", "", None),
        ("OPTIONS", "", "", None),
        (
            "GET",
            "Content-Length: 0\r\n",
            "",
            Some("content-length: 0"),
        ),
        (
            "POST",
            "Content-Length: 0\r\n",
            "",
            Some("content-length: 0"),
        ),
        (
            "DELETE",
            "Content-Length: 0\r\n",
            "",
            Some("content-length: 0"),
        ),
        (
            "HEAD",
            "Content-Length: 0\r\n",
            "",
            Some("content-length: 0"),
        ),
        (
            "POST",
            "Content-Length: 3\r\n",
            "abc",
            Some("content-length: 3"),
        ),
        (
            "GET",
            "Content-Length: 3\r\n",
            "abc",
            Some("content-length: 3"),
        ),
        (
            "DELETE",
            "Content-Length: 3\r\n",
            "abc",
            Some("content-length: 3"),
        ),
        (
            "OPTIONS",
            "Content-Length: 3\r\n",
            "abc",
            Some("content-length: 3"),
        ),
        (
            "POST",
            "Transfer-Encoding: chunked\r\n",
            chunked,
            Some("transfer-encoding: chunked"),
        ),
        (
            "POST",
            "transfer-encoding: CHUNKED\r\n",
            "0\r\n\r\n",
            Some("transfer-encoding: chunked"),
        ),
        (
            "GET",
            "Transfer-Encoding: chunked\r\n",
            chunked,
            Some("transfer-encoding: chunked"),
        ),
    ] {
        let sent = gateway.forwards(&upstream, request(method, "/v1/x", &upstream, lines, body));
        assert_eq!(sent.framing(), Vec::from_iter(framing), "{method} {lines}");
        assert_eq!(sent.body, body.as_bytes(), "{method} {lines}");
    }
}

#[test]
fn every_method_crosses_as_it_was_sent() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for method in [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "PROPFIND",
        "MKCOL",
        "REPORT",
        "QUERY",
        "M-SEARCH",
        "CUSTOM",
        "x-lower",
        "A",
        "get",
        "VERY-LONG-METHOD-NAME-THAT-NOBODY-USES",
    ] {
        let sent = gateway.forwards(&upstream, request(method, "/v1/x", &upstream, "", ""));
        assert_eq!(sent.line, format!("{method} /v1/x HTTP/1.1"));
    }
}

#[test]
fn connect_and_trace_are_refused() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (method, target) in [
        ("TRACE", "/v1/x"),
        ("TRACE", "/gateway/health/live"),
        ("CONNECT", "/v1/x"),
        ("CONNECT", "localhost:443"),
        ("CONNECT", "api.example.com:443"),
    ] {
        let raw = request(method, target, &upstream, "", "");
        gateway.refuses(raw, 405, "method_not_allowed");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn host_names_the_target() {
    let gateway = Gateway::start();
    let (four, six) = (
        Upstream::ok(),
        Upstream::on("[::1]:0", |peer| {
            while peer.request().is_some() {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }),
    );
    let (port, port6) = (four.address.port(), six.address.port());
    for (upstream, base, host) in [
        (
            &four,
            format!("http://127.0.0.1:{port}/v1"),
            format!("127.0.0.1:{port}"),
        ),
        (
            &four,
            format!("http://localhost:{port}/v1"),
            format!("localhost:{port}"),
        ),
        (
            &four,
            format!("HTTP://LocalHost:{port}"),
            format!("localhost:{port}"),
        ),
        (
            &four,
            format!("http://localhost:0{port}/"),
            format!("localhost:{port}"),
        ),
        (
            &six,
            format!("http://[::1]:{port6}/v1"),
            format!("[::1]:{port6}"),
        ),
        (
            &six,
            format!("http://[0:0::0001]:{port6}/v1"),
            format!("[::1]:{port6}"),
        ),
    ] {
        let raw = format!(
            "GET /v1/x HTTP/1.1\r\nHost: LOCALHOST:1\r\nx-gateway-custom-host: {base}\r\n\r\n"
        );
        let sent = gateway.forwards(upstream, raw);
        assert_eq!(sent.shown(), [format!("host: {host}")], "{base}");
    }
}

#[test]
fn an_absolute_target_is_forwarded_by_its_path_alone() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (target, line) in [
        (
            "http://localhost/v1/x?a=%2F&b",
            "GET /v1/x?a=%2F&b HTTP/1.1",
        ),
        ("http://127.0.0.1:9/v1//y", "GET /v1//y HTTP/1.1"),
        ("https://localhost/v1/z?", "GET /v1/z? HTTP/1.1"),
    ] {
        let sent = gateway.forwards(&upstream, request("GET", target, &upstream, "", ""));
        assert_eq!(sent.line, line);
        assert_eq!(sent.shown(), [format!("host: {}", upstream.address)]);
    }
    for target in [
        "http://evil.example/v1/x",
        "http://evil.example/gateway/metrics",
    ] {
        gateway.refuses(request("GET", target, &upstream, "", ""), 421, "wrong_host");
    }
}
