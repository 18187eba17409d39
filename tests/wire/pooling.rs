//! Upstream connections that are used again: when, for which requests, and that no response is ever
//! given to another request.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use crate::support::{
    Authority, Gateway, Peer, Response, Upstream,
    client::End,
    gateway::{get, head},
    tls_upstream,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn get_path(upstream: &Upstream, path: &str) -> String {
    head("GET", path, upstream, "")
}

/// The response whose body is the path that was asked for.
fn echo(request: &[u8]) -> String {
    let target = Peer::target(request);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}",
        target.len()
    )
}

#[track_caller]
fn assert_body(response: &Response, body: &str) {
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (200, body.to_owned(), End::Complete));
}

#[test]
fn requests_one_after_the_other_share_a_connection_and_those_at_once_do_not() {
    let (both, arrived) = mpsc::channel::<()>();
    let both = Mutex::new(both);
    let (go, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    let upstream = Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            if Peer::target(&request) == "/v1/together" {
                let _ = both.lock().expect("no panic").send(());
                let _ = told.lock().expect("no panic").recv();
            }
            peer.send(echo(&request));
        }
    });
    let gateway = Gateway::start();
    for number in 0..10 {
        let path = format!("/v1/{number}");
        assert_body(&gateway.exchange(get_path(&upstream, &path)), &path);
    }
    assert_eq!(upstream.connections(), 1);
    let mut clients = [gateway.client(), gateway.client()];
    for client in &mut clients {
        client.send(get_path(&upstream, "/v1/together"));
    }
    for _ in 0..2 {
        arrived.recv().expect("both are there");
    }
    for _ in 0..2 {
        go.send(()).expect("both wait");
    }
    for client in &mut clients {
        assert_body(&client.response(), "/v1/together");
    }
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn an_early_hint_is_swallowed_and_its_response_meets_its_own_request() {
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
            peer.pause(Duration::from_millis(50));
            peer.send(echo(&request));
        }
    });
    let gateway = Gateway::start();
    let (mut one, mut two) = (gateway.client(), gateway.client());
    one.send(get_path(&upstream, "/v1/first"));
    two.send(get_path(&upstream, "/v1/second"));
    assert_body(&one.response(), "/v1/first");
    assert_body(&two.response(), "/v1/second");
    one.send(get_path(&upstream, "/v1/third"));
    assert_body(&one.response(), "/v1/third");
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn bytes_behind_a_response_end_its_connection_and_meet_no_other_request() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (what, surplus) in [
        ("a whole response", evil),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le"),
        ("a line break", "\r\n"),
    ] {
        for chunked in [false, true] {
            let upstream = Upstream::playing(move |peer| {
                while let Some(request) = peer.request() {
                    let target = Peer::target(&request);
                    let size = target.len();
                    peer.send(match chunked {
                        false => echo(&request) + surplus,
                        true => format!(
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n\
                             {target}\r\n0\r\n\r\n{surplus}"
                        ),
                    });
                }
            });
            let gateway = Gateway::start();
            assert_body(&gateway.exchange(get_path(&upstream, "/v1/one")), "/v1/one");
            assert_body(&gateway.exchange(get_path(&upstream, "/v1/two")), "/v1/two");
            assert_eq!(upstream.connections(), 2, "{what}, chunked {chunked}");
        }
    }
}

#[test]
fn bytes_that_come_while_a_connection_is_idle_end_it() {
    let (sent, told) = mpsc::channel();
    let sent = Mutex::new(sent);
    let (go, seen) = mpsc::channel::<()>();
    let seen = Mutex::new(seen);
    let upstream = Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            peer.send(echo(&request));
            let _ = seen.lock().expect("no panic").recv();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
            let _ = sent.lock().expect("no panic").send(());
        }
    });
    let gateway = Gateway::start();
    for path in ["/v1/one", "/v1/two", "/v1/three"] {
        let lines = "Content-Length: 0\r\n";
        assert_body(
            &gateway.exchange(head("POST", path, &upstream, lines)),
            path,
        );
        go.send(()).expect("the upstream waits");
        told.recv().expect("sent");
    }
    assert_eq!(upstream.connections(), 3);
}

#[test]
fn a_connection_that_was_closed_while_idle_is_not_used_even_for_a_post() {
    for reset in [false, true] {
        let (closed, told) = mpsc::channel();
        let closed = Mutex::new(closed);
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            peer.send(OK);
            if reset {
                // The client must have its response first.
                peer.pause(Duration::from_millis(30));
                peer.reset();
            }
            let fresh = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = fresh.local_addr().expect("an address");
            // Closes the connection now, and not when this script has ended.
            peer.stream = std::net::TcpStream::connect(address).expect("connected");
            let _ = closed.lock().expect("no panic").send(());
        });
        let gateway = Gateway::start();
        for _ in 0..3 {
            let request = head("POST", "/v1/x", &upstream, "Content-Length: 0\r\n");
            assert_body(&gateway.exchange(request), "ok");
            told.recv().expect("closed");
        }
        assert_eq!(upstream.connections(), 3);
        assert_eq!(gateway.metric("throughway_upstream_stale_retries_total"), 0);
    }
}

#[test]
fn a_response_that_ends_its_connection_is_the_last_on_it() {
    for raw in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let upstream = Upstream::responding(raw);
        let gateway = Gateway::start();
        for _ in 0..2 {
            assert_body(&gateway.exchange(get(&upstream)), "ok");
        }
        assert_eq!(upstream.connections(), 2, "{raw}");
    }
    let upstream = Upstream::responding(
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = Gateway::start();
    for _ in 0..2 {
        assert_body(&gateway.exchange(get(&upstream)), "ok");
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_response_before_the_end_of_the_upload_ends_its_connection() {
    for lines in [
        "Content-Length: 100000\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let upstream = Upstream::playing(|peer| {
            while peer.head().is_some() {
                peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
                peer.closed_after();
            }
        });
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(head("POST", "/v1/x", &upstream, lines));
        let response = client.response();
        let seen = (response.status, response.text(), response.end);
        assert_eq!(seen, (413, "no".to_owned(), End::Complete), "{lines}");
        assert_eq!(gateway.exchange(get(&upstream)).status, 413);
        assert_eq!(upstream.connections(), 2, "{lines}");
    }
}

#[test]
fn a_connection_is_shared_by_scheme_name_and_port() {
    let authority = Authority::new();
    let tls = tls_upstream::playing(authority.server_for(&["localhost", "127.0.0.1"]), |peer| {
        while peer.head().is_some() {
            peer.send(OK);
        }
    });
    let ca_file = authority.ca_file();
    let trust = |host: &str| format!("{{ host: {host}, ca_file: {} }}", ca_file.display());
    let gateway = Gateway::with(&format!(
        "upstream: {{ tls: [{}, {}] }}\n",
        trust("localhost"),
        trust("127.0.0.1")
    ));
    let port = tls.address.port();
    let ask = |base: &str| {
        gateway.exchange(format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-provider: passthrough\r\n\
             x-gateway-custom-host: {base}:{port}/v1\r\n\r\n"
        ))
    };
    for (base, status, connections) in [
        ("https://localhost", 200, 1),
        ("https://localhost", 200, 1),
        ("https://LOCALHOST", 200, 1),
        ("https://127.0.0.1", 200, 2),
        ("http://localhost", 502, 3),
        ("https://localhost", 200, 3),
    ] {
        assert_eq!(ask(base).status, status, "{base}");
        assert_eq!(tls.connections(), connections, "{base}");
    }
}
