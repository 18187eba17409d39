//! How the end of a response is signalled to the client: lengths stay lengths, chunks stay chunks,
//! and responses without a body keep the headers that describe one. HTTP/1.0 clients get what they
//! can read.

use crate::support::{Gateway, Upstream, client::End, message::request};

/// An upstream whose response is this, again and again.
fn upstream(raw: &str) -> Upstream {
    Upstream::responding(raw.to_owned())
}

#[test]
fn the_framing_of_a_response_is_kept_and_both_connections_stay_usable() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for (method, raw, length, coding, body) in [
        (
            "GET",
            "200 OK\r\nContent-Length: 2\r\n\r\nok",
            Some("2"),
            None,
            "ok",
        ),
        (
            "GET",
            "200 OK\r\nContent-Length: 0\r\n\r\n",
            Some("0"),
            None,
            "",
        ),
        (
            "POST",
            "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            None,
            Some("chunked"),
            "ok",
        ),
        (
            "GET",
            "200 OK\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n",
            None,
            Some("chunked"),
            "",
        ),
        (
            "GET",
            "500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            None,
            Some("chunked"),
            "ok",
        ),
        (
            "HEAD",
            "200 OK\r\nContent-Length: 12345\r\n\r\n",
            Some("12345"),
            None,
            "",
        ),
        (
            "HEAD",
            "200 OK\r\nContent-Length: 0\r\n\r\n",
            Some("0"),
            None,
            "",
        ),
        (
            "HEAD",
            "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            None,
            None,
            "",
        ),
        ("HEAD", "200 OK\r\n\r\n", None, None, ""),
        (
            "HEAD",
            "404 Not Found\r\nContent-Length: 9\r\n\r\n",
            Some("9"),
            None,
            "",
        ),
        ("GET", "204 No Content\r\n\r\n", None, None, ""),
        ("DELETE", "204 No Content\r\n\r\n", None, None, ""),
        (
            "GET",
            "205 Reset Content\r\nContent-Length: 0\r\n\r\n",
            Some("0"),
            None,
            "",
        ),
        ("GET", "304 Not Modified\r\n\r\n", None, None, ""),
        (
            "GET",
            "304 Not Modified\r\nContent-Length: 4711\r\n\r\n",
            Some("4711"),
            None,
            "",
        ),
        (
            "HEAD",
            "304 Not Modified\r\nContent-Length: 4711\r\n\r\n",
            Some("4711"),
            None,
            "",
        ),
    ] {
        let upstream = upstream(&format!(
            "HTTP/1.1 {}",
            raw.replacen("\r\n", "\r\nETag: \"e\"\r\n", 1)
        ));
        // Twice, so that both connections prove to stand at a message boundary.
        for _ in 0..2 {
            client.send(request(method, "/v1/x", &upstream, "", ""));
            let got = match method {
                "HEAD" => client.head_response(),
                _ => client.response(),
            };
            let what = format!("{method} {raw}\n{}", got.head);
            assert!(raw.starts_with(&got.status.to_string()), "{what}");
            assert_eq!(got.all("content-length"), Vec::from_iter(length), "{what}");
            assert_eq!(
                got.all("transfer-encoding"),
                Vec::from_iter(coding),
                "{what}"
            );
            assert_eq!(got.all("etag"), ["\"e\""], "{what}");
            assert_eq!(
                (got.text().as_str(), got.end),
                (body, End::Complete),
                "{what}"
            );
        }
        assert_eq!(upstream.connections(), 1, "{method} {raw}");
    }
}

