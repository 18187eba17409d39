//! How the gateway stops: readiness turns off, it accepts connections during the delay, closes idle
//! ones, lets requests finish within the budget, and aborts the rest.

use std::{
    io::Read,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Client, Gateway, Process, Upstream,
    client::End,
    eventually,
    gateway::{get, head},
    let_pass,
};

const READY: &str = "GET /gateway/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn ok() -> Upstream {
    Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}

fn refuses(address: std::net::SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}

#[test]
fn while_the_delay_runs_readiness_says_503_and_requests_are_served() {
    let upstream = ok();
    let mut gateway = Gateway::with("drain: { delay: 1s }");
    let mut old = gateway.client();
    old.send(READY);
    assert_eq!(old.response().status, 200);
    let start = Instant::now();
    gateway.begin_drain();
    eventually("readiness is off", || {
        old.send(READY);
        let response = old.response();
        assert_eq!(response.header("connection"), None, "{}", response.head);
        response.status == 503
    });
    let response = gateway.exchange(get(&upstream));
    assert_eq!(
        (response.status, response.header("connection")),
        (200, None)
    );
    old.send(get(&upstream));
    assert_eq!(old.response().text(), "ok");
    assert!(
        start.elapsed() < Duration::from_millis(900),
        "a slow machine"
    );
    let address = gateway.address;
    assert!(old.is_closed(), "the idle connection closes");
    eventually("the listener is closed", || refuses(address));
    assert!(start.elapsed() >= Duration::from_secs(1));
    gateway.wait();
}

#[test]
fn an_idle_gateway_ends_at_once() {
    let mut gateway = Gateway::start();
    let start = Instant::now();
    gateway.begin_drain();
    gateway.wait();
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[test]
fn idle_connections_are_closed_and_the_gateway_ends_soon() {
    let mut gateway = Gateway::start();
    let mut clients: Vec<Client> = (0..5).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(READY);
        assert_eq!(client.response().status, 200);
    }
    let start = Instant::now();
    gateway.begin_drain();
    assert!(clients.iter_mut().all(Client::is_closed));
    gateway.wait();
    assert!(start.elapsed() < Duration::from_millis(2500));
}

#[test]
fn running_requests_finish_and_their_responses_say_close() {
    let (tell, told) = mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        let _ = told.lock().map(|told| told.recv());
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let streaming = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..15 {
            peer.send("5\r\nhello\r\n");
            peer.pause(Duration::from_millis(100));
        }
        peer.send("0\r\n\r\n");
    });
    let mut gateway = Gateway::start();
    let (mut waiting, mut stream) = (gateway.client(), gateway.client());
    waiting.send(get(&upstream));
    stream.send(get(&streaming));
    let streamed = stream.head();
    assert!(streamed.starts_with("HTTP/1.1 200 "));
    eventually("the request waits", || upstream.connections() == 1);
    let address = gateway.address;
    gateway.begin_drain();
    eventually("the listener is closed", || refuses(address));
    // What still runs must not be cut meanwhile.
    let_pass(Duration::from_millis(300));
    let _ = tell.send(());
    let response = waiting.response();
    assert_eq!(
        (
            response.text().as_str(),
            response.end,
            response.header("connection")
        ),
        ("ok", End::Complete, Some("close"))
    );
    assert!(waiting.is_closed());
    let body = stream.take(15 * 10 + 5);
    assert!(body.ends_with(b"hello\r\n0\r\n\r\n"));
    assert!(stream.is_closed());
    gateway.wait();
}

#[test]
fn what_outlasts_the_budget_is_cut_short() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        peer.closed_after();
    });
    let until_close = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
        peer.closed_after();
    });
    let mut gateway = Gateway::with("drain: { budget: 1s }");
    let (mut new, mut old) = (gateway.client(), gateway.client());
    new.send(get(&upstream));
    old.send(get(&until_close).replace("HTTP/1.1", "HTTP/1.0"));
    old.head();
    assert_eq!(old.take(5), b"hello");
    eventually("both run", || upstream.connections() == 1);
    let start = Instant::now();
    gateway.begin_drain();
    let response = new.response();
    assert_eq!(
        (response.text().as_str(), response.end),
        ("hello", End::CutShort)
    );
    let mut rest = Vec::new();
    let end = old.stream.read_to_end(&mut rest);
    assert!(end.is_err(), "an HTTP/1.0 client saw a clean end");
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(1), "after {took:?}");
    assert!(took < Duration::from_millis(3500), "after {took:?}");
    gateway.wait();
}

