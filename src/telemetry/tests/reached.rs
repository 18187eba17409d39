//! Whom telemetry is sent to: a receiver whose certificate is trusted, and never the gateway
//! itself.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::mpsc,
    thread,
};

use rcgen::generate_simple_self_signed;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::*;
use crate::upstream::tls::HostTls;

const ELSEWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 1);

/// Takes messages over TLS, and tells the first line of each: an empty one if the client does not
/// trust the certificate, which is in the file.
fn receiver() -> (SocketAddr, mpsc::Receiver<String>, PathBuf) {
    let made = generate_simple_self_signed(vec!["127.0.0.1".into()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
        .expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let name = format!(
        "throughway-otlp-{}-{}.pem",
        std::process::id(),
        address.port()
    );
    let file = std::env::temp_dir().join(name);
    fs::write(&file, made.cert.pem()).expect("a file");
    let (tell, told) = mpsc::sync_channel(100);
    let config = Arc::new(config);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let line = first_line(socket.expect("a connection"), config.clone());
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    (address, told, file)
}

fn first_line(socket: TcpStream, config: Arc<ServerConfig>) -> String {
    let connection = ServerConnection::new(config).expect("a connection");
    let mut stream = StreamOwned::new(connection, socket);
    let mut message = [0; 64 * 1024];
    let read = stream.read(&mut message).unwrap_or(0);
    let text = String::from_utf8_lossy(&message[..read]).into_owned();
    let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = stream.write_all(response);
    // Read to the end, so that no reset takes the response away.
    let _ = stream.read_to_end(&mut Vec::new());
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_receiver_with_a_certificate_of_its_own_is_trusted_by_the_settings_alone() {
    for is_trusted in [true, false] {
        let (address, told, file) = receiver();
        let host = HostTls {
            key: "upstream.tls[0]".to_owned(),
            host: address.to_string(),
            ca_file: Some(file.clone()),
            client_auth: None,
        };
        let hosts = if is_trusted { vec![host] } else { Vec::new() };
        let tls = TlsClients::new(&hosts).expect("TLS");
        let (mut telemetry, exporter, metrics) =
            sending(&format!("https://{address}"), &tls, ELSEWHERE.into());
        telemetry.take(&[Arc::new(chat())]);
        let line = told.recv_timeout(PATIENCE).expect("a connection");
        let expected = if is_trusted { "POST /v1/" } else { "" };
        assert_eq!(line.get(..expected.len()), Some(expected));
        assert_eq!(line.is_empty(), !is_trusted, "{line}");
        drop(telemetry);
        exporter.stop(PATIENCE);
        assert_eq!(metrics.telemetry_sent.get(), u64::from(is_trusted));
        fs::remove_file(file).expect("it was there");
    }
}

/// A request for each message would have a message of its own, without end.
#[test]
fn nothing_is_sent_to_the_gateway_itself() {
    for own in ["127.0.0.1", "0.0.0.0", "::"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let own = SocketAddr::new(own.parse().expect("an address"), port);
        let tls = TlsClients::new(&[]).expect("TLS");
        let url = format!("http://localhost:{port}");
        let (mut telemetry, exporter, metrics) = sending(&url, &tls, own);
        telemetry.take(&[Arc::new(chat())]);
        drop(telemetry);
        exporter.stop(PATIENCE);
        assert_eq!(metrics.telemetry_dropped.get(), 1, "{own}");
        let (mut socket, _) = listener.accept().expect("a connection");
        let mut sent = Vec::new();
        socket.read_to_end(&mut sent).expect("its end");
        assert!(sent.is_empty(), "{own}: {sent:?}");
    }
}
