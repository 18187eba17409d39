//! Standard error that cannot be written: a full device or file, a reader that died or pauses. Log
//! lines are lost and counted, and nothing else happens: requests and streams go on, and SIGTERM
//! drains.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Client, Process, Upstream,
    client::End,
    eventually,
    gateway::{get, head},
    routing::{Gate, raw_response},
};

const DRAIN: &str = "drain: { budget: 5s }\n";
const STREAMS: u64 = 4;
const LOST: &str = "throughway_log_lines_lost_total";

/// Streams for `/v1/stream` what is ended by the gate; anything else gets its response at once.
fn upstream(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            if !request.starts_with(b"GET /v1/stream ") {
                peer.send(raw_response("200 OK", "", "ok"));
                continue;
            }
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            // A busy machine takes its time to send the load.
            assert!((0..4).any(|_| gate.passed()));
            peer.send("5\r\nworld\r\n0\r\n\r\n");
        }
    })
}

/// A gateway under load: streams are open until it drains.
struct Scene {
    gateway: Process,
    upstream: Upstream,
    gate: Gate,
    streams: Vec<Client>,
    requests: u64,
}

impl Scene {
    fn of(gateway: Process) -> Self {
        let gate = Gate::default();
        let upstream = upstream(&gate);
        let streams = (0..STREAMS).map(|_| {
            let mut client = gateway.client();
            client.send(head("GET", "/v1/stream", &upstream, ""));
            assert!(client.head().starts_with("HTTP/1.1 200 "));
            client
        });
        Scene {
            streams: streams.collect(),
            gateway,
            upstream,
            gate,
            requests: 0,
        }
    }

    /// So many requests from four clients at once; each gets its response.
    fn load(&mut self, count: u64, request: &str) {
        const CLIENTS: u64 = 4;
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut client = self.gateway.client();
                    for _ in 0..count / CLIENTS {
                        client.send(request);
                        let response = client.response();
                        let seen = (response.status, response.text(), response.end);
                        assert_eq!(seen, (200, "ok".to_owned(), End::Complete));
                    }
                });
            }
        });
        self.requests += count / CLIENTS * CLIENTS;
        eventually("all are accounted for", || {
            self.gateway.metric("throughway_requests_in_flight") == STREAMS.cast_signed()
        });
    }

    fn lost(&self) -> u64 {
        self.gateway.metric(LOST).cast_unsigned()
    }

    fn lost_become(&self, count: u64) {
        eventually("the lost lines are counted", || self.lost() >= count);
        assert_eq!(self.lost(), count);
    }

    /// SIGTERM: running requests get their responses, and the process ends well within its budget.
    fn drains(mut self) {
        let health = "GET /gateway/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert_eq!(self.gateway.exchange(health).status, 200);
        let start = Instant::now();
        self.gateway.signal("TERM");
        let address = self.gateway.address;
        eventually("it drains", || {
            std::net::TcpStream::connect(address).is_err()
        });
        self.gate.open();
        for client in &mut self.streams {
            let rest = client.take("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".len());
            assert!(rest.ends_with(b"0\r\n\r\n"));
        }
        assert_eq!(self.gateway.ended().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

/// The messages of complete lines, and how many of these lines were told of as lost.
fn read(text: &str) -> (Vec<String>, u64) {
    let mut lost = 0;
    let lines = text.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        lost += line["lost"].as_u64().unwrap_or_default();
        Some(line["message"].as_str().expect("a message").to_owned())
    });
    (lines.collect(), lost)
}

fn count(messages: &[String], message: &str) -> u64 {
    messages.iter().filter(|it| *it == message).count() as u64
}

#[test]
fn a_full_device_loses_log_lines_and_nothing_else() {
    let full = File::options().write(true).open("/dev/full");
    let gateway = Process::logging_to("logs-full-device", DRAIN, full.expect("a device"));
    let mut scene = Scene::of(gateway);
    scene.load(200, &get(&scene.upstream));
    // That it listens is a line, too.
    scene.lost_become(201);
    scene.drains();
}

