//! WebSockets: the handshake and the frames cross as bytes in both directions, after the upstream's
//! 101 and not before.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::support::{Client, Gateway, PATIENCE, Peer, Upstream, gateway::head, let_pass};

pub(crate) const HANDSHAKE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.caller-subprotocol\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\nAuthorization: Bearer sk-x\r\n";

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: realtime\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\nX-Request-Id: r-1\r\nSet-Cookie: a=1\r\n\
    Set-Cookie: b=2\r\n\r\n";

const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];

pub(crate) fn handshake(upstream: &Upstream) -> String {
    head("GET", "/v1/realtime?model=x", upstream, HANDSHAKE)
}

/// A client's frame: masked with zeros, so that it reads as it is.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ ..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Switches and then sends every byte back.
pub(crate) fn echo() -> Upstream {
    Upstream::playing(|peer| {
        peer.head();
        peer.send(SWITCHED);
        let mut reader = peer.stream.try_clone().expect("a socket");
        let _ = std::io::copy(&mut reader, &mut peer.stream);
    })
}

fn opened(gateway: &Gateway, upstream: &Upstream) -> Client {
    let mut client = gateway.client();
    client.send(handshake(upstream));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    client
}

pub(crate) fn counted(gateway: &Gateway, outcome: &str) -> i64 {
    gateway.metric(&format!(
        "throughway_requests_total{{outcome=\"{outcome}\"}}"
    ))
}

#[test]
fn the_handshake_crosses_in_both_directions() {
    let (tell, told) = mpsc::channel();
    let upstream = Upstream::playing(move |peer| {
        let _ = tell.send(peer.head());
        peer.send(SWITCHED);
        peer.closed_after();
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(handshake(&upstream));
    let response = client.head();
    assert!(response.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    for line in [
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "sec-websocket-protocol: realtime",
        "sec-websocket-extensions: permessage-deflate",
        "x-request-id: r-1",
        "set-cookie: a=1\r\nset-cookie: b=2",
        "x-gateway-trace-id: ",
        "x-gateway-provider: ",
    ] {
        assert!(
            response.to_lowercase().contains(&line.to_lowercase()),
            "{line}: {response}"
        );
    }
    for name in ["content-length", "transfer-encoding", "connection: close"] {
        assert!(
            !response.to_lowercase().contains(name),
            "{name}: {response}"
        );
    }
    let request = told.recv().expect("a handshake").expect("a handshake");
    let request = String::from_utf8(request).expect("text");
    assert!(request.starts_with("GET /v1/realtime?model=x HTTP/1.1\r\n"));
    for line in [
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "sec-websocket-version: 13\r\n",
        "sec-websocket-protocol: realtime, openai-insecure-api-key.caller-subprotocol\r\n",
        "sec-websocket-extensions: permessage-deflate\r\n",
        "authorization: Bearer sk-x\r\n",
    ] {
        assert!(request.contains(line), "{line}: {request}");
    }
    assert!(!request.contains("x-gateway"), "{request}");
}

#[test]
fn no_byte_goes_up_before_the_switch() {
    let (tell, told) = mpsc::channel();
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        let silence = Some(Duration::from_millis(300));
        peer.stream.set_read_timeout(silence).expect("a socket");
        let early = peer.take(1);
        let _ = tell.send(early);
        peer.send(SWITCHED);
        peer.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        let _ = tell.send(peer.take(11));
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    let early = frame(1, b"early");
    client.send([handshake(&upstream).as_bytes(), &early].concat());
    assert_eq!(told.recv().expect("the upstream looks"), None);
    assert_eq!(told.recv().expect("the upstream reads"), Some(early));
}

#[test]
fn frames_of_any_size_are_echoed_as_they_are() {
    let upstream = echo();
    let gateway = Gateway::start();
    let mut client = opened(&gateway, &upstream);
    for size in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        let payload: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let sent = frame(2, &payload);
        client.send(&sent);
        assert_eq!(client.take(sent.len()), sent, "{size} bytes");
    }
    let close = frame(8, &[0x03, 0xe8]);
    client.send(&close);
    assert_eq!(client.take(close.len()), close);
}

#[test]
fn a_peer_that_does_not_read_slows_the_other() {
    let upstream = echo();
    let gateway = Gateway::start();
    let mut client = opened(&gateway, &upstream);
    let mut writer = client.stream.try_clone().expect("a socket");
    let sent = frame(2, &vec![b'x'; 40_000_000]);
    let copy = sent.clone();
    // The other side does not read until all buffers are full. Without back-pressure this write
    // would end at once.
    let patience = Some(Duration::from_millis(300));
    writer.set_write_timeout(patience).expect("a socket");
    let mut at = 0;
    while let Ok(count) = std::io::Write::write(&mut writer, &copy[at..]) {
        at += count;
        assert!(at < copy.len(), "everything was taken in");
    }
    writer.set_write_timeout(Some(PATIENCE)).expect("a socket");
    let writing =
        std::thread::spawn(move || std::io::Write::write_all(&mut writer, &copy[at..]).is_ok());
    let mut left = sent.len();
    let mut chunk = vec![0; 1 << 20];
    while left > 0 {
        let read = std::io::Read::read(&mut client.stream, &mut chunk).expect("the echo");
        assert!(read > 0, "{left} bytes are missing");
        left -= read;
    }
    assert!(writing.join().expect("a writer"));
}

#[test]
fn bytes_behind_the_switch_in_one_segment_arrive() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send([SWITCHED.as_bytes(), &[0x81, 2], b"hi"].concat());
        peer.closed_after();
    });
    let gateway = Gateway::start();
    let mut client = opened(&gateway, &upstream);
    assert_eq!(client.take(4), [0x81, 2, b'h', b'i']);
}

