//! A connection over sockets whose buffers are as small as the kernel allows.

use std::{cell::RefCell, future::poll_fn, net::SocketAddr};

use actix_http::Payload;
use bytes::Bytes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivatePkcs8KeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, server::TlsStream};

use super::*;
use crate::{
    memory::Account,
    upstream::{Asked, RequestBody},
};

/// Two ends of one connection that hold little between them.
async fn narrow_pair() -> (TcpStream, TcpStream) {
    let listening = TcpSocket::new_v4().expect("a socket");
    listening.set_recv_buffer_size(1).expect("a size");
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    listening.bind(anywhere).expect("a port");
    let listener: TcpListener = listening.listen(1).expect("listening");
    let connecting = TcpSocket::new_v4().expect("a socket");
    connecting.set_send_buffer_size(1).expect("a size");
    let address = listener.local_addr().expect("an address");
    let (near, far) = tokio::join!(connecting.connect(address), listener.accept());
    (near.expect("connected"), far.expect("accepted").0)
}

async fn tls_pair() -> (Socket, TlsStream<TcpStream>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = narrow_pair().await;
    let name = ServerName::try_from("localhost").expect("a name");
    let (near, far) = tokio::join!(
        TlsConnector::from(Arc::new(client)).connect(name, near),
        TlsAcceptor::from(Arc::new(server)).accept(far),
    );
    (
        Socket::Tls(Box::new(near.expect("connected"))),
        far.expect("accepted"),
    )
}

fn exchange(body: &'static [u8]) -> Rc<Exchange> {
    let length = BodyLength::Exact(body.len() as u64);
    let body = RequestBody::new(
        Payload::from(Bytes::from_static(body)),
        length,
        0,
        Account::UNCOUNTED,
    );
    let head = Bytes::from_static(b"POST / HTTP/1.1\r\n\r\n");
    Exchange::new(head, Asked::Ordinary, Rc::new(RefCell::new(body)))
}

#[actix_rt::test]
async fn a_request_that_tls_holds_back_leaves_once_the_upstream_reads() {
    // More than the sockets hold, less than rustls is willing to.
    static BODY: [u8; 40_000] = [b'x'; 40_000];
    let (near, mut far) = tls_pair().await;
    let mut connection = Connection::new(near, "key".into());
    let exchange = exchange(&BODY);
    connection.begin(exchange.clone());
    poll_fn(|cx| connection.poll_flush(cx)).await.expect("sent");
    assert!(!exchange.progress().upload_done, "nobody has read it yet");

    let upstream = async {
        let mut request = vec![0; exchange.head.len() + BODY.len()];
        far.read_exact(&mut request).await.expect("the request");
        far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .expect("an answer");
        far.flush().await.expect("an answer");
    };
    let answer = async {
        let mut room = [0; 4096];
        let mut buf = ReadBuf::new(&mut room);
        poll_fn(|cx| connection.poll_read(cx, &mut buf))
            .await
            .expect("an answer");
        buf.filled().len()
    };
    let both = async { tokio::join!(upstream, answer).1 };
    let patience = std::time::Duration::from_secs(5);
    let shown = tokio::time::timeout(patience, both)
        .await
        .expect("no standstill");
    assert_eq!(shown, "HTTP/1.1 204 No Content\r\n\r\n".len());
    assert!(exchange.progress().upload_done && connection.is_reusable());
}

/// What awc is shown of this answer in reads of so many bytes, and whether the connection may be
/// used again.
async fn shown(answer: &[u8], room: usize) -> (Vec<u8>, bool) {
    let (near, mut far) = narrow_pair().await;
    let mut connection = Connection::new(Socket::Tcp(near), "key".into());
    connection.begin(exchange(b""));
    poll_fn(|cx| connection.poll_flush(cx)).await.expect("sent");
    far.write_all(answer).await.expect("an answer");
    let mut all = Vec::new();
    loop {
        let mut room = vec![0; room];
        let mut buf = ReadBuf::new(&mut room);
        let read = poll_fn(|cx| connection.poll_read(cx, &mut buf)).await;
        if read.is_err() || buf.filled().is_empty() {
            return (all, connection.is_reusable());
        }
        all.extend_from_slice(buf.filled());
    }
}

#[actix_rt::test]
async fn awc_is_shown_no_trailers_whatever_room_it_has() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    for room in [
        1,
        2,
        3,
        7,
        chunks.len() - 1,
        chunks.len(),
        chunks.len() + 1,
        4096,
    ] {
        for trailers in ["\r\n", "\n", "X: y\r\n\r\n", "X: y\n\n"] {
            let answer = [chunks, trailers].concat();
            let (all, reusable) = shown(answer.as_bytes(), room).await;
            let expected = [chunks, "\r\n"].concat();
            assert_eq!(
                all.escape_ascii().to_string(),
                expected.as_bytes().escape_ascii().to_string()
            );
            assert!(reusable, "{room} {trailers:?}");
        }
        for (broken, well_formed) in [("X\r\n\r\n", chunks.len()), ("\rX", chunks.len())] {
            let answer = [chunks, broken].concat();
            let (all, reusable) = shown(answer.as_bytes(), room).await;
            assert!(all.len() <= well_formed && !reusable, "{room} {broken:?}");
            assert!(chunks.as_bytes().starts_with(&all), "{room} {broken:?}");
        }
    }
}
