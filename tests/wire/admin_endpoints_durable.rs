//! Endpoints of the store: at other replicas within a second, while requests go on; and no secret
//! of theirs in the database, in what is shown, or in a log.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    Client, Process, Upstream,
    admin::Admin,
    endpoints::one,
    postgres::{Directory, Postgres, database},
    within,
};

const SECRET_KEY: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=";
/// "Within a second", and what a machine busy with tests adds.
const SOON: Duration = Duration::from_millis(1500);

fn status(gateway: &Process, path: &str) -> u16 {
    let mut client = Client::connect(gateway.address);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    client.response().status
}

/// Makes, moves, switches and deletes an endpoint at one replica; the other follows each time.
fn follows(here: &Process, there: &Process, upstream: &Upstream) -> Duration {
    let (admin, mut longest) = (Admin::of(here.address), Duration::ZERO);
    let mut until = |what: &str, path: &str, expected: u16| {
        let begun = Instant::now();
        assert_eq!(status(here, path), expected, "{what}, here");
        let is_there = within(SOON, || status(there, path) == expected);
        assert!(is_there, "{what}, at the other replica");
        longest = longest.max(begun.elapsed());
    };
    let document = json!({ "path": "/e", "target": upstream.url() });
    let made = admin.json("POST", "/endpoints", &document.to_string(), 201);
    until("it is made", "/e", 200);
    for (patch, path, expected) in [
        (r#"{"path":"/moved"}"#, "/moved", 200),
        (r#"{"methods":["POST"]}"#, "/moved", 405),
        (r#"{"methods":null}"#, "/moved", 200),
        (r#"{"enabled":false}"#, "/moved", 404),
        (r#"{"enabled":true}"#, "/moved", 200),
    ] {
        admin.json("PATCH", &one(&made), patch, 200);
        until(patch, path, expected);
    }
    admin.json("DELETE", &one(&made), "", 204);
    until("it is deleted", "/moved", 404);
    longest
}

/// Changes an endpoint again and again while clients use it and another one at both replicas.
fn changes_under_load(replicas: [&Process; 2], upstream: &Upstream) -> (usize, usize) {
    let admins = replicas.map(|it| Admin::of(it.address));
    let used = json!({ "path": "/used", "target": upstream.url() }).to_string();
    let made = admins[0].json("POST", "/endpoints", &used, 201);
    let is_there = |it: &Process| within(SOON, || status(it, "/used") == 200);
    assert!(replicas.into_iter().all(is_there), "both have it");
    let (requests, changes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for replica in replicas {
            let (requests, is_over) = (&requests, &is_over);
            scope.spawn(move || {
                let mut client = Client::connect(replica.address);
                while !is_over.load(Ordering::Relaxed) {
                    client.send("GET /used/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
                    assert_eq!(client.response().status, 200);
                    requests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            let number = changes.fetch_add(1, Ordering::Relaxed);
            let patch = json!({ "headers": { "x-number": number.to_string() } });
            let admin = &admins[number % 2];
            admin.json("PATCH", &one(&made), &patch.to_string(), 200);
            let other = json!({ "path": format!("/o/{number}"), "target": upstream.url() });
            let other = admin.json("POST", "/endpoints", &other.to_string(), 201);
            admin.json("DELETE", &one(&other), "", 204);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    (requests.into_inner(), changes.into_inner())
}

#[test]
fn replicas_follow_each_other_and_no_request_fails_meanwhile() {
    let server = Postgres::start();
    let url = database(&server);
    let settings = format!("admin_token: secret\nstore: {{ kind: postgres, url: \"{url}\" }}\n");
    let upstream = Upstream::ok();
    let one = Process::serving("endpoints-replica-1", &settings);
    let other = Process::serving("endpoints-replica-2", &settings);
    let times = [
        follows(&one, &other, &upstream),
        follows(&other, &one, &upstream),
    ];
    println!("in force at the other replica after at most {times:?}");
    let (requests, changes) = changes_under_load([&one, &other], &upstream);
    println!("{requests} requests during {changes} rounds of changes");
    assert!(
        requests > 20 && changes > 2,
        "{requests} requests, {changes} rounds"
    );
}

/// Every file below a directory.
fn files(directory: &std::path::Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let mut found = Vec::new();
    for entry in entries {
        match entry.file_type().expect("a type").is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(fs::read(entry.path()).expect("a file")),
        }
    }
    found
}

#[test]
fn no_secret_of_an_endpoint_is_in_the_database_or_in_anything_shown() {
    let directory = Directory::new();
    let settings = format!(
        "admin_token: secret\nsecret_key: {SECRET_KEY}\nstore: {{ kind: sqlite }}\n\
         log: {{ access: all, level: debug }}\ndata_dir: {}\n\
         secrets: {{ NAMED: CANARY-0 }}\n",
        directory.path().join("data").display()
    );
    let upstream = Upstream::ok();
    let url = upstream.url();
    let gateway = Process::serving("endpoints-canary", &settings);
    let admin = Admin::of(gateway.address);
    let mut shown = String::new();
    let mut note = |value: Value| shown.push_str(&value.to_string());
    let mut made = Vec::new();
    for (number, credential) in [
        json!({ "bearer": "CANARY-1" }),
        json!({ "bearer": "${NAMED}" }),
        json!({ "header": { "x-k": "CANARY-2", "x-l": "Key ${NAMED}" } }),
        json!({ "query": { "k": "CANARY-3" } }),
        json!({ "basic": { "user": "CANARY-4", "password": "CANARY-5" } }),
        json!({ "aws_sigv4": { "access_key_id": "CANARY-6", "secret_access_key": "CANARY-7",
                               "region": "r", "service": "s" } }),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/e{number}");
        let document = json!({
            "path": path, "target": url, "credential": credential,
            "headers": { "x-api-key": "CANARY-8" },
        });
        let answer = admin.json("POST", "/endpoints", &document.to_string(), 201);
        let one = one(&answer);
        note(answer);
        assert_eq!(status(&gateway, &path), 200, "{path}");
        note(admin.json("PATCH", &one, r#"{"auth":false}"#, 200));
        assert_eq!(status(&gateway, &path), 200, "{path} after the patch");
        note(admin.json("POST", &format!("{one}/test"), "{}", 200));
        made.push(one);
    }
    for refused in [
        json!({ "path": "/e0", "target": url, "credential": { "bearer": "CANARY-9" } }),
        json!({ "path": "/f", "target": url, "credential": { "bearer": "CANARY-9\n" } }),
        json!({ "path": "/f", "target": url, "credential": "CANARY-9" }),
        json!({ "path": "/f", "target": url, "credential": { "CANARY": { "x": "CANARY-9" } } }),
    ] {
        let response = admin.call("POST", "/endpoints", &refused.to_string());
        assert!(response.status >= 400);
        let text = response.text().replace("credential.CANARY", "");
        note(json!(text));
    }
    note(admin.json("GET", "/endpoints", "", 200));
    admin.json("DELETE", &made[0], "", 204);
    note(admin.json("GET", "/audit?limit=1000", "", 200));
    let metrics = "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\
                   Authorization: Bearer secret\r\n\r\n";
    note(json!(gateway.exchange(metrics).text()));
    let log = gateway.log_until_now();
    let has_canary = |text: &str| text.contains("CANARY-");
    assert!(!has_canary(&shown), "{shown}");
    assert!(!has_canary(&log), "{log}");
    let kept = files(directory.path());
    assert!(kept.len() > 1, "the database and its log");
    for bytes in kept {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!has_canary(&text));
    }
    // All of them arrived at the upstream, or their test would prove nothing.
    let sent: String = upstream
        .requests()
        .iter()
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect();
    for number in [0, 1, 2, 3, 6, 8] {
        assert!(
            sent.contains(&format!("CANARY-{number}")),
            "{number}: {sent}"
        );
    }
    drop(gateway);
    let gateway = Process::serving("endpoints-canary-again", &settings);
    assert_eq!(
        (status(&gateway, "/e0"), status(&gateway, "/e1")),
        (404, 200)
    );
}
