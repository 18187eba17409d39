//! A connection over sockets whose buffers are as small as the kernel allows.

use std::{cell::RefCell, future::poll_fn, net::SocketAddr, task::Poll};

use actix_http::{Payload, header::HeaderMap};
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
    http::chunks::MalformedChunks,
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

const HEAD: &[u8] = b"POST / HTTP/1.1\r\n\r\n";

fn connection(socket: Socket) -> Connection {
    Connection::new(socket, "key".into(), ReadBuffer::default())
}

/// Begins an exchange that uploads `body`.
fn begin(connection: &mut Connection, body: &'static [u8]) -> Rc<Cell<Progress>> {
    let length = BodyLength::Exact(body.len() as u64);
    let source = Payload::from(Bytes::from_static(body));
    let body = RequestBody::new(source, length, 0, Account::UNCOUNTED);
    let outgoing = Outgoing {
        head: Bytes::from_static(HEAD),
        asked: Asked::Ordinary,
        body: Rc::new(RefCell::new(body)),
    };
    let progress = Rc::<Cell<Progress>>::default();
    connection.begin(outgoing, progress.clone());
    progress
}

async fn read_status(connection: &mut Connection) -> Result<u16, Failure> {
    let mut headers = HeaderMap::new();
    let status = poll_fn(|cx| connection.poll_head(&mut headers, cx)).await?;
    Ok(status.as_u16())
}

#[actix_rt::test]
async fn a_request_held_back_by_tls_is_sent_once_the_upstream_reads() {
    // More than the sockets hold, less than rustls is willing to.
    static BODY: [u8; 40_000] = [b'x'; 40_000];
    let (near, mut far) = tls_pair().await;
    let mut connection = connection(near);
    let progress = begin(&mut connection, &BODY);
    poll_fn(|cx| Poll::Ready(connection.poll_upload(cx)))
        .await
        .expect("sent");
    assert!(!progress.get().upload_done, "it has not been read yet");

    let upstream = async {
        let mut request = vec![0; HEAD.len() + BODY.len()];
        far.read_exact(&mut request).await.expect("the request");
        far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .expect("a response");
        far.flush().await.expect("a response");
    };
    // What the engine does: it polls until there is something to read.
    let head = async {
        poll_fn(|cx| connection.poll_first_bytes(cx)).await?;
        read_status(&mut connection).await
    };
    let both = async { tokio::join!(upstream, head).1 };
    let patience = std::time::Duration::from_secs(5);
    let status = tokio::time::timeout(patience, both)
        .await
        .expect("no standstill");
    assert_eq!(status, Ok(204));
    assert!(progress.get().upload_done && connection.is_reusable());
}

/// What came of a response that arrived in pieces of so many bytes.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: Result<u16, Cause>,
    data: String,
    failure: Option<Cause>,
    reusable: bool,
}

async fn outcome(response: &[u8], piece: usize, then_closed: bool) -> Outcome {
    let (near, mut far) = narrow_pair().await;
    let mut connection = connection(Socket::Tcp(near));
    begin(&mut connection, b"");
    let writing = async {
        for piece in response.chunks(piece) {
            far.write_all(piece).await.expect("written");
            // The other side reads before the next piece comes.
            tokio::time::sleep(std::time::Duration::from_micros(200)).await;
        }
        if then_closed {
            far.shutdown().await.expect("closed");
        }
    };
    let reading = async {
        poll_fn(|cx| connection.poll_first_bytes(cx)).await?;
        let status = read_status(&mut connection).await?;
        let mut data = Vec::new();
        loop {
            match poll_fn(|cx| connection.poll_data(cx)).await {
                Some(Ok(chunk)) => data.extend_from_slice(&chunk),
                Some(Err(failure)) => return Ok((status, data, Some(failure.cause))),
                None => return Ok((status, data, None)),
            }
        }
    };
    let read: Result<_, Failure> = tokio::join!(writing, reading).1;
    let reusable = connection.is_reusable();
    let (status, data, failure) = match read {
        Ok((status, data, failure)) => (Ok(status), data, failure),
        Err(failure) => (Err(failure.cause), Vec::new(), None),
    };
    Outcome {
        status,
        data: data.escape_ascii().to_string(),
        failure,
        reusable,
    }
}

