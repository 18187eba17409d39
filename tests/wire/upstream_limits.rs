//! How many upstreams and streams there may be at once, and what stays open after them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::support::{Gateway, Upstream, eventually, gateway::get};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Responds on every address of the loopback network, and counts the connections that are open.
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

/// Begins a response and never ends it.
fn endless() -> Upstream {
    Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        peer.closed_after();
    })
}

#[test]
fn a_hundred_and_fifty_streams_at_once_pass_through_us() {
    let upstream = endless();
    let gateway = Gateway::start();
    let mut clients: Vec<_> = (0..150).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(get(&upstream));
    }
    for client in &mut clients {
        assert!(client.head().starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(upstream.connections(), 150);
}
