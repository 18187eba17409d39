//! A client that leaves, in every phase and in every way: the upstream's connection is closed
//! within a second, and the request is counted once as `client_gone`.

use std::{
    io::Write,
    net::TcpStream,
    sync::mpsc::{self, Receiver, Sender},
    time::{Duration, Instant},
};

use crate::support::{
    Client, Gateway, PATIENCE, Peer, Upstream, eventually,
    gateway::{get, head},
};

const WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaving {
    Close,
    Reset,
    HalfClose,
}

impl Leaving {
    pub(crate) const ALL: [Leaving; 3] = [Leaving::Close, Leaving::Reset, Leaving::HalfClose];

    /// Leaves. The returned client must live as long as a half-closed connection shall stay open.
    pub(crate) fn leave(self, client: Client) -> Option<Client> {
        match self {
            Leaving::Close => drop(client),
            Leaving::Reset => client.reset(),
            Leaving::HalfClose => {
                client.finish_sending();
                return Some(client);
            }
        }
        None
    }
}

fn counted(gateway: &Gateway, outcome: &str) -> i64 {
    gateway.metric(&format!(
        "throughway_requests_total{{outcome=\"{outcome}\"}}"
    ))
}

pub(crate) fn in_flight(gateway: &Gateway) -> i64 {
    gateway.metric("throughway_requests_in_flight")
}

/// The request is counted as `client_gone` within a second of `left`, and once.
pub(crate) fn assert_counted_once(gateway: &Gateway, left: Instant, what: &str) {
    eventually("the request is counted", || {
        counted(gateway, "client_gone") == 1
    });
    let took = left.elapsed();
    assert!(took < WITHIN, "{what}: counted only after {took:?}");
    assert_eq!(in_flight(gateway), 0, "{what}");
    for outcome in ["relayed", "refused", "truncated", "aborted"] {
        assert_eq!(counted(gateway, outcome), 0, "{what}: {outcome}");
    }
}

/// An upstream that plays `script` up to the phase in question, says so, and tells when its
/// connection was closed.
struct Watched {
    upstream: Upstream,
    reached: Receiver<()>,
    closed: Receiver<Instant>,
}

fn watched(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Watched {
    let (tell_reached, reached) = mpsc::channel();
    let (tell_closed, closed): (Sender<Instant>, _) = mpsc::channel();
    let upstream = Upstream::playing(move |peer| {
        script(peer);
        let _ = tell_reached.send(());
        if peer.closed_after().is_some() {
            let _ = tell_closed.send(Instant::now());
        }
    });
    Watched {
        upstream,
        reached,
        closed,
    }
}

/// Sends `request`, leaves once the upstream is in its phase, and looks at both sides.
fn assert_noticed(
    phase: &str,
    request: impl Fn(&Upstream) -> String,
    script: impl Fn(&mut Peer) + Send + Sync + Clone + 'static,
    until: impl Fn(&mut Client),
) {
    for leaving in Leaving::ALL {
        let what = format!("{phase}, {leaving:?}");
        let watched = watched(script.clone());
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(request(&watched.upstream));
        watched.reached.recv_timeout(PATIENCE).expect(&what);
        until(&mut client);
        let left = Instant::now();
        let kept = leaving.leave(client);
        let closed = watched.closed.recv_timeout(PATIENCE).expect(&what);
        let took = closed.saturating_duration_since(left);
        assert!(took < WITHIN, "{what}: closed only after {took:?}");
        assert_counted_once(&gateway, left, &what);
        if let Some(mut client) = kept {
            assert_no_error_came(&mut client, &what);
        }
    }
}

/// A client that only half-closed sees the end of the connection, and no response made for the log.
pub(crate) fn assert_no_error_came(client: &mut Client, what: &str) {
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut client.stream, &mut rest);
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert!(!rest.contains("client_closed"), "{what}: {rest}");
    assert!(!rest.ends_with("0\r\n\r\n"), "{what}: a clean end: {rest}");
}

fn upload(upstream: &Upstream) -> String {
    head(
        "POST",
        "/v1/files",
        upstream,
        "Content-Length: 100000000\r\n",
    )
}

fn chunked_upload(upstream: &Upstream) -> String {
    head(
        "POST",
        "/v1/files",
        upstream,
        "Transfer-Encoding: chunked\r\n",
    ) + "5\r\nhello\r\n"
}

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                           Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";

#[test]
fn while_the_upstream_keeps_silent() {
    assert_noticed(
        "waiting for the head",
        get,
        |peer| drop(peer.head()),
        |_| {},
    );
}

#[test]
fn while_the_body_is_on_its_way_up() {
    assert_noticed(
        "upload with a length",
        |upstream| upload(upstream) + &"x".repeat(100_000),
        |peer| drop((peer.head(), peer.take(100_000))),
        |_| {},
    );
    assert_noticed(
        "upload in chunks",
        chunked_upload,
        |peer| drop((peer.head(), peer.take(10))),
        |_| {},
    );
}

