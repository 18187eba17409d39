//! How long and how many idle upstream connections are kept.

use std::{
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Gateway, Response, Upstream,
    client::End,
    eventually,
    gateway::{get, head},
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
    let upstream = Upstream::answering(OK);
    let gateway = Gateway::with("upstream: { keepalive: 0s }");
    for number in 1..4 {
        assert_body(&gateway.exchange(get(&upstream)), "ok");
        assert_eq!(upstream.connections(), number);
    }
}

#[test]
fn five_hundred_posts_as_old_as_the_upstream_s_keep_alive_meet_no_closing_connection() {
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
                    thread::sleep((used[number] + age).saturating_duration_since(Instant::now()));
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
