//! TLS towards upstreams: which certificates the gateway trusts, which it shows, and what the end
//! of a TLS connection says about the response before it.

use std::{sync::mpsc, time::Duration};

use rustls::HandshakeKind;

use crate::support::{
    Authority, Gateway, TlsPeer, Upstream,
    client::{End, Response},
    eventually, let_pass, tls_upstream,
};

fn request(method: &str, url: &str, lines: &str) -> String {
    format!(
        "{method} /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-provider: passthrough\r\n\
         x-gateway-custom-host: {url}/v1\r\n{lines}\r\n"
    )
}

fn get(url: &str) -> String {
    request("GET", url, "")
}

fn ok(peer: &mut TlsPeer) {
    while peer.head().is_some() {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

#[track_caller]
fn assert_ok(response: &Response) {
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (200, "ok".to_owned(), End::Complete));
}

#[track_caller]
fn assert_unreachable(response: &Response) {
    let seen = (response.status, response.error());
    assert_eq!(
        seen,
        (502, Some("upstream_unreachable")),
        "{}",
        response.text()
    );
    assert!(
        response.text().contains("TLS handshake failed"),
        "{}",
        response.text()
    );
}

#[test]
fn a_trusted_upstream_is_spoken_to_and_its_connection_used_again() {
    let authority = Authority::new();
    let upstream = tls_upstream::playing(authority.server(), ok);
    let gateway = Gateway::with(&authority.settings());
    for _ in 0..3 {
        assert_ok(&gateway.exchange(get(&tls_upstream::url(&upstream))));
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_new_connection_resumes_the_session_of_an_earlier_one() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let authority = Authority::new();
        let (kind, kinds) = mpsc::channel();
        let kind = std::sync::Mutex::new(kind);
        let config = authority.server_speaking(version);
        let upstream = tls_upstream::playing(config, move |peer| {
            let _ = peer.head();
            let negotiated = peer.stream.conn.handshake_kind();
            let _ = kind.lock().expect("no panic").send(negotiated);
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
            peer.close_notify();
        });
        let gateway = Gateway::with(&authority.settings());
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            assert_ok(&gateway.exchange(get(&tls_upstream::url(&upstream))));
            let kind = kinds.recv().expect("a handshake");
            assert_eq!(kind, Some(expected), "{:?}", version.version);
        }
    }
}

#[test]
fn both_versions_of_tls_are_spoken() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let authority = Authority::new();
        let upstream = tls_upstream::playing(authority.server_speaking(version), ok);
        let gateway = Gateway::with(&authority.settings());
        for _ in 0..2 {
            assert_ok(&gateway.exchange(get(&tls_upstream::url(&upstream))));
        }
        assert_eq!(upstream.connections(), 1, "{version:?}");
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let (known, stranger) = (Authority::new(), Authority::new());
    let upstream = tls_upstream::playing(stranger.server(), ok);
    for settings in ["", &known.settings()] {
        assert_unreachable(&Gateway::with(settings).exchange(get(&tls_upstream::url(&upstream))));
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let upstream = tls_upstream::playing(authority.server_for(&["elsewhere.test"]), ok);
    let gateway = Gateway::with(&authority.settings());
    assert_unreachable(&gateway.exchange(get(&tls_upstream::url(&upstream))));
}

#[test]
fn an_address_is_trusted_when_the_certificate_names_it() {
    let authority = Authority::new();
    let ca_file = authority.ca_file();
    let settings = format!(
        "upstream: {{ tls: [{{ host: 127.0.0.1, ca_file: {} }}] }}\n",
        ca_file.display()
    );
    let upstream = tls_upstream::playing(authority.server_for(&["127.0.0.1"]), ok);
    let url = format!("https://{}", upstream.address);
    assert_ok(&Gateway::with(&settings).exchange(get(&url)));
}

#[test]
fn a_client_certificate_is_shown_to_targets_that_the_settings_name() {
    let authority = Authority::new();
    let upstream = tls_upstream::playing(authority.server_for_known_clients(), ok);
    let url = tls_upstream::url(&upstream);
    let (certificate, key) = authority.client_files();
    let with_certificate = format!(
        "default_target: {url}\n\
         upstream: {{ tls: [{{ host: localhost, ca_file: {}, client_cert: {}, client_key: {} }}] \
         }}\n",
        authority.ca_file().display(),
        certificate.display(),
        key.display()
    );
    let gateway = Gateway::with(&with_certificate);
    let by_settings = "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_ok(&gateway.exchange(by_settings));
    // The certificate is the operator's: naming its host does not lend it. In TLS 1.3 the server's
    // refusal may come behind the client's handshake.
    let without = Gateway::with(&authority.settings());
    for refused in [gateway.exchange(get(&url)), without.exchange(get(&url))] {
        assert_eq!(refused.status, 502);
        let error = refused.error().expect("an error of ours");
        assert!(
            ["upstream_unreachable", "upstream_closed"].contains(&error),
            "{error}"
        );
    }
    assert_ok(&gateway.exchange(by_settings));
}

