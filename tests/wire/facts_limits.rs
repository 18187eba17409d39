//! What the client library does as it ships, and what the gateway does instead. This file: timers, limits, what is left open.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_http::body::BodyStream;
use bytes::Bytes;
use futures_util::stream;

use crate::support::{
    Gateway, Upstream, eventually,
    stock::{self, Seen},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers on every address of the loopback network, and counts the connections that are open.
fn everywhere() -> (Upstream, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let counted = open.clone();
    let upstream = Upstream::on("0.0.0.0:0", move |peer| {
        counted.fetch_add(1, Ordering::SeqCst);
        while peer.request().is_some() {
            peer.send(OK);
        }
        counted.fetch_sub(1, Ordering::SeqCst);
    });
    (upstream, open)
}

/// One of many names for the same upstream.
fn address(upstream: &Upstream, number: usize) -> String {
    let (high, low) = (number / 250, number % 250 + 1);
    format!("http://127.1.{high}.{low}:{}", upstream.address.port())
}

#[test]
fn stock_leaves_an_idle_connection_open_for_each_host_it_was_sent_to() {
    const HOSTS: usize = 40;
    let (upstream, open) = everywhere();
    stock::run(async {
        let connector = awc::Connector::new().conn_keep_alive(Duration::from_millis(50));
        let client = awc::Client::builder().connector(connector).finish();
        for number in 0..HOSTS {
            let request = client.get(address(&upstream, number)).send();
            assert_eq!(stock::seen(request).await, Seen::whole(200, "ok"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(
            open.load(Ordering::SeqCst),
            HOSTS,
            "ten times the keep-alive later"
        );
    });
}

#[test]
fn two_thousand_hosts_leave_nothing_open_behind_us() {
    const HOSTS: usize = 2000;
    let (upstream, open) = everywhere();
    let gateway = Gateway::with("upstream: { keepalive: 300ms }");
    let mut client = gateway.client();
    for number in 0..HOSTS {
        client.send(format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {}/v1\r\n\r\n",
            address(&upstream, number)
        ));
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(upstream.connections(), HOSTS);
    eventually("all are closed", || open.load(Ordering::SeqCst) == 0);
}

/// Begins an answer and never ends it.
fn endless() -> Upstream {
    Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        peer.closed_after();
    })
}

#[test]
fn the_hundred_and_first_stream_of_stock_s_waits() {
    let upstream = endless();
    stock::run(async {
        let client = stock::client();
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(client.get(upstream.url()).send().await.expect("an answer"));
        }
        let one_more = stock::seen(client.get(upstream.url()).send()).await;
        assert_eq!(one_more, Seen::NoHead);
    });
}

#[test]
fn a_hundred_and_fifty_streams_at_once_pass_through_us() {
    let upstream = endless();
    let gateway = Gateway::start();
    let mut clients: Vec<_> = (0..150).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(crate::support::gateway::get(&upstream));
    }
    for client in &mut clients {
        assert!(client.head().starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(upstream.connections(), 150);
}

#[test]
fn stock_s_timeout_counts_the_upload_and_not_the_silence_of_a_body() {
    // 5 s by default; shortened here. That we have none of the kind is shown with the other timeouts.
    let client = || {
        awc::Client::builder()
            .timeout(Duration::from_millis(150))
            .finish()
    };
    let upstream = Upstream::answering(OK);
    let seen = stock::run(async {
        let slow = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
        };
        let body = BodyStream::new(stream::once(Box::pin(slow)));
        stock::seen(client().post(upstream.url()).send_body(body)).await
    });
    assert_eq!(seen, Seen::Failed, "a slow upload");

    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        peer.pause(Duration::from_millis(300));
        peer.send("world");
    });
    let seen = stock::run(async { stock::seen(client().get(upstream.url()).send()).await });
    assert_eq!(seen, Seen::whole(200, "helloworld"), "a silent body");
}