fn whole(data: &str, reusable: bool) -> Outcome {
    Outcome {
        status: Ok(200),
        data: data.to_owned(),
        failure: None,
        reusable,
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

#[actix_rt::test]
async fn a_response_is_read_alike_however_it_is_split() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let length = format!("{OK}Content-Length: 5\r\n\r\nhello");
    let chunks = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n");
    for (response, expected) in [
        (length.clone(), whole("hello", true)),
        (format!("{hint}{hint}{length}"), whole("hello", true)),
        (format!("{chunks}\r\n"), whole("hello!", true)),
        (format!("{chunks}\n"), whole("hello!", true)),
        (format!("{chunks}X: y\r\n\r\n"), whole("hello!", true)),
        (format!("{chunks}X: y\n\n"), whole("hello!", true)),
        (format!("{OK}\r\nhello"), whole("hello", false)),
        (format!("{OK}Content-Length: 0\r\n\r\n"), whole("", true)),
    ] {
        let until_close = response.ends_with("OK\r\n\r\nhello");
        for piece in [1, 2, 3, 7, response.len() - 1, response.len()] {
            let outcome = outcome(response.as_bytes(), piece, until_close).await;
            assert_eq!(outcome, expected, "{response:?} in pieces of {piece}");
        }
    }
}

#[actix_rt::test]
async fn a_malformed_end_follows_the_data_before_it_and_ends_the_connection() {
    let chunks = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    for (broken, why) in [
        ("x\r\n", MalformedChunks::Coding),
        ("0\r\nX\r\n\r\n", MalformedChunks::TrailerLine),
        ("0\r\n\rX", MalformedChunks::TrailerLine),
        ("0\r\nHost: x\r\n\r\n", MalformedChunks::TrailerField),
    ] {
        let response = format!("{chunks}{broken}");
        let outcome = outcome(response.as_bytes(), chunks.len(), false).await;
        let expected = Outcome {
            failure: Some(Cause::Malformed(why.into())),
            ..whole("hello", false)
        };
        assert_eq!(outcome, expected, "{broken:?}");
    }
}

#[actix_rt::test]
async fn a_response_whose_first_bytes_are_malformed_is_refused_whole() {
    let response = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx");
    let outcome = outcome(response.as_bytes(), response.len(), false).await;
    assert_eq!(
        outcome.status,
        Err(Cause::Malformed(MalformedChunks::Coding.into()))
    );
    assert!(!outcome.reusable);
}

#[actix_rt::test]
async fn an_unread_response_frees_its_connection_if_it_is_here_whole() {
    let chunks = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n");
    for (response, complete, reusable) in [
        (format!("{OK}Content-Length: 5\r\n\r\nhello"), true, true),
        (format!("{OK}Content-Length: 5\r\n\r\nhell"), false, false),
        (format!("{OK}Content-Length: 5\r\n\r\nhelloX"), true, false),
        (format!("{chunks}0\r\n\r\n"), true, true),
        (format!("{chunks}0\r\n\r\nX"), true, false),
        (format!("{chunks}0\r\n"), false, false),
        (format!("{OK}\r\nhello"), false, false),
    ] {
        let (near, mut far) = narrow_pair().await;
        let mut connection = connection(Socket::Tcp(near));
        let progress = begin(&mut connection, b"");
        far.write_all(response.as_bytes()).await.expect("written");
        poll_fn(|cx| connection.poll_first_bytes(cx))
            .await
            .expect("bytes");
        assert_eq!(read_status(&mut connection).await, Ok(200));
        assert_eq!(progress.get().complete, complete, "{response:?}");
        connection.release();
        assert_eq!(connection.is_reusable(), reusable, "{response:?}");
    }
}

#[actix_rt::test]
async fn bytes_after_a_response_end_the_connection() {
    for response in [
        format!("{OK}Content-Length: 5\r\n\r\nhelloHTTP/1.1 200"),
        format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nH"),
        "HTTP/1.1 204 No Content\r\n\r\nhello".to_owned(),
    ] {
        let outcome = outcome(response.as_bytes(), response.len(), false).await;
        assert!(
            outcome.failure.is_none() && !outcome.reusable,
            "{outcome:?}"
        );
    }
}

#[actix_rt::test]
async fn an_early_end_is_distinguished_from_an_end() {
    for (response, cause) in [
        ("", Cause::ClosedBeforeHead),
        ("HTTP/1.1 100 Continue\r\n\r\n", Cause::ClosedBeforeHead),
        ("HTTP/1.1 200 OK\r\n", Cause::ClosedInHead),
    ] {
        let outcome = outcome(response.as_bytes(), 9, true).await;
        assert_eq!(outcome.status, Err(cause), "{response:?}");
    }
    for lines in [
        "Content-Length: 9\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
    ] {
        let response = format!("{OK}{lines}");
        let outcome = outcome(response.as_bytes(), response.len(), true).await;
        let expected = Outcome {
            failure: Some(Cause::Truncated),
            ..whole("hello", false)
        };
        assert_eq!(outcome, expected, "{lines}");
    }
}