#[test]
fn while_a_stream_is_silent() {
    assert_noticed(
        "mid-stream",
        get,
        |peer| {
            peer.head();
            peer.send(STREAM_HEAD);
        },
        |client| {
            client.head();
            client.take(10);
        },
    );
}

#[test]
fn while_a_stream_is_silent_and_the_upload_goes_on() {
    assert_noticed(
        "both ways at once",
        chunked_upload,
        |peer| {
            peer.head();
            peer.send(STREAM_HEAD);
        },
        |client| {
            client.head();
            client.take(10);
        },
    );
}

#[test]
fn while_the_upstream_floods_and_the_client_does_not_read() {
    for leaving in Leaving::ALL {
        let what = format!("flood, {leaving:?}");
        let (tell_closed, closed) = mpsc::channel();
        let (tell_blocked, blocked) = mpsc::channel();
        let upstream = Upstream::playing(move |peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
            flood(&mut peer.stream, &chunk, &tell_blocked);
            let _ = tell_closed.send(Instant::now());
        });
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(get(&upstream));
        blocked.recv_timeout(PATIENCE).expect(&what);
        let left = Instant::now();
        let kept = leaving.leave(client);
        let closed = closed.recv_timeout(PATIENCE).expect(&what);
        let took = closed.saturating_duration_since(left);
        assert!(took < WITHIN, "{what}: closed only after {took:?}");
        assert_counted_once(&gateway, left, &what);
        drop(kept);
    }
}

/// Writes until the connection breaks; says once that a write has blocked for a while.
fn flood(stream: &mut TcpStream, chunk: &[u8], blocked: &Sender<()>) {
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .expect("a socket");
    let mut told = false;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match stream.write(chunk) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if !std::mem::replace(&mut told, true) {
                    let _ = blocked.send(());
                }
            }
            Err(_) => return,
        }
    }
}

/// TCP delivers a close after the bytes before it: while those are not read, only a reset can be
/// noticed.
#[test]
fn while_the_upstream_does_not_read_the_upload() {
    let (tell_left, has_left) = mpsc::channel::<()>();
    let (tell_seen, seen) = mpsc::channel();
    let has_left = std::sync::Mutex::new(has_left);
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        let _ = has_left.lock().map(|left| left.recv());
        let _ = tell_seen.send(peer.closed_after());
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(upload(&upstream));
    fill(&mut client);
    let left = Instant::now();
    client.reset();
    // The upstream, too, sees the close behind the bytes it has not taken. The gateway's own
    // account tells when it let go.
    assert_counted_once(&gateway, left, "paused upload");
    let _ = tell_left.send(());
    let closed = seen.recv_timeout(PATIENCE).expect("the upstream reads");
    assert!(closed.is_some_and(|took| took < WITHIN));
}

#[test]
fn while_a_paused_upload_goes_on_again() {
    for leaving in [Leaving::Close, Leaving::HalfClose] {
        let what = format!("resumed upload, {leaving:?}");
        let (tell_left, has_left) = mpsc::channel::<()>();
        let (tell_seen, seen) = mpsc::channel();
        let has_left = std::sync::Mutex::new(has_left);
        let upstream = Upstream::playing(move |peer| {
            peer.head();
            let _ = has_left.lock().map(|left| left.recv());
            let _ = tell_seen.send(peer.closed_after());
        });
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(upload(&upstream));
        fill(&mut client);
        let kept = leaving.leave(client);
        let _ = tell_left.send(());
        let resumed = Instant::now();
        let closed = seen.recv_timeout(PATIENCE).expect(&what);
        assert!(closed.is_some_and(|took| took < WITHIN), "{what}");
        assert_counted_once(&gateway, resumed, &what);
        drop(kept);
    }
}

/// Sends body bytes until everything on the way is full.
fn fill(client: &mut Client) {
    let patience = Some(Duration::from_millis(300));
    client.stream.set_write_timeout(patience).expect("a socket");
    while client.stream.write(&[b'x'; 65536]).is_ok() {}
}

#[test]
fn with_pipelined_requests_waiting() {
    for behind in [1, 100] {
        for leaving in Leaving::ALL {
            let what = format!("{behind} requests behind, {leaving:?}");
            let watched = watched(|peer| drop(peer.head()));
            let gateway = Gateway::start();
            let mut client = gateway.client();
            client.send(get(&watched.upstream).repeat(1 + behind));
            watched.reached.recv_timeout(PATIENCE).expect(&what);
            let left = Instant::now();
            let kept = leaving.leave(client);
            let closed = watched.closed.recv_timeout(PATIENCE).expect(&what);
            let took = closed.saturating_duration_since(left);
            assert!(took < WITHIN, "{what}: closed only after {took:?}");
            assert_counted_once(&gateway, left, &what);
            drop(kept);
        }
    }
}
