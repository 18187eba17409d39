//! How long and how many idle upstream connections are kept.

use std::{
    sync::{Arc, Barrier, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Gateway, Response, Upstream,
    client::End,
    eventually,
    gateway::{get, head},
    let_pass,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[track_caller]
fn assert_body(response: &Response, body: &str) {
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (200, body.to_owned(), End::Complete));
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let (closed, told) = mpsc::channel();
    let closed = Mutex::new(closed);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(OK);
        let _ = closed.lock().expect("no panic").send(peer.closed_after());
    });
    let gateway = Gateway::with("upstream: { keepalive: 300ms }");
    assert_body(&gateway.exchange(get(&upstream)), "ok");
    let idle = told.recv().expect("closed").expect("not still open");
    // Looked for once a second.
    assert!(
        idle > Duration::from_millis(250) && idle < Duration::from_millis(2500),
        "{idle:?}"
    );
}

#[test]
fn a_keep_alive_of_zero_keeps_no_connection() {
    let upstream = Upstream::responding(OK);
    let gateway = Gateway::with("upstream: { keepalive: 0s }");
    for number in 1..4 {
        assert_body(&gateway.exchange(get(&upstream)), "ok");
        assert_eq!(upstream.connections(), number);
    }
}

/// How many connections two requests take, with this pause between them.
fn connections_of_two(gateway: &Gateway, upstream: &Upstream, pause: Duration) -> usize {
    let before = upstream.connections();
    assert_body(&gateway.exchange(get(upstream)), "ok");
    let_pass(pause);
    assert_body(&gateway.exchange(get(upstream)), "ok");
    upstream.connections() - before
}

#[test]
fn a_connection_rests_no_longer_than_the_upstreams_keep_alive_line_says() {
    let pause = Duration::from_millis(1600);
    for (line, connections) in [
        ("", 1),
        ("Keep-Alive: timeout=5, max=1000\r\n", 1),
        ("Keep-Alive: timeout=2\r\n", 2),
        ("keep-alive: max=5, timeout=1\r\n", 2),
        ("Keep-Alive: timeout=0\r\n", 2),
    ] {
        let upstream = Upstream::responding(format!(
            "HTTP/1.1 200 OK\r\n{line}Content-Length: 2\r\n\r\nok"
        ));
        let gateway = Gateway::start();
        let seen = connections_of_two(&gateway, &upstream, pause);
        assert_eq!(seen, connections, "{line:?}");
    }
}

#[test]
fn an_origin_that_closed_early_is_left_before_it_closes_again() {
    // The first connection is closed after a second, all others never.
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.send(OK);
            if peer.number == 1 {
                peer.pause(Duration::from_secs(1));
                return;
            }
        }
    });
    let gateway = Gateway::with("upstream: { keepalive: 1m }");
    assert_body(&gateway.exchange(get(&upstream)), "ok");
    // Closed after one second, and noticed within another.
    let_pass(Duration::from_millis(2500));
    let pause = Duration::from_millis(1500);
    assert_eq!(connections_of_two(&gateway, &upstream, pause), 2);
    let soon = Duration::from_millis(100);
    assert_eq!(connections_of_two(&gateway, &upstream, soon), 0, "the last");
    let other = Upstream::responding(OK);
    assert_eq!(connections_of_two(&gateway, &other, pause), 1);
}

#[test]
fn by_default_six_hundred_requests_at_once_leave_their_connections_to_the_next() {
    const CLIENTS: usize = 600;
    let all = Arc::new(Barrier::new(CLIENTS));
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            all.wait();
            peer.send(OK);
        }
    });
    let gateway = Gateway::start();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| gateway.client()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            client.send(get(&upstream));
        }
        for client in &mut clients {
            assert_body(&client.response(), "ok");
        }
    }
    assert_eq!(upstream.connections(), CLIENTS);
}

#[test]
fn five_hundred_posts_as_old_as_the_upstreams_keep_alive_meet_no_closing_connection() {
    const THREADS: usize = 20;
    const EACH: usize = 25;
    // As uvicorn does by default.
    let upstream = Upstream::playing(|peer| {
        let keep_alive = Some(Duration::from_secs(5));
        peer.stream.set_read_timeout(keep_alive).expect("a socket");
        while peer.request().is_some() {
            peer.send(OK);
        }
    });
    let gateway = Gateway::with("upstream: { max_idle_per_host: 600 }");
    let request = head(
        "POST",
        "/v1/chat/completions",
        &upstream,
        "Content-Length: 0\r\n",
    );
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut clients: Vec<_> = (0..EACH).map(|_| gateway.client()).collect();
                for client in &mut clients {
                    client.send(&request);
                }
                let mut used = Vec::new();
                for client in &mut clients {
                    assert_body(&client.response(), "ok");
                    used.push(Instant::now());
                }
                for (number, client) in clients.iter_mut().enumerate() {
                    let age = Duration::from_millis(4800 + 400 * number as u64 / EACH as u64);
                    let_pass((used[number] + age).saturating_duration_since(Instant::now()));
                    client.send(&request);
                    assert_body(&client.response(), "ok");
                }
            });
        }
    });
    assert_eq!(upstream.requests().len(), 2 * THREADS * EACH);
}

#[test]
fn a_pool_has_room_for_so_many_connections_of_a_host_and_closes_the_rest() {
    let (arrived, told) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let (go, waiting) = mpsc::channel::<()>();
    let waiting = Mutex::new(waiting);
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            let _ = arrived.lock().expect("no panic").send(());
            let _ = waiting.lock().expect("no panic").recv();
            peer.send(OK);
        }
    });
    let gateway = Gateway::with("upstream: { max_idle_per_host: 2 }");
    let round = |connections: usize| {
        let mut clients: Vec<_> = (0..4).map(|_| gateway.client()).collect();
        for client in &mut clients {
            client.send(get(&upstream));
        }
        for _ in 0..4 {
            told.recv().expect("arrived");
        }
        for _ in 0..4 {
            go.send(()).expect("waiting");
        }
        for client in &mut clients {
            assert_body(&client.response(), "ok");
        }
        eventually("counted", || upstream.connections() == connections);
    };
    round(4);
    round(6);
}