#[test]
fn close_codes_pass_in_both_directions() {
    for code in [1000_u16, 1001, 1008, 1011, 4001] {
        let [high, low] = code.to_be_bytes();
        let (tell, told) = mpsc::channel();
        let upstream = Upstream::playing(move |peer| {
            peer.head();
            peer.send(SWITCHED);
            let _ = tell.send(peer.take(8));
            peer.send([0x88, 2, high, low]);
        });
        let gateway = Gateway::start();
        let mut client = opened(&gateway, &upstream);
        let close = frame(8, &[high, low]);
        client.send(&close);
        assert_eq!(told.recv().expect("a close"), Some(close), "{code}");
        assert_eq!(client.take(4), [0x88, 2, high, low], "{code}");
        assert!(client.is_closed(), "{code}");
        drop(client);
        crate::support::eventually("counted", || counted(&gateway, "tunnelled") == 1);
    }
}

#[test]
fn an_upstream_that_drops_ends_the_client_at_once() {
    for reset in [false, true] {
        let upstream = Upstream::playing(move |peer| {
            peer.head();
            peer.send(SWITCHED);
            peer.send([0x81, 2, b'h', b'i']);
            peer.take(1);
            if reset {
                peer.reset();
            }
        });
        let gateway = Gateway::start();
        let mut client = opened(&gateway, &upstream);
        assert_eq!(client.take(4), [0x81, 2, b'h', b'i']);
        let start = Instant::now();
        client.send([0x81]);
        assert!(client.is_closed());
        assert!(start.elapsed() < Duration::from_secs(1), "reset: {reset}");
    }
}

#[test]
fn a_client_that_leaves_closes_the_upstream_within_a_second() {
    for reset in [false, true] {
        let (tell, told) = mpsc::channel();
        let upstream = Upstream::playing(move |peer: &mut Peer| {
            peer.head();
            peer.send(SWITCHED);
            let closed = peer.closed_after().map(|_| Instant::now());
            let _ = tell.send(closed);
        });
        let gateway = Gateway::start();
        let client = opened(&gateway, &upstream);
        let left = Instant::now();
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        let closed = told.recv().expect("an upstream").expect("a close");
        assert!(closed.saturating_duration_since(left) < Duration::from_secs(1));
        crate::support::eventually("counted", || counted(&gateway, "client_gone") == 1);
    }
}

#[test]
fn a_quiet_websocket_lives_as_long_as_the_idle_timeout_and_no_longer() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send(SWITCHED);
        peer.closed_after();
    });
    let gateway = Gateway::with(
        "timeouts: { idle: 1s }\ndownstream: { keep_alive: 200ms, head: 200ms, body_idle: 200ms, \
         write_stall: 200ms }",
    );
    let mut client = opened(&gateway, &upstream);
    let start = Instant::now();
    assert!(client.is_closed());
    let lived = start.elapsed();
    assert!(lived >= Duration::from_secs(1), "only {lived:?}");
    assert!(lived < Duration::from_secs(2), "still after {lived:?}");
}

#[test]
fn a_websocket_in_which_only_the_client_speaks_is_not_idle() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send(SWITCHED);
        peer.take(6 * 7);
        peer.send([0x81, 2, b'o', b'k']);
        peer.closed_after();
    });
    let gateway = Gateway::with("timeouts: { idle: 500ms }");
    let mut client = opened(&gateway, &upstream);
    for _ in 0..6 {
        client.send(frame(1, b"a"));
        // The pace of the client.
        let_pass(Duration::from_millis(250));
    }
    assert_eq!(client.take(4), [0x81, 2, b'o', b'k']);
}

#[test]
fn draining_closes_between_frames_with_1001() {
    let (tell, told) = mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let (tell_closed, closed) = mpsc::channel();
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        peer.send(SWITCHED);
        // Half a frame; the other half once the gateway drains.
        peer.send([0x82, 4, 1, 2]);
        let _ = told.lock().map(|told| told.recv());
        peer.send([3, 4]);
        let _ = tell_closed.send(peer.closed_after());
    });
    let mut gateway = Gateway::start();
    let mut client = opened(&gateway, &upstream);
    assert_eq!(client.take(4), [0x82, 4, 1, 2]);
    gateway.begin_drain();
    assert!(client.is_silent_for(Duration::from_millis(600)));
    let _ = tell.send(());
    assert_eq!(client.take(2), [3, 4]);
    assert_eq!(client.take(4), GOING_AWAY);
    assert!(client.is_closed());
    drop(client);
    assert!(closed.recv().expect("an upstream").is_some());
    gateway.wait();
}
