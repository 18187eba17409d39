//! Slow clients, slow upstreams, and the timers that end those that stand still. A request that
//! makes progress is never cut by them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Client, Gateway, PATIENCE, Process, Upstream,
    client::End,
    eventually,
    gateway::{get, head},
    let_pass,
};

const BODY: u64 = 200_000_000;
/// What the kernel may hold on the way: two send and two receive buffers, the latter growing to 32
/// MiB each on some machines. What the gateway holds shows in its memory.
const ON_THE_WAY: u64 = 120_000_000;
/// More than an allocator keeps for itself, and little beside a body.
const FLAT: u64 = 16_000_000;

fn counted(gateway: &Gateway, outcome: &str) -> i64 {
    gateway.metric(&format!(
        "throughway_requests_total{{outcome=\"{outcome}\"}}"
    ))
}

/// Waits until the count has not moved for a while.
fn settled(count: &AtomicU64) -> u64 {
    let (mut last, mut since) = (count.load(Ordering::SeqCst), Instant::now());
    eventually("nothing moves any more", || {
        let now = count.load(Ordering::SeqCst);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        last > 0 && since.elapsed() > Duration::from_millis(300)
    });
    last
}

fn write_counted(stream: &mut TcpStream, total: u64, count: &AtomicU64) {
    let chunk: Vec<u8> = (0..=250).cycle().take(251 * 400).collect();
    let mut left = total;
    while left > 0 {
        let next = left.min(chunk.len() as u64) as usize;
        if stream.write_all(&chunk[..next]).is_err() {
            return;
        }
        left -= next as u64;
        count.fetch_add(next as u64, Ordering::SeqCst);
    }
}

#[test]
fn a_slow_reader_slows_the_upstream_and_memory_stays_flat() {
    let count = Arc::new(AtomicU64::new(0));
    let written = count.clone();
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n"));
        write_counted(&mut peer.stream, BODY, &written);
    });
    let gateway = Process::serving("slow-reader", "");
    let mut client = gateway.client();
    let before = gateway.memory();
    client.send(get(&upstream));
    let taken = settled(&count);
    assert!(taken < ON_THE_WAY, "the upstream got rid of {taken} bytes");
    let used = gateway.memory().saturating_sub(before);
    assert!(used < FLAT, "{used} bytes of memory");
    // The head was not read yet.
    while !client.head().ends_with("\r\n\r\n") {}
    let seen = client.buffered();
    let first: Vec<u8> = client.take(seen);
    let rotated = first
        .iter()
        .enumerate()
        .all(|(at, byte)| usize::from(*byte) == at % 251);
    assert!(rotated, "the first bytes");
    let mut at = seen as u64;
    let mut chunk = vec![0; 1 << 20];
    while at < BODY {
        let read = client.stream.read(&mut chunk).expect("bytes");
        assert!(read > 0, "ended at {at}");
        assert_eq!(u64::from(chunk[0]), at % 251);
        at += read as u64;
    }
    assert_eq!(at, BODY);
    let used = gateway.memory().saturating_sub(before);
    assert!(used < FLAT, "{used} bytes of memory after 200 MB");
}

