//! The admin API over a gateway that runs: lists, one record, the live tail, sums as JSON and CSV,
//! and what is refused.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use throughway::{
    config::{Environment, Flags, Settings},
    gateway::Process,
    record::Record,
    server::{Program, Signals},
};

use crate::{
    databases::Directory,
    stage::{named, record},
};

/// Waits until a condition holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(25), "not so: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A gateway with a store of records.
pub struct Gateway {
    address: SocketAddr,
    process: Arc<Process>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    _directory: Directory,
}

impl Gateway {
    pub fn start(more: &str) -> Self {
        let directory = Directory::new();
        let yaml = format!(
            "listen: 127.0.0.1:0\nworkers: 1\nadmin_token: secret\ndata_dir: {}\n{more}\n",
            directory.path().display()
        );
        let settings = Settings::parse(
            &yaml,
            Path::new("settings.yaml"),
            &Environment::default(),
            &Flags::default(),
        );
        let settings = Arc::new(settings.unwrap_or_else(|error| panic!("{error}")));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let program = Program::new(&settings).expect("settings that can be used");
                let environment = Environment::default();
                let program = program.with_store(&settings, &environment).await;
                let running = program
                    .expect("a store")
                    .start(&settings)
                    .expect("it starts");
                let process = running.control.current.get().process.clone();
                tell.send((running.address, process))
                    .expect("the test waits");
                let stopped = async { drop(stopped.await) };
                running
                    .until(Signals::when(stopped))
                    .await
                    .expect("it ends well");
            });
        });
        let (address, process) = told.recv().expect("it listens");
        Gateway {
            address,
            process,
            stop: Some(stop),
            thread: Some(thread),
            _directory: directory,
        }
    }

    /// Pushes records and waits until they are stored.
    pub fn store(&self, records: impl IntoIterator<Item = Record>) {
        let mut expected = self.process.metrics.records_stored.get();
        for record in records {
            self.process.archive.queue.push(Arc::new(record));
            expected += 1;
        }
        until("records are stored", || {
            self.process.metrics.records_stored.get() >= expected
        });
    }

    fn open(&self, path: &str, lines: &str) -> BufReader<TcpStream> {
        self.open_as("secret", path, lines)
    }

    fn open_as(&self, token: &str, path: &str, lines: &str) -> BufReader<TcpStream> {
        self.request(&format!(
            "GET /gateway/admin/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\n{lines}\r\n"
        ))
    }

    /// Changes something, and returns what the API responds.
    fn send(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = self.request(&format!(
            "{method} /gateway/admin/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer secret\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("a response");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 20"), "{text}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    fn request(&self, text: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        stream.write_all(text.as_bytes()).expect("sent");
        BufReader::new(stream)
    }

    /// Status, head and body of a response.
    pub fn get(&self, path: &str, lines: &str) -> (u16, String, String) {
        let mut stream = self.open(path, &format!("Connection: close\r\n{lines}"));
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("a response");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        (
            status.expect("a status"),
            head.to_ascii_lowercase(),
            body.to_owned(),
        )
    }

    pub fn json(&self, path: &str, status: u16) -> Value {
        let (found, _, body) = self.get(path, "");
        assert_eq!(found, status, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn records_are_listed_by_pages_and_shown_one_by_one() {
    let gateway = Gateway::start("");
    let records: Vec<Record> = (0..25).map(record).collect();
    gateway.store(records.clone());
    let first = gateway.json("records?limit=20&key=key_app", 200);
    assert_eq!(first["data"].as_array().map(Vec::len), Some(20));
    assert_eq!(first["data"][0]["id"], records[24].id.to_string());
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = gateway.json(
        &format!("records?limit=20&key=key_app&cursor={cursor}"),
        200,
    );
    assert_eq!(second["data"].as_array().map(Vec::len), Some(5));
    assert_eq!(second["next_cursor"], Value::Null);
    let one = gateway.json(&format!("records/{}", records[3].id), 200);
    assert_eq!((&one["cost"], &one["status"]), (&Value::Null, &200.into()));
    gateway.json("records/00000000-0000-0000-0000-000000000000", 404);
    gateway.json("records/nonsense", 404);
}

#[test]
fn what_cannot_be_asked_for_is_a_400_that_names_it() {
    let gateway = Gateway::start("");
    for (path, param) in [
        ("records?limit=0", "limit"),
        ("records?limit=5000", "limit"),
        ("records?cursor=x", "cursor"),
        ("records?nonsense=1", "nonsense"),
        ("records?status=abc", "status"),
        ("records?status=0xx", "status"),
        ("records?from=yesterday", "from"),
        ("records?min_cost=-1", "min_cost"),
        ("records?route=x", "route"),
        ("records?truncated=1", "truncated"),
        ("records?metadata.=1", "metadata."),
        ("records?key=a&key=b", "key"),
        ("records/live?limit=3", "limit"),
        ("records/x?limit=3", "limit"),
        ("usage?group=week", "group"),
        ("usage?code=x", "code"),
        ("usage?format=xml", "format"),
    ] {
        let error = gateway.json(path, 400);
        assert_eq!(error["error"]["param"], param, "{path}: {error}");
    }
    let mut stream = TcpStream::connect(gateway.address).expect("a connection");
    let request =
        "GET /gateway/admin/v1/records HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a response");
    assert!(text.starts_with("HTTP/1.1 403"), "{text}");
}

#[test]
fn sums_are_json_or_csv_and_no_cell_is_a_formula() {
    let gateway = Gateway::start("");
    gateway.store((0..3).map(|at| Record {
        model: Some("=cmd()".into()),
        key: Some(named("key_x", "@sum")),
        ..record(at)
    }));
    let query = "usage?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z&group=day,key,model";
    let told = gateway.json(query, 200);
    let row = &told["data"][0];
    assert_eq!(row["day"], "2026-11-20T00:00:00Z");
    assert_eq!((&row["requests"], &row["cost"]), (&3.into(), &"0".into()));
    assert_eq!(row["key"]["name"], "@sum");
    let (status, head, body) = gateway.get(query, "Accept: text/csv\r\n");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/csv"), "{head}");
    let mut lines = body.lines();
    let names = lines.next().expect("a head");
    assert!(
        names.starts_with("day,key_id,key_name,model,requests,failed"),
        "{names}"
    );
    let line = lines.next().expect("a row");
    let expected = "2026-11-20T00:00:00Z,key_x,\"'@sum\",\"'=cmd()\",3,0,0,";
    assert!(line.starts_with(expected), "{line}");
    assert_eq!(gateway.get(&format!("{query}&format=csv"), "").2, body);
}

/// The lines of a stream that have a record or a notice.
fn event(stream: &mut BufReader<TcpStream>) -> (String, Value) {
    let mut kind = String::new();
    loop {
        let mut line = String::new();
        assert!(
            stream.read_line(&mut line).expect("a line") > 0,
            "the stream ended"
        );
        if let Some(name) = line.strip_prefix("event: ") {
            kind = name.trim().to_owned();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return (kind, serde_json::from_str(data.trim()).expect("JSON"));
        }
    }
}

/// Reads until the stream says that it watches.
fn begun(stream: &mut BufReader<TcpStream>) {
    let mut line = String::new();
    while !line.contains("watching") {
        line.clear();
        assert!(
            stream.read_line(&mut line).expect("a line") > 0,
            "the stream ended"
        );
    }
}

#[test]
fn the_live_tail_shows_what_its_filter_asks_for_without_a_store_too() {
    let gateway = Gateway::start("records: { store: off }");
    assert!(!gateway.process.archive.queue.is_on());
    let mut stream = gateway.open("records/live?status=5xx", "");
    begun(&mut stream);
    assert!(gateway.process.archive.queue.is_on());
    for at in 0..100 {
        let status = if at == 60 { 502 } else { 200 };
        gateway.process.archive.queue.push(Arc::new(Record {
            status,
            ..record(at)
        }));
    }
    let (kind, told) = event(&mut stream);
    assert_eq!((&*kind, &told["status"]), ("record", &502.into()));
    let health = gateway.json("health", 200);
    assert_eq!(health["records"]["store"], "off");
    assert_eq!(gateway.json("records", 409)["error"]["code"], "conflict");
    drop(stream);
    // Who left is noticed at the next comment.
    until("it is not watched any more", || {
        !gateway.process.archive.queue.is_on()
    });
}

#[test]
fn sixteen_can_watch_and_a_slow_one_is_told_what_it_missed() {
    let gateway = Gateway::start("");
    let mut watchers: Vec<_> = (0..16).map(|_| gateway.open("records/live", "")).collect();
    watchers.iter_mut().for_each(begun);
    assert_eq!(gateway.get("records/live", "").0, 503);
    // Far more than the sockets and the tail hold.
    let detail = "x".repeat(2000);
    let long = |at: i64| Record {
        detail: Some(detail.as_str().into()),
        ..record(at)
    };
    for part in 0..3 {
        gateway.store((0..7000).map(|at| long(part * 7000 + at)));
    }
    let skipped = (0..20_000).find_map(|_| {
        let (kind, told) = event(&mut watchers[0]);
        (kind == "skipped").then_some(told)
    });
    assert!(skipped.expect("a notice")["count"].as_u64() > Some(0));
}

#[test]
fn a_drain_ends_the_live_tail_and_stores_what_is_left() {
    let mut gateway = Gateway::start("");
    let mut stream = gateway.open("records/live", "");
    begun(&mut stream);
    for at in 0..5000 {
        gateway.process.archive.queue.push(Arc::new(record(at)));
    }
    let begin = Instant::now();
    drop(gateway.stop.take());
    gateway
        .thread
        .take()
        .expect("it runs")
        .join()
        .expect("it ends well");
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(gateway.process.metrics.records_stored.get(), 5000);
}

/// Also while records come without a pause.
#[test]
fn a_watcher_whose_key_is_blocked_watches_no_longer() {
    let gateway = Gateway::start("store: { kind: sqlite }");
    let made = gateway.send("POST", "keys", r#"{"name":"watcher","role":"viewer"}"#);
    let told = |name: &str| made[name].as_str().expect(name).to_owned();
    let mut stream = gateway.open_as(&told("key"), "records/live", "Connection: close\r\n");
    begun(&mut stream);
    gateway.send(
        "PATCH",
        &format!("keys/{}", told("id")),
        r#"{"blocked":true}"#,
    );
    let begin = Instant::now();
    // The next record comes as soon as one was seen, until the stream ends.
    let mut line = "data:".to_owned();
    for at in 0.. {
        if line.starts_with("data:") {
            gateway.process.archive.queue.push(Arc::new(record(at)));
        }
        line.clear();
        if stream.read_line(&mut line).expect("a line") == 0 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(25), "it goes on");
    }
}

/// The live tail shows a record before it is stored.
#[test]
fn a_record_that_has_just_ended_is_found() {
    let gateway = Gateway::start("");
    // The store is open then.
    gateway.store([record(0)]);
    let ended = record(1);
    let id = ended.id;
    gateway.process.archive.queue.push(Arc::new(ended));
    let found = gateway.json(&format!("records/{id}"), 200);
    assert_eq!(found["id"], id.to_string());
    let unknown = uuid::Uuid::nil();
    gateway.json(&format!("records/{unknown}"), 404);
}
