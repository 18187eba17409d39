//! Gateways whose default targets lead back to themselves through others: the loop is found without
//! `via` after few connections, and an honest chain of gateways is not taken for one.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Barrier, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::support::{Gateway, Upstream, message::bare};

/// So many connections are passed on; a loop that is not found ends with them.
const MOST: usize = 300;

/// Passes bytes to a gateway that does not listen yet.
struct Relay {
    front: Upstream,
    behind: Arc<OnceLock<SocketAddr>>,
}

impl Relay {
    fn new() -> Self {
        let behind = Arc::new(OnceLock::<SocketAddr>::new());
        let to = behind.clone();
        let front = Upstream::playing(move |peer| {
            if peer.number > MOST {
                return;
            }
            let Some(far) = to.get().and_then(|to| TcpStream::connect(to).ok()) else {
                return;
            };
            let mut down = (far.try_clone(), peer.stream.try_clone());
            thread::spawn(move || {
                if let (Ok(from), Ok(to)) = (&mut down.0, &mut down.1) {
                    let _ = io::copy(from, to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                }
            });
            let _ = io::copy(&mut peer.stream, &mut &far);
            let _ = far.shutdown(std::net::Shutdown::Both);
        });
        Relay { front, behind }
    }
}

/// What the settings say of the next gateway.
type Leading<'a> = &'a dyn Fn(&str) -> String;

fn leading_to(url: &str) -> String {
    format!("default_target: \"{url}/v1\"\n")
}

/// Gateways in a circle; the requests of the first pass the relay.
fn circle(count: usize, settings: impl Fn(&str) -> String) -> (Vec<Gateway>, Relay) {
    let relay = Relay::new();
    let mut gateways = vec![Gateway::with(&settings(&relay.front.url()))];
    for _ in 1..count {
        let next = gateways.last().map(|it| it.address);
        let url = format!("http://{}", next.expect("a gateway"));
        gateways.push(Gateway::with(&settings(&url)));
    }
    let last = gateways.last().expect("a gateway").address;
    relay.behind.set(last).expect("not yet set");
    (gateways, relay)
}

#[test]
fn a_circle_of_default_targets_ends_with_a_508_after_few_connections() {
    let by_config = |url: &str| {
        format!("default_config: next\nconfigs: {{ next: {{ custom_host: \"{url}/v1\" }} }}\n")
    };
    let forwarding = |url: &str| format!("{}x_forwarded_for: true\n", leading_to(url));
    let growing = |url: &str| format!("default_target: \"{url}/v1/and\"\n");
    let twice = |url: &str| {
        let target = format!("{{ custom_host: \"{url}/v1\" }}");
        format!(
            "default_config: next\nconfigs: {{ next: {{ strategy: {{ mode: fallback }}, \
             targets: [{target}, {target}] }} }}\n"
        )
    };
    let by_endpoint =
        |url: &str| format!("endpoints: [{{ path: /v1/x, target: \"{url}/v1/x\" }}]\n");
    let kinds: [(&str, usize, Leading<'_>); 7] = [
        ("two", 2, &leading_to),
        ("three", 3, &leading_to),
        ("by default_config", 2, &by_config),
        ("by an endpoint", 2, &by_endpoint),
        ("with fallbacks", 2, &twice),
        ("with headers that grow", 2, &forwarding),
        ("with paths that grow", 2, &growing),
    ];
    for (what, count, settings) in kinds {
        let (gateways, relay) = circle(count, settings);
        let request = "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
        for round in 0..3 {
            let response = gateways[0].exchange(request);
            let seen = (response.status, response.error());
            // The gateways that the refusal passes on its way relay it.
            assert_eq!(seen, (508, None), "{what}: {round}");
            assert!(response.text().contains("loop_detected"), "{what}: {round}");
        }
        let connections = relay.front.connections();
        assert!(connections < 100, "{what}: {connections} connections");
    }
}

#[test]
fn a_chain_of_gateways_is_no_loop_and_adds_nothing() {
    let upstream = Upstream::ok();
    let last = Gateway::with(&leading_to(&upstream.url()));
    let first = Gateway::with(&leading_to(&format!("http://{}", last.address)));
    for _ in 0..200 {
        assert_eq!(
            first.exchange(bare("GET", "/v1/x", "X-A: b\r\n")).status,
            200
        );
    }
    for request in upstream.requests() {
        let request = String::from_utf8_lossy(&request).to_lowercase();
        let lines: Vec<&str> = request.lines().filter(|line| !line.is_empty()).collect();
        let host = format!("host: {}", upstream.address);
        assert_eq!(lines, ["get /v1/x http/1.1", &host, "x-a: b"]);
    }
}

#[test]
fn many_waiting_requests_are_no_loop() {
    const AT_ONCE: usize = 150;
    let together = Arc::new(Barrier::new(AT_ONCE));
    let marked = Arc::new(AtomicUsize::new(0));
    let (all, count) = (together.clone(), marked.clone());
    let upstream = Upstream::playing(move |peer| {
        let head = peer.request().unwrap_or_default();
        let head = String::from_utf8_lossy(&head).to_lowercase();
        if head.contains("\r\nvia: 1.1 throughway-") {
            count.fetch_add(1, Ordering::SeqCst);
        }
        all.wait();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    let last = Gateway::with(&leading_to(&upstream.url()));
    let first = Gateway::with(&leading_to(&format!("http://{}", last.address)));
    let mut clients: Vec<_> = (0..AT_ONCE).map(|_| first.client()).collect();
    for client in &mut clients {
        client.send(bare("GET", "/v1/x", ""));
    }
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    assert!(marked.load(Ordering::SeqCst) > 0, "no request was marked");
}

/// Responds with the `Via` it was sent; for `/together`, once `at_once` requests came.
fn showing_via(at_once: usize) -> Upstream {
    let together = Barrier::new(at_once);
    Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            let request = String::from_utf8_lossy(&request).to_lowercase();
            if request.contains("/together") {
                together.wait();
            }
            let via = request.lines().find_map(|line| line.strip_prefix("via: "));
            let via = via.unwrap_or("none");
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{via}",
                via.len()
            ));
        }
    })
}

#[test]
fn a_loop_mark_that_was_seen_cannot_be_used_against_others() {
    const AT_ONCE: usize = 66;
    let upstream = showing_via(AT_ONCE);
    let gateway = Gateway::with(&leading_to(&upstream.url()));
    let request = |path: &str, lines: &str, body: &str| {
        let length = body.len();
        format!(
            "POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\n{lines}\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let mut clients: Vec<_> = (0..AT_ONCE).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(request("together", "", "{}"));
    }
    let seen: Vec<_> = clients.iter_mut().map(|it| it.response().text()).collect();
    let mark = seen.iter().find(|it| *it != "none").expect("a mark");
    let forged = format!("Via: {mark}, {mark}\r\n");
    for (body, status) in [("{\"a\":1}", 200), ("{}", 508)] {
        let response = gateway.exchange(request("x", &forged, body));
        assert_eq!(response.status, status, "{body}");
    }
    for length in 10..20 {
        let response = gateway.exchange(request("x", "", &"1".repeat(length)));
        assert_eq!(response.text(), "none", "{length}");
    }
}