#[test]
fn a_dead_reader_loses_later_log_lines_and_nothing_else() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let gateway = Process::logging_to("logs-dead-reader", DRAIN, writer);
    let mut lines = BufReader::new(reader).lines();
    let mut scene = Scene::of(gateway);
    scene.load(40, &get(&scene.upstream));
    for _ in 0..41 {
        lines.next().expect("a line").expect("text");
    }
    drop(lines);
    scene.load(200, &get(&scene.upstream));
    scene.lost_become(200);
    scene.drains();
}

#[test]
fn a_reader_that_pauses_for_good_holds_up_neither_requests_nor_the_end() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut scene = Scene::of(Process::logging_to("logs-paused", DRAIN, writer));
    // More than the pipe holds, less than the queue does.
    scene.load(600, &get(&scene.upstream));
    assert_eq!(scene.lost(), 0);
    scene.drains();
    drop(reader);
}

/// So many of these are more than the queue holds.
const LONG: u64 = 8000;

fn long_request(upstream: &Upstream) -> String {
    head("GET", &format!("/v1/{}", "x".repeat(2000)), upstream, "")
}

#[test]
fn a_reader_that_pauses_for_a_while_is_told_what_it_missed() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut scene = Scene::of(Process::logging_to("logs-resumed", DRAIN, writer));
    scene.load(LONG, &long_request(&scene.upstream));
    let lost = scene.lost();
    assert!(lost > 0);
    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        text
    });
    scene.drains();
    let text = reading.join().expect("a reader");
    let (messages, told) = read(&text);
    assert_eq!(messages.len(), text.lines().count(), "a broken line");
    assert_eq!(told, lost);
    assert_eq!(count(&messages, "request") + lost, LONG + STREAMS);
    assert_eq!(messages.last().map(String::as_str), Some("stopped"));
}

#[test]
fn a_full_file_loses_lines_and_their_number_is_logged_when_there_is_room() {
    let path = std::env::temp_dir().join(format!("logs-full-file-{}.log", std::process::id()));
    let mut options = File::options();
    let file = options.read(true).append(true).create_new(true).open(&path);
    let mut file = file.expect("a temporary file");
    std::fs::remove_file(&path).expect("it is there");
    let stderr = file.try_clone().expect("a descriptor");
    let gateway = Process::with_small_files("logs-full-file", DRAIN, stderr, 32);
    let mut text = || {
        let mut text = String::new();
        file.rewind().expect("a file");
        file.read_to_string(&mut text).expect("text");
        (text, file.try_clone().expect("a descriptor"))
    };
    let mut scene = Scene::of(gateway);
    scene.load(400, &get(&scene.upstream));
    eventually("every line is written or lost", || {
        let (messages, _) = read(&text().0);
        messages.len() as u64 + scene.lost() >= 401
    });
    let (messages, told) = read(&text().0);
    let lost = scene.lost();
    assert_eq!(messages.len() as u64 + lost, 401);
    assert!(lost > 0 && told == 0, "{lost}, told {told}");
    // An operator empties it: that is told without another request.
    text().1.set_len(0).expect("a file");
    eventually("the loss is told", || read(&text().0).1 == lost);
    scene.load(20, &get(&scene.upstream));
    assert_eq!(scene.lost(), lost);
    scene.drains();
    let (messages, told) = read(&text().0);
    assert_eq!((count(&messages, "request"), told), (20 + STREAMS, lost));
}

#[test]
fn a_failed_start_exits_with_1_even_without_standard_error() {
    let full = File::options().write(true).open("/dev/full");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_throughway"))
        .args(["serve", "--config", "/does/not/exist.yaml"])
        .stderr(full.expect("a device"))
        .status();
    assert_eq!(status.expect("it starts").code(), Some(1));
}
