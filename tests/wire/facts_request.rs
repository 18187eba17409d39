//! What the client library does as it ships, and what the gateway does instead. This file: the request, on its way and on
//! the wire.

use std::{
    io::Write as _,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use actix_http::{
    RequestHead, Uri,
    body::{BodyStream, SizedStream},
    header::{HeaderName, HeaderValue},
};
use actix_service::Service as _;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::oneshot;

use crate::support::{
    Gateway, Upstream,
    client::End,
    gateway::{get, head},
    stock::{self, Seen},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Twenty megabytes.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 320;

type Piece = Result<Bytes, std::io::Error>;

fn pieces() -> impl futures_util::Stream<Item = Piece> {
    stream::iter((0..PIECES).map(|_| Ok(Bytes::from(vec![b'x'; PIECE]))))
}

/// Sends back what it reads, piece by piece.
fn echoing() -> Upstream {
    Upstream::playing(|peer| {
        peer.head();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            PIECE * PIECES
        ));
        for _ in 0..PIECES {
            let Some(piece) = peer.take(PIECE) else {
                return;
            };
            peer.send(piece);
        }
    })
}

#[test]
fn a_large_echo_stands_still_in_stock_and_flows_through_us() {
    let upstream = echoing();
    let seen = stock::run(async {
        let body = SizedStream::new((PIECE * PIECES) as u64, pieces());
        stock::seen(stock::client().post(upstream.url()).send_body(body)).await
    });
    assert_eq!(seen, Seen::NoHead);

    let upstream = echoing();
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = format!("Content-Length: {}\r\n", PIECE * PIECES);
    client.send(head("POST", "/v1/echo", &upstream, &lines));
    let mut writing = client.stream.try_clone().expect("a socket");
    let writer =
        thread::spawn(move || (0..PIECES).all(|_| writing.write_all(&[b'x'; PIECE]).is_ok()));
    let response = client.response();
    assert_eq!(
        (response.body.len(), response.end),
        (PIECE * PIECES, End::Complete)
    );
    assert!(writer.join().expect("no panic"));
}

/// Refuses after the first piece and reads no more.
fn refusing() -> Upstream {
    Upstream::playing(|peer| {
        peer.head();
        peer.take(PIECE);
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big");
        thread::sleep(Duration::from_secs(3));
    })
}

#[test]
fn an_early_refusal_is_not_seen_by_stock_and_passed_on_at_once_by_us() {
    let upstream = refusing();
    let seen = stock::run(async {
        let body = SizedStream::new((PIECE * PIECES) as u64, pieces());
        stock::seen(stock::client().post(upstream.url()).send_body(body)).await
    });
    assert_eq!(seen, Seen::NoHead);

    let upstream = refusing();
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = format!("Content-Length: {}\r\n", PIECE * PIECES);
    let start = Instant::now();
    client.send(head("POST", "/v1/x", &upstream, &lines));
    client.send(vec![b'x'; 2 * PIECE]);
    assert_eq!(stock::of(&client.response()), Seen::whole(413, "too big"));
    assert!(start.elapsed() < Duration::from_secs(1));
}

/// Says when the first chunk is there, and answers when it has the last.
fn telling() -> (Upstream, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        if peer.take("1\r\na\r\n".len()).is_some() {
            let _ = tell.lock().expect("no panic").send(());
        }
        peer.take("1\r\nb\r\n0\r\n\r\n".len());
        peer.send(OK);
    });
    (upstream, told)
}

#[test]
fn a_small_chunk_waits_for_the_end_in_stock_and_leaves_at_once_with_us() {
    let (upstream, told) = telling();
    let (go, gone) = oneshot::channel();
    let watcher = thread::spawn(move || {
        let early = told.recv_timeout(stock::STUCK / 2).is_ok();
        let _ = go.send(());
        early
    });
    let seen = stock::run(async {
        let second = async {
            let _ = gone.await;
            Piece::Ok(Bytes::from_static(b"b"))
        };
        let first = stream::iter([Piece::Ok(Bytes::from_static(b"a"))]);
        let body = futures_util::StreamExt::chain(first, stream::once(Box::pin(second)));
        stock::seen(
            stock::client()
                .post(upstream.url())
                .send_body(BodyStream::new(body)),
        )
        .await
    });
    assert_eq!(seen, Seen::whole(200, "ok"));
    assert!(
        !watcher.join().expect("no panic"),
        "stock has sent the first chunk early"
    );

    let (upstream, told) = telling();
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head(
        "POST",
        "/v1/x",
        &upstream,
        "Transfer-Encoding: chunked\r\n",
    ));
    client.send("1\r\na\r\n");
    told.recv().expect("the first chunk arrives alone");
    client.send("1\r\nb\r\n0\r\n\r\n");
    assert_eq!(stock::of(&client.response()), Seen::whole(200, "ok"));
}

