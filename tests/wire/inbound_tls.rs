//! HTTPS for clients: HTTP/1.1 over TLS, aborts that are visible, and handshakes that fail.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, pki_types::ServerName,
};

use crate::support::{Client, Gateway, PATIENCE, Upstream, eventually, gateway::get};

/// A gateway with a certificate of its own, and clients that trust it.
struct Secure {
    gateway: Gateway,
    roots: RootCertStore,
    folder: PathBuf,
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

impl Secure {
    fn with(name: &str, yaml: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).expect("a file");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a certificate");
        let tls = format!("tls: {{ cert: {:?}, key: {:?} }}\n{yaml}", cert, key);
        Secure {
            gateway: Gateway::with(&tls),
            roots,
            folder,
        }
    }

    fn client(&self, alpn: &[&str]) -> Tls {
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let stream = TcpStream::connect(self.gateway.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        StreamOwned::new(session, stream)
    }

    /// Sends a request and reads until the connection ends.
    fn exchange(&self, request: &str) -> (String, Option<ErrorKind>) {
        let mut client = self.client(&[]);
        client.write_all(request.as_bytes()).expect("a write");
        let mut response = Vec::new();
        let end = client
            .read_to_end(&mut response)
            .err()
            .map(|end| end.kind());
        (String::from_utf8_lossy(&response).into_owned(), end)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn closing(request: String) -> String {
    request.replacen("\r\n", "\r\nConnection: close\r\n", 1)
}

#[test]
fn a_request_over_tls_is_answered_and_the_end_is_clean() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let secure = Secure::with("tls-plain", "");
    let (response, end) = secure.exchange(&closing(get(&upstream)));
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
    assert_eq!(end, None, "close_notify came");
}

#[test]
fn a_large_response_crosses_tls_whole() {
    const SIZE: usize = 20_000_000;
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        peer.send(vec![b'x'; SIZE]);
        peer.closed_after();
    });
    let secure = Secure::with("tls-large", "");
    let (response, end) = secure.exchange(&closing(get(&upstream)));
    let body = response.split_once("\r\n\r\n").expect("a head").1;
    assert_eq!((body.len(), end), (SIZE, None));
}

#[test]
fn only_http_1_1_is_offered() {
    let secure = Secure::with("tls-alpn", "");
    let mut client = secure.client(&["h2", "http/1.1"]);
    client.flush().expect("a handshake");
    let handshake = client.conn.complete_io(&mut client.sock);
    assert!(handshake.is_ok(), "{handshake:?}");
    assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut only_h2 = secure.client(&["h2"]);
    let refused = only_h2.conn.complete_io(&mut only_h2.sock);
    assert!(refused.is_err());
}

#[test]
fn an_abort_is_an_end_without_close_notify() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    let secure = Secure::with("tls-abort", "");
    let (response, end) = secure.exchange(&get(&upstream));
    assert!(response.ends_with("5\r\nhello\r\n"), "{response}");
    assert_eq!(end, Some(ErrorKind::UnexpectedEof));
}

#[test]
fn a_client_that_leaves_is_noticed_through_tls() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.closed_after();
    });
    let secure = Secure::with("tls-gone", "");
    let mut client = secure.client(&[]);
    client
        .write_all(get(&upstream).as_bytes())
        .expect("a write");
    eventually("the request arrives", || upstream.connections() == 1);
    let left = Instant::now();
    drop(client);
    eventually("it is counted", || {
        let page = secure.exchange(&closing(
            "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        ));
        page.0
            .contains("throughway_requests_total{outcome=\"client_gone\"} 1\n")
    });
    assert!(left.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_tls_client_that_takes_nothing_is_given_up() {
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        let chunk = vec![b'x'; 65536];
        while peer.stream.write_all(&chunk).is_ok() {}
        let _ = tell.send(());
    });
    let secure = Secure::with("tls-stall", "downstream: { write_stall: 500ms }");
    let mut client = secure.client(&[]);
    client
        .write_all(get(&upstream).as_bytes())
        .expect("a write");
    assert!(told.recv_timeout(PATIENCE).is_ok(), "still served");
}

#[test]
fn a_handshake_that_stalls_is_dropped_after_the_head_timeout() {
    let secure = Secure::with("tls-handshake", "downstream: { head: 500ms }");
    for sent in [&b""[..], &[0x16, 0x03, 0x01, 0x02]] {
        let start = Instant::now();
        let mut client = secure.gateway.client();
        client.send(sent);
        assert!(client.is_closed());
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(490), "after {took:?}");
        assert!(took < Duration::from_secs(2), "after {took:?}");
    }
}

#[test]
fn plain_http_on_the_tls_port_is_closed() {
    let secure = Secure::with("tls-no-plain", "");
    let mut client: Client = secure.gateway.client();
    client.send("GET /gateway/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let start = Instant::now();
    let mut rest = Vec::new();
    let _ = client.stream.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "a response in plain text");
    assert!(start.elapsed() < Duration::from_secs(1));
}