#[test]
fn an_upstream_that_reads_slowly_slows_the_upload_and_memory_stays_flat() {
    let (tell, told) = mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let upstream = Upstream::playing(move |peer| {
        let head = peer.head().unwrap_or_default();
        assert!(!head.is_empty());
        let _ = told.lock().map(|told| told.recv());
        let seen = peer.buffered();
        peer.take(seen);
        let mut rest = BODY - seen as u64;
        let mut chunk = vec![0; 1 << 20];
        while rest > 0 {
            match peer.stream.read(&mut chunk) {
                Ok(read) if read > 0 => rest -= read as u64,
                _ => return,
            }
        }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Process::serving("slow-upstream", "");
    let mut client = gateway.client();
    let before = gateway.memory();
    let lines = format!("Content-Length: {BODY}\r\n");
    client.send(head("POST", "/v1/files", &upstream, &lines));
    let count = Arc::new(AtomicU64::new(0));
    let (written, mut writer) = (count.clone(), client.stream.try_clone().expect("a socket"));
    let writing = thread::spawn(move || write_counted(&mut writer, BODY, &written));
    let taken = settled(&count);
    assert!(taken < ON_THE_WAY, "the client got rid of {taken} bytes");
    let used = gateway.memory().saturating_sub(before);
    assert!(used < FLAT, "{used} bytes of memory");
    let _ = tell.send(());
    assert_eq!(client.response().text(), "ok");
    writing.join().expect("a writer");
    let used = gateway.memory().saturating_sub(before);
    assert!(used < FLAT, "{used} bytes of memory after 200 MB");
}

#[test]
fn a_slow_upload_and_a_slow_response_outlive_every_other_timer() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..8 {
            peer.pause(Duration::from_millis(200));
            peer.send("5\r\nhello\r\n");
        }
        peer.send("0\r\n\r\n");
    });
    let gateway = Gateway::with(
        "downstream: { head: 400ms, keep_alive: 400ms, body_idle: 400ms, write_stall: 400ms }\n\
         timeouts: { head: 400ms, idle: 400ms }",
    );
    let mut client = gateway.client();
    client.send(head("POST", "/v1/x", &upstream, "Content-Length: 8\r\n"));
    for _ in 0..8 {
        // The pace of the upload.
        let_pass(Duration::from_millis(200));
        client.send("x");
    }
    let response = client.response();
    assert_eq!(
        (response.text(), response.end),
        ("hello".repeat(8), End::Complete)
    );
}

/// Reads nothing until the gateway has counted the end of the request.
fn stalled(gateway: &Gateway, upstream: &Upstream) -> Client {
    let mut client = gateway.client();
    client.send(get(upstream));
    eventually("the stalled client is given up", || {
        counted(gateway, "client_gone") == 1
    });
    client
}

#[test]
fn a_client_that_takes_nothing_is_given_up_and_the_upstream_closed() {
    for http10 in [false, true] {
        let (tell, told) = mpsc::channel();
        let upstream = Upstream::playing(move |peer| {
            peer.head();
            let framing = if http10 {
                ""
            } else {
                "Transfer-Encoding: chunked\r\n"
            };
            peer.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n"));
            let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
            let start = Instant::now();
            while peer.stream.write_all(&chunk).is_ok() {}
            let _ = tell.send(start.elapsed());
        });
        let gateway = Gateway::with("downstream: { write_stall: 500ms }");
        let start = Instant::now();
        let mut client = if http10 {
            let mut client = gateway.client();
            client.send(get(&upstream).replace("HTTP/1.1", "HTTP/1.0"));
            eventually("given up", || counted(&gateway, "client_gone") == 1);
            client
        } else {
            stalled(&gateway, &upstream)
        };
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(500),
            "given up after {took:?}"
        );
        assert!(told.recv_timeout(PATIENCE).expect("closed") < Duration::from_secs(4));
        let mut rest = Vec::new();
        let end = client.stream.read_to_end(&mut rest);
        match http10 {
            true => assert!(end.is_err(), "a clean end for an HTTP/1.0 client"),
            false => assert!(!rest.ends_with(b"0\r\n\r\n")),
        }
    }
}

#[test]
fn a_stalled_client_of_a_silent_upstream_is_given_up_too() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        let chunk = vec![b'x'; 65536];
        let patience = Some(Duration::from_millis(300));
        peer.stream.set_write_timeout(patience).expect("a socket");
        while peer.stream.write(&chunk).is_ok() {}
        peer.closed_after();
    });
    let gateway = Gateway::with("downstream: { write_stall: 500ms }\ntimeouts: { idle: 500ms }");
    let mut client = gateway.client();
    client.send(get(&upstream));
    eventually("the request ends", || {
        counted(&gateway, "client_gone") + counted(&gateway, "truncated") == 1
    });
    let mut rest = Vec::new();
    // The connection ends, whatever has arrived.
    let _ = client.stream.read_to_end(&mut rest);
    assert!(rest.len() < 100_000_000);
}