#[test]
fn repeated_headers_are_one_in_stock_s_copy_of_a_request() {
    let upstream = Upstream::answering(OK);
    stock::run(async {
        let mut head = RequestHead::default();
        for value in ["a", "b"] {
            let name = HeaderName::from_static("anthropic-beta");
            head.headers.append(name, HeaderValue::from_static(value));
        }
        let request = stock::client().request_from(upstream.url(), &head);
        assert_eq!(stock::seen(request.send()).await, Seen::whole(200, "ok"));
    });
    assert_eq!(upstream.request().matches("anthropic-beta: ").count(), 1);

    let upstream = Upstream::answering(OK);
    let lines = "anthropic-beta: a\r\nx: y\r\nanthropic-beta: b\r\n";
    let response = Gateway::start().exchange(head("GET", "/v1/models", &upstream, lines));
    assert_eq!(response.status, 200);
    let request = upstream.request();
    let betas = request
        .lines()
        .filter_map(|line| line.strip_prefix("anthropic-beta: "));
    assert_eq!(betas.collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn stock_adds_a_date_and_a_length_of_nothing_and_we_do_not() {
    let upstream = Upstream::answering(OK);
    assert_eq!(stock::get(&upstream.url()), Seen::whole(200, "ok"));
    let request = upstream.request().to_ascii_lowercase();
    assert!(request.contains("\r\ndate: "), "{request}");
    assert!(request.contains("\r\ncontent-length: 0\r\n"), "{request}");

    let upstream = Upstream::answering(OK);
    assert_eq!(stock::ours(&get(&upstream)), Seen::whole(200, "ok"));
    let host = upstream.address;
    let expected = format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\n\r\n");
    assert_eq!(upstream.request(), expected, "nothing is added");
}

/// A stock client whose connections all lead to `upstream`, whatever the URL says.
fn diverted(upstream: &Upstream) -> awc::Client {
    let address = upstream.address;
    let connector = actix_service::fn_service(
        move |info: actix_tls::connect::ConnectInfo<Uri>| async move {
            let stream = tokio::net::TcpStream::connect(address).await;
            let stream = stream.map_err(actix_tls::connect::ConnectError::Io)?;
            Ok(actix_tls::connect::Connection::new(
                info.request().clone(),
                stream,
            ))
        },
    );
    let connector = awc::Connector::new().connector(actix_service::boxed::rc_service(connector));
    awc::Client::builder().connector(connector).finish()
}

#[test]
fn stock_leaves_443_out_of_the_host_of_a_plain_url() {
    let upstream = Upstream::answering(OK);
    let seen = stock::run(async {
        let request = diverted(&upstream).get("http://llm.test:443/");
        stock::seen(request.send()).await
    });
    assert_eq!(seen, Seen::whole(200, "ok"));
    assert!(
        upstream
            .request()
            .to_ascii_lowercase()
            .contains("\r\nhost: llm.test\r\n")
    );
    for (url, host) in [
        ("http://llm.test:443/v1", "llm.test:443"),
        ("https://llm.test:80/v1", "llm.test:80"),
        ("http://llm.test:80/v1", "llm.test"),
        ("https://llm.test:443/v1", "llm.test"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
    ] {
        let base = throughway::egress::BaseUrl::parse(url).expect("a base URL");
        assert_eq!(base.authority(), host, "{url}");
    }
}

#[test]
fn stock_does_not_turn_nagle_s_algorithm_off() {
    let upstream = Upstream::answering(OK);
    let nodelay = stock::run(async {
        let uri: Uri = upstream.url().parse().expect("a URL");
        let info = actix_tls::connect::ConnectInfo::with_addr(uri, upstream.address);
        let connector = actix_tls::connect::Connector::default().service();
        let connected = connector.call(info).await.expect("connected");
        connected.io_ref().nodelay().expect("a socket")
    });
    assert!(!nodelay);
}

#[test]
fn small_writes_are_not_held_back_in_either_direction() {
    // Nagle's algorithm with delayed acknowledgements costs 40 ms wherever two small writes follow each other.
    const ROUNDS: u32 = 25;
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while peer.take("1\r\nx\r\n1\r\ny\r\n".len()).is_some() {
            peer.send("1\r\na\r\n");
            peer.send("1\r\nb\r\n");
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(head(
        "POST",
        "/v1/x",
        &upstream,
        "Transfer-Encoding: chunked\r\n",
    ));
    client.head();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        client.send("1\r\nx\r\n");
        client.send("1\r\ny\r\n");
        let mut got = Vec::new();
        // Chunk boundaries are not kept.
        while !got.ends_with(b"b\r\n") {
            got.extend(client.take(1));
        }
    }
    let each = start.elapsed() / ROUNDS;
    assert!(each < Duration::from_millis(20), "{each:?} for each round");
}
