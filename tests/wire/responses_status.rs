//! Statuses are relayed as they are: errors, redirects and unknown numbers. Interim responses are
//! not.

use crate::support::{Gateway, Upstream, client::End, gateway::get, message::request};

#[test]
fn every_status_crosses_with_its_headers_and_body() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for status in [
        200, 201, 202, 203, 206, 207, 226, 299, 300, 301, 302, 303, 305, 307, 308, 399, 400, 401,
        402, 403, 404, 405, 406, 407, 408, 409, 410, 413, 415, 416, 418, 421, 422, 425, 428, 429,
        431, 451, 498, 499, 500, 501, 502, 503, 504, 505, 508, 511, 520, 529, 599, 600, 799, 999,
    ] {
        let body = format!("{{\"status\":{status}}}");
        let upstream = Upstream::responding(format!(
            "HTTP/1.1 {status} Its Own Words\r\nRetry-After: 7\r\n\
             Location: http://127.0.0.1:1/elsewhere\r\n\
             WWW-Authenticate: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        client.send(request(
            "POST",
            "/v1/x",
            &upstream,
            "Content-Length: 2\r\n",
            "{}",
        ));
        let response = client.response();
        assert_eq!((response.status, response.text()), (status, body));
        assert_eq!(response.header("retry-after"), Some("7"), "{status}");
        assert_eq!(
            response.header("location"),
            Some("http://127.0.0.1:1/elsewhere"),
            "{status}"
        );
        assert_eq!(response.header("www-authenticate"), Some("x"), "{status}");
        assert_eq!(
            response.error(),
            None,
            "an upstream's own error is relayed: {status}"
        );
        assert_eq!(
            upstream.count(),
            1,
            "relayed, not followed and not tried again: {status}"
        );
    }
}

#[test]
fn the_reason_phrase_does_not_matter() {
    let gateway = Gateway::start();
    for line in [
        "HTTP/1.1 200",
        "HTTP/1.1 200 ",
        "HTTP/1.1 200 \t x",
        "HTTP/1.1 200 404 Not Found",
        "HTTP/1.1 200 caf\u{e9}",
    ] {
        let upstream = Upstream::responding(format!("{line}\r\nContent-Length: 2\r\n\r\nok"));
        let response = gateway.exchange(request("GET", "/v1/x", &upstream, "", ""));
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "ok"),
            "{line}"
        );
    }
}

#[test]
fn interim_responses_are_swallowed_and_the_final_one_is_right() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let hints =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: early=1\r\n\r\n";
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    let processing = "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n";
    let unknown = "HTTP/1.1 199 Whatever\r\nX-A: b\r\n\r\n";
    let many = go_on.repeat(50);
    for interim in [
        go_on.to_owned(),
        processing.to_owned(),
        hints.to_owned(),
        unknown.to_owned(),
        format!("{go_on}{processing}{hints}{hints}{go_on}"),
        many,
    ] {
        for (method, last, body) in [
            (
                "POST",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "ok",
            ),
            (
                "GET",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                "ok",
            ),
            (
                "GET",
                "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                "no",
            ),
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", ""),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", ""),
        ] {
            let upstream = Upstream::responding(format!("{interim}{last}"));
            for _ in 0..2 {
                client.send(request(method, "/v1/x", &upstream, "", ""));
                let response = match method {
                    "HEAD" => client.head_response(),
                    _ => client.response(),
                };
                let what = format!("{interim}{last}");
                assert!(last.contains(&format!(" {} ", response.status)), "{what}");
                assert_eq!(
                    (response.text().as_str(), response.end),
                    (body, End::Complete),
                    "{what}"
                );
                assert_eq!(
                    (response.header("link"), response.header("set-cookie")),
                    (None, None),
                    "{what}"
                );
            }
            assert_eq!(upstream.connections(), 1, "{interim}{last}");
        }
    }
}

#[test]
fn an_interim_response_that_comes_by_itself_ends_nothing() {
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early");
        // The client's body comes only after this, and the rest only after the body.
        wait.lock()
            .expect("one script")
            .recv()
            .expect("the test goes on");
        peer.send(" Hints\r\nLink: x\r\n\r\n");
        let body = peer.take(5);
        assert_eq!(body.as_deref(), Some(&b"hello"[..]));
        peer.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(request(
        "POST",
        "/v1/x",
        &upstream,
        "Content-Length: 5\r\n",
        "hel",
    ));
    go_on.send(()).expect("the script waits");
    client.send("lo");
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (201, "ok"));
}

#[test]
fn endless_interim_responses_are_a_502() {
    let go_on = "HTTP/1.1 102 Processing\r\n\r\n";
    let gateway = Gateway::start();
    for (count, status) in [(4000, 200), (8000, 502)] {
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            peer.send(go_on.repeat(count));
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            peer.closed_after();
        });
        let response = gateway.exchange(get(&upstream));
        assert_eq!(response.status, status, "{count}");
        let expected = (status == 502).then_some("upstream_invalid");
        assert_eq!(response.error(), expected, "{count}");
    }
}
