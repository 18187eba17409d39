//! The request on its way to the upstream: both directions at once, sent as it comes, with nothing
//! added.

use std::{
    io::Write as _,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Gate, Gateway, Upstream,
    client::End,
    gateway::{get, head},
    seen::{self, Seen},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Twenty megabytes.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 320;

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
fn a_large_echo_flows_in_both_directions_at_once() {
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

/// Refuses after the first piece, reads no more, and keeps the connection until the gate opens.
fn refusing(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::playing(move |peer| {
        peer.head();
        peer.take(PIECE);
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big");
        gate.passed();
    })
}

#[test]
fn an_early_refusal_is_passed_on_at_once() {
    let gate = Gate::default();
    let upstream = refusing(&gate);
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let lines = format!("Content-Length: {}\r\n", PIECE * PIECES);
    let start = Instant::now();
    client.send(head("POST", "/v1/x", &upstream, &lines));
    client.send(vec![b'x'; 2 * PIECE]);
    assert_eq!(seen::of(&client.response()), Seen::whole(413, "too big"));
    assert!(start.elapsed() < Duration::from_secs(1));
    gate.open();
}

/// Says when the first chunk is there, and responds when it has the last.
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
fn a_small_chunk_leaves_at_once() {
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
    assert_eq!(seen::of(&client.response()), Seen::whole(200, "ok"));
}

#[test]
fn repeated_headers_stay_repeated() {
    let upstream = Upstream::responding(OK);
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
fn nothing_is_added_to_a_request() {
    let upstream = Upstream::responding(OK);
    assert_eq!(seen::fresh(&get(&upstream)), Seen::whole(200, "ok"));
    let host = upstream.address;
    let expected = format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\n\r\n");
    assert_eq!(upstream.request(), expected, "nothing is added");
}

#[test]
fn the_host_names_a_port_that_is_not_its_schemes_own() {
    for (url, host) in [
        ("http://llm.test:443/v1", "llm.test:443"),
        ("https://llm.test:80/v1", "llm.test:80"),
        ("http://llm.test:80/v1", "llm.test"),
        ("https://llm.test:443/v1", "llm.test"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
    ] {
        let base = throughway::guard::BaseUrl::parse(url).expect("a base URL");
        assert_eq!(base.authority(), host, "{url}");
    }
}

#[test]
fn small_writes_are_not_held_back_in_either_direction() {
    // Nagle's algorithm with delayed acknowledgements costs 40 ms wherever two small writes follow
    // each other.
    const ROUNDS: u32 = 25;
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut seen = Vec::new();
        while let Some(byte) = peer.take(1) {
            seen.extend(byte);
            // Chunk boundaries are not kept.
            if seen.ends_with(b"y\r\n") {
                peer.send("1\r\na\r\n");
                peer.send("1\r\nb\r\n");
            }
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