/// Requests on connections that the gateway has not announced to close all get a response. Only a
/// new connection may be refused, or reset in the listener's queue.
#[test]
fn under_load_no_request_is_lost() {
    let upstream = ok();
    let mut gateway = Gateway::with("drain: { delay: 300ms }");
    let address = gateway.address;
    let (served, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let down = Arc::new(AtomicBool::new(false));
    let request = head("POST", "/v1/x", &upstream, "Content-Length: 5\r\n") + "hello";
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let (served, lost) = (served.clone(), lost.clone());
            let (down, request) = (down.clone(), request.clone());
            thread::spawn(move || load(address, &request, &served, &lost, &down))
        })
        .collect();
    eventually("the load is on", || served.load(Ordering::SeqCst) > 500);
    gateway.begin_drain();
    gateway.wait();
    down.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("a client");
    }
    assert_eq!(lost.load(Ordering::SeqCst), 0, "requests lost");
}

/// One client: keeps its connection until a response says close, and counts requests without a
/// response on connections that had carried one before.
fn load(
    address: std::net::SocketAddr,
    request: &str,
    served: &AtomicUsize,
    lost: &AtomicUsize,
    down: &AtomicBool,
) {
    while !down.load(Ordering::SeqCst) {
        let Ok(stream) = TcpStream::connect(address) else {
            return;
        };
        let mut client = Client::on(stream);
        let mut answered = 0;
        loop {
            client.send(request);
            if client.fill().is_err() {
                if answered > 0 {
                    lost.fetch_add(1, Ordering::SeqCst);
                }
                break;
            }
            let response = client.response();
            if (response.status, response.end) != (200, End::Complete) {
                lost.fetch_add(1, Ordering::SeqCst);
            }
            answered += 1;
            served.fetch_add(1, Ordering::SeqCst);
            if response.header("connection") == Some("close") {
                break;
            }
        }
    }
}

fn stream() -> Upstream {
    Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        peer.closed_after();
    })
}

#[test]
fn a_process_told_to_end_finishes_what_runs_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let upstream = Upstream::playing(|peer| {
            peer.request();
            peer.pause(Duration::from_millis(500));
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        let mut gateway = Process::serving(&format!("drain-{signal}"), "");
        let mut client = gateway.client();
        client.send(get(&upstream));
        eventually("the request waits", || upstream.connections() == 1);
        gateway.signal(signal);
        assert_eq!(client.response().text(), "ok", "{signal}");
        assert_eq!(gateway.ended().code(), Some(0), "{signal}");
    }
}

#[test]
fn signals_by_which_other_servers_reopen_logs_end_nothing() {
    let upstream = Upstream::ok();
    let mut gateway = Process::serving("drain-reopen", "");
    gateway.signal("USR1");
    eventually("it is told", || {
        gateway.log().contains("\"signal\":\"SIGUSR1\"")
    });
    assert_eq!(gateway.exchange(get(&upstream)).status, 200);
    gateway.signal("TERM");
    assert_eq!(gateway.ended().code(), Some(0));
}

#[test]
fn a_budget_that_runs_out_is_no_failure_of_the_process() {
    let upstream = stream();
    let mut gateway = Process::serving("drain-budget", "drain: { budget: 1s }");
    let mut client = gateway.client();
    client.send(get(&upstream));
    client.head();
    gateway.signal("TERM");
    assert_eq!(gateway.ended().code(), Some(0));
    let mut rest = Vec::new();
    let _ = client.stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let upstream = stream();
    let mut gateway = Process::serving("drain-twice", "");
    let mut client = gateway.client();
    client.send(get(&upstream));
    client.head();
    gateway.signal("TERM");
    let address = gateway.address;
    eventually("it drains", || refuses(address));
    let start = Instant::now();
    gateway.signal("TERM");
    gateway.ended();
    assert!(start.elapsed() < Duration::from_secs(1));
    let mut rest = Vec::new();
    let _ = client.stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_stream_that_breaks_off_while_draining_is_reset() {
    // Node's fetch takes a plain close for the end of chunks once the head said `connection:
    // close`.
    let upstream = Upstream::playing(|peer| {
        peer.request();
        // Workers learn within a quarter of a second that the gateway comes down.
        peer.pause(Duration::from_millis(600));
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    let mut gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(get(&upstream));
    eventually("the request is on its way", || upstream.connections() == 1);
    gateway.begin_drain();
    let response = client.response();
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(
        (response.text().as_str(), response.end),
        ("hello", End::Reset)
    );
    gateway.wait();
}