#[test]
fn the_gateway_offers_only_http_1_1() {
    let authority = Authority::new();
    let mut server = authority.server();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (tell, told) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let upstream = tls_upstream::playing(server, move |peer| {
        let chosen = peer.stream.conn.alpn_protocol().map(<[u8]>::to_vec);
        let name = peer.stream.conn.server_name().map(str::to_owned);
        let _ = tell.lock().expect("one connection").send((chosen, name));
        ok(peer);
    });
    let gateway = Gateway::with(&authority.settings());
    assert_ok(&gateway.exchange(get(&tls_upstream::url(&upstream))));
    let expected = (Some(b"http/1.1".to_vec()), Some("localhost".to_owned()));
    assert_eq!(told.recv().expect("a connection"), expected);

    let mut h2_only = authority.server();
    h2_only.alpn_protocols = vec![b"h2".to_vec()];
    let upstream = tls_upstream::playing(h2_only, ok);
    assert_unreachable(&gateway.exchange(get(&tls_upstream::url(&upstream))));
}

#[test]
fn plain_http_at_a_tls_port_and_tls_at_a_plain_port_are_told_apart_from_responses() {
    let authority = Authority::new();
    let gateway = Gateway::with(&authority.settings());
    let tls = tls_upstream::playing(authority.server(), ok);
    let plain = gateway.exchange(get(&tls.url()));
    assert_eq!(plain.status, 502);
    let error = plain.error().expect("an error of ours");
    assert!(
        ["upstream_invalid", "upstream_closed"].contains(&error),
        "{error}"
    );

    let http = Upstream::playing(|peer| {
        peer.take(1);
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    assert_unreachable(&gateway.exchange(get(&tls_upstream::url(&http))));
}

/// Responds once, waits until the client has read some of it, and ends the connection.
fn ending(raw: &'static str, with_notify: bool) -> (Authority, Upstream, mpsc::Sender<()>) {
    let authority = Authority::new();
    let (go, told) = mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let upstream = tls_upstream::playing(authority.server(), move |peer| {
        peer.head();
        peer.send(raw);
        let _ = told.lock().expect("one connection").recv();
        if with_notify {
            peer.close_notify();
        }
    });
    (authority, upstream, go)
}

#[test]
fn a_framed_response_is_judged_by_its_frame_and_a_close_delimited_one_by_close_notify() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let sized_cut = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let chunked_cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let to_the_end = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello";
    let old = "HTTP/1.0 200 OK\r\n\r\nhello";
    for (raw, with_notify, end) in [
        (sized, false, End::Complete),
        (sized, true, End::Complete),
        (sized_cut, false, End::CutShort),
        (sized_cut, true, End::CutShort),
        (chunked, false, End::Complete),
        (chunked, true, End::Complete),
        (chunked_cut, false, End::CutShort),
        (chunked_cut, true, End::CutShort),
        (to_the_end, false, End::CutShort),
        (to_the_end, true, End::Complete),
        (old, false, End::CutShort),
        (old, true, End::Complete),
    ] {
        let (authority, upstream, go) = ending(raw, with_notify);
        let gateway = Gateway::with(&authority.settings());
        let mut client = gateway.client();
        client.send(get(&tls_upstream::url(&upstream)));
        client.peek();
        let _ = go.send(());
        let response = client.response();
        let seen = (response.status, response.text(), response.end);
        assert_eq!(
            seen,
            (200, "hello".to_owned(), end),
            "notify {with_notify} {raw}"
        );
        let cut = i64::from(end == End::CutShort);
        eventually("counted", || {
            gateway.metric("throughway_requests_total{outcome=\"truncated\"}") == cut
        });
    }
}

#[test]
fn a_pooled_tls_connection_after_close_notify_is_not_used_again() {
    let authority = Authority::new();
    for with_notify in [true, false] {
        let (closed, told) = mpsc::channel();
        let closed = std::sync::Mutex::new(closed);
        let upstream = tls_upstream::playing(authority.server(), move |peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            if with_notify {
                peer.close_notify();
            }
            let _ = peer.stream.sock.shutdown(std::net::Shutdown::Write);
            let _ = closed.lock().expect("no panic").send(());
        });
        let gateway = Gateway::with(&authority.settings());
        let url = tls_upstream::url(&upstream);
        for _ in 0..3 {
            // Not idempotent: a stale connection would show.
            let post = request("POST", &url, "Content-Length: 0\r\n");
            assert_ok(&gateway.exchange(post));
            told.recv().expect("closed");
        }
        assert_eq!(upstream.connections(), 3);
    }
}

#[test]
fn a_large_upload_over_tls_waits_for_an_upstream_that_reads_late() {
    const SIZE: usize = 8 << 20;
    let authority = Authority::new();
    let upstream = tls_upstream::playing(authority.server(), |peer| {
        peer.head();
        // Reads late.
        let_pass(Duration::from_millis(300));
        let Some(body) = peer.take(SIZE) else { return };
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{}",
            body.len()
        ));
    });
    let gateway = Gateway::with(&authority.settings());
    let lines = format!("Content-Length: {SIZE}\r\n");
    let mut client = gateway.client();
    client.send(request("POST", &tls_upstream::url(&upstream), &lines));
    client.send(vec![b'x'; SIZE]);
    let response = client.response();
    assert_eq!((response.status, response.text()), (200, SIZE.to_string()));
}