#[test]
fn the_connection_header_downstream_is_the_gateways_own() {
    let gateway = Gateway::start();
    let closing = Upstream::responding_once(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    );
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(request("GET", "/v1/x", &closing, "", ""));
        let response = client.response();
        assert_eq!(
            (response.text().as_str(), response.header("connection")),
            ("ok", None)
        );
    }
    let staying = Upstream::ok();
    client.send(request(
        "GET",
        "/v1/x",
        &staying,
        "Connection: close\r\n",
        "",
    ));
    let response = client.response();
    assert_eq!(
        (response.text().as_str(), response.header("connection")),
        ("ok", Some("close"))
    );
    assert!(client.is_closed());
    gateway.forwards(&staying, request("GET", "/v1/x", &staying, "", ""));
    assert_eq!(
        staying.connections(),
        1,
        "a client's close does not close the upstream's connection"
    );
}

#[test]
fn an_upstream_of_http_1_0_is_understood() {
    let gateway = Gateway::start();
    for (raw, coding) in [
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", None),
        ("HTTP/1.0 200 OK\r\n\r\nok", Some("chunked")),
        (
            "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nok",
            Some("chunked"),
        ),
    ] {
        let upstream = Upstream::responding_once(raw);
        let response = gateway.exchange(request("GET", "/v1/x", &upstream, "", ""));
        assert_eq!(
            (response.text().as_str(), response.end),
            ("ok", End::Complete),
            "{raw}"
        );
        assert_eq!(response.header("transfer-encoding"), coding, "{raw}");
    }
    let kept = upstream("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
    for _ in 0..2 {
        let response = gateway.exchange(request("GET", "/v1/x", &kept, "", ""));
        assert_eq!(response.text(), "ok");
    }
    assert_eq!(kept.connections(), 1);
}

/// A request in HTTP/1.0.
fn old(upstream: &Upstream, lines: &str) -> Vec<u8> {
    let raw = request("GET", "/v1/x", upstream, lines, "");
    String::from_utf8(raw)
        .expect("ASCII")
        .replace("HTTP/1.1", "HTTP/1.0")
        .into_bytes()
}

#[test]
fn a_client_of_http_1_0_gets_no_chunks_and_the_close_ends_the_body() {
    let gateway = Gateway::start();
    for lines in ["", "Connection: keep-alive\r\n"] {
        for raw in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n\
             0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nonetwo",
        ] {
            let upstream = Upstream::responding_once(raw);
            let mut client = gateway.client();
            client.send(old(&upstream, lines));
            let response = client.response();
            assert_eq!(
                (response.text().as_str(), response.end),
                ("onetwo", End::Closed),
                "{lines}{raw}"
            );
            assert_eq!(response.header("transfer-encoding"), None);
            assert_ne!(response.header("connection"), Some("keep-alive"));
            assert!(upstream.request().starts_with("GET /v1/x HTTP/1.1\r\n"));
        }
    }
}

#[test]
fn a_client_of_http_1_0_keeps_its_connection_only_when_it_asks() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let mut client = gateway.client();
    for _ in 0..2 {
        client.send(old(&upstream, "Connection: Keep-Alive\r\n"));
        let response = client.response();
        assert_eq!(
            (response.text().as_str(), response.all("content-length")),
            ("ok", vec!["2"])
        );
        assert_eq!(response.header("connection"), Some("keep-alive"));
    }
    client.send(old(&upstream, ""));
    assert_eq!(client.response().text(), "ok");
    assert!(client.is_closed());
}

#[test]
fn a_client_of_http_1_0_gets_bodyless_responses_and_refusals_too() {
    let gateway = Gateway::start();
    for raw in [
        "204 No Content\r\n\r\n",
        "304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    ] {
        let upstream = upstream(&format!("HTTP/1.1 {raw}"));
        let mut client = gateway.client();
        client.send(old(&upstream, ""));
        assert!(raw.starts_with(&client.response().status.to_string()));
        assert!(client.is_closed());
    }
    let response = gateway.exchange("GET /nowhere HTTP/1.0\r\nHost: localhost\r\n\r\n");
    assert_eq!(
        (response.status, response.error(), response.end),
        (404, Some("unknown_route"), End::Complete)
    );
}
