//! Responses made to be expensive for the cache: slow to judge, or not read when they are served.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::support::{
    Client, Process, Upstream,
    caching::{Ask, JSON, playing, status},
    eventually,
    routing::{LAST, STREAM, chunk, raw_response},
};

const MEGABYTE: usize = 1 << 20;

/// A client that takes next to nothing before it reads.
fn narrow(gateway: SocketAddr) -> Client {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(64 << 10).expect("a size");
    socket
        .connect(&gateway.into())
        .expect("the gateway accepts");
    Client::on(socket.into())
}

#[test]
fn a_client_that_does_not_read_a_stored_response_holds_little_memory() {
    const READERS: usize = 16;
    let body = format!(r#"{{"choices":[],"x":"{}"}}"#, "x".repeat(6 * MEGABYTE));
    let upstream = playing(raw_response("200 OK", JSON, &body));
    let process = Process::serving("cache-idle-readers", "workers: 1\n");
    let ask = Ask::of(&upstream).text();
    assert_eq!(status(&process.exchange(&ask)), "MISS");
    let hit = process.exchange(&ask);
    assert_eq!((status(&hit), hit.text() == body), ("HIT", true));
    let before = process.memory();
    let mut readers: Vec<Client> = (0..READERS).map(|_| narrow(process.address)).collect();
    for reader in &mut readers {
        reader.send(&ask);
        assert!(reader.head().contains("HIT"));
    }
    // One more goes all the way, so that what the others have has been written.
    assert_eq!(status(&process.exchange(&ask)), "HIT");
    let grown = process.memory().saturating_sub(before);
    assert!(grown < 8 * MEGABYTE as u64, "{grown} bytes more");
    let late = readers.pop().expect("one of them").take(body.len());
    assert!(
        late == body.as_bytes(),
        "all of it is there for who reads late"
    );
}

/// Compressed, of which nothing comes.
fn empty_members(bytes: usize) -> Vec<u8> {
    let member = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let body = member.repeat(bytes / member.len());
    let head = format!(
        "HTTP/1.1 200 OK\r\n{JSON}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// The longest that the health page took to respond while this response comes.
fn slowest_while(raw: &[u8]) -> Duration {
    let raw = raw.to_vec();
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            peer.send(&raw);
        }
    });
    let process = Process::serving("cache-hard-responses", "workers: 1\n");
    let mut asking = process.client();
    asking.send(Ask::of(&upstream).text());
    let asked = std::thread::spawn(move || asking.response().status);
    let mut slowest = Duration::ZERO;
    let mut prober = process.client();
    let mut looks = 0;
    // One look after another without a pause would leave the response no time of the machine's.
    eventually("the response has come", || {
        let begun = Instant::now();
        prober.send("GET /gateway/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(prober.response().status, 200);
        slowest = slowest.max(begun.elapsed());
        looks += 1;
        asked.is_finished() && looks > 20
    });
    assert_eq!(asked.join().expect("no panic"), 200);
    slowest
}

#[test]
fn a_response_that_is_slow_to_judge_delays_no_other_request() {
    let lists = format!("data: {{\"choices\":[{}[]]}}\n\n", "[],".repeat(300_000));
    let events = format!("{STREAM}{}{LAST}", chunk(&lists).repeat(4));
    for (name, raw) in [
        ("large events", events.into_bytes()),
        ("nothing comes of it", empty_members(7 * MEGABYTE)),
    ] {
        // On a busy machine a look may be slow for other reasons.
        let slowest = (0..3).map(|_| slowest_while(&raw)).min();
        assert!(
            slowest.is_some_and(|it| it < Duration::from_millis(250)),
            "{name}: {slowest:?}"
        );
    }
}
