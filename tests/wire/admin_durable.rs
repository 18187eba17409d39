//! What the admin API acknowledged is there: after a crash, at other replicas, after a reload; and
//! a store that cannot be used is told.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions,
};

use crate::support::{
    Gateway, Process,
    admin::{Admin, Made},
    eventually,
    postgres::{Directory, PASSWORD, Postgres, database, in_file},
    within,
};

/// "Within a second", and what a machine busy with tests adds.
const SOON: Duration = Duration::from_millis(1500);

/// Until it is known that a database is away.
const AWAY: Duration = Duration::from_secs(40);

fn in_postgres(url: &str) -> String {
    format!("admin_token: secret\nstore: {{ kind: postgres, url: \"{url}\" }}\n")
}

/// Makes keys at four connections until it fails; returns those that were acknowledged.
fn create_until_killed(gateway: &Process, least: usize) -> Vec<Made> {
    let made = Mutex::new(Vec::new());
    let admin = Admin::of(gateway.address);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (admin, made) = (admin.clone(), &made);
            scope.spawn(move || {
                for number in 0.. {
                    let document = format!(r#"{{"name":"k-{worker}-{number}"}}"#);
                    let call = || admin.create(&document);
                    let Ok(key) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call))
                    else {
                        return;
                    };
                    made.lock().expect("a list").push(key);
                }
            });
        }
        let deadline = Instant::now() + Duration::from_secs(120);
        while made.lock().expect("a list").len() < least && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        gateway.signal("KILL");
    });
    made.into_inner().expect("a list")
}

/// `THROUGHWAY_TEST_CREATES`: how many keys; 200 unless it is set.
#[test]
fn every_key_that_was_acknowledged_opens_the_gateway_after_kill_9() {
    let least = std::env::var("THROUGHWAY_TEST_CREATES");
    let least = least.map_or(200, |it| it.parse().expect("a number"));
    let directory = Directory::new();
    let settings = in_file(&directory, "all");
    let mut gateway = Process::serving("admin-killed", &settings);
    let keys = create_until_killed(&gateway, least);
    gateway.ended();
    assert!(keys.len() >= least, "only {} keys were made", keys.len());
    let gateway = Process::serving("admin-after-kill", &settings);
    let admin = Admin::of(gateway.address);
    let lost: Vec<_> = keys.iter().filter(|it| !admin.opens(&it.key)).collect();
    assert!(lost.is_empty(), "{} of {} are lost", lost.len(), keys.len());
    println!(
        "{} acknowledged keys open the gateway after kill -9",
        keys.len()
    );
}

/// Makes, changes, blocks, rotates and deletes a key at one replica; the other follows each time.
fn follows(one: &Process, other: &Process) -> Duration {
    let (one, other) = (Admin::of(one.address), Admin::of(other.address));
    let mut longest = Duration::ZERO;
    let mut soon = |what: &str, holds: &dyn Fn() -> bool| {
        let begun = Instant::now();
        assert!(within(SOON, holds), "not within {SOON:?}: {what}");
        longest = longest.max(begun.elapsed());
    };
    let key = one.create(r#"{"name":"app"}"#);
    assert!(one.opens(&key.key), "in force where it was made, at once");
    soon("it is made", &|| other.opens(&key.key));
    let path = format!("/keys/{}", key.id);
    // Changed at the other one: neither is the first among them.
    other.json("PATCH", &path, r#"{"blocked":true}"#, 200);
    soon("it is blocked", &|| !one.opens(&key.key));
    one.json("PATCH", &path, r#"{"blocked":null}"#, 200);
    soon("it is not", &|| other.opens(&key.key));
    let rotated = one.json("POST", &format!("{path}/rotate"), "{}", 200);
    let new = rotated["key"].as_str().expect("a key");
    soon("it is rotated", &|| {
        other.opens(new) && !other.opens(&key.key)
    });
    other.json("DELETE", &path, "", 204);
    soon("it is deleted", &|| !one.opens(new));
    assert_eq!(one.call("GET", &path, "").status, 404);
    longest
}

#[test]
fn replicas_over_one_file_see_a_change_within_a_second() {
    let directory = Directory::new();
    let settings = in_file(&directory, "all");
    let one = Process::serving("admin-file-one", &settings);
    let other = Process::serving("admin-file-other", &settings);
    println!("at most {:?} between two replicas", follows(&one, &other));
}

#[test]
fn replicas_over_postgresql_see_a_change_within_a_second() {
    let server = Postgres::shared();
    let settings = in_postgres(&database(&server));
    let one = Process::serving("admin-pg-one", &settings);
    let other = Process::serving("admin-pg-other", &settings);
    println!("at most {:?} between two replicas", follows(&one, &other));
}

/// The readiness page, which is 200 whatever the store does.
fn ready(gateway: &Process) -> String {
    let request = "GET /gateway/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let page = gateway.exchange(request);
    assert_eq!(page.status, 200);
    page.text()
}

#[test]
fn without_its_postgresql_a_gateway_serves_known_keys_and_says_so() {
    let server = Postgres::start();
    let gateway = Process::serving("admin-pg-away", &in_postgres(&database(&server)));
    let admin = Admin::of(gateway.address);
    let key = admin.create(r#"{"name":"app"}"#);
    assert_eq!(gateway.metric("throughway_store_up"), 1);
    assert_eq!(ready(&gateway), "ready\nstore: ok\n");
    server.crash();
    // A connection is awaited for as long as the store's patience lasts.
    let is_down = || gateway.metric("throughway_store_up") == 0;
    assert!(within(AWAY, is_down), "the metric does not say so");
    assert!(gateway.metric("throughway_store_failures_total") >= 1);
    assert!(admin.opens(&key.key));
    let refused = admin.call("POST", "/keys", r#"{"name":"other"}"#);
    assert_eq!(
        (refused.status, refused.error()),
        (503, Some("store_unavailable"))
    );
    assert!(admin.opens(&key.key));
    let page = ready(&gateway);
    assert!(page.starts_with("ready\nstore: away since 20"), "{page}");
    assert_eq!(
        (page.lines().count(), page.contains("127.")),
        (2, false),
        "{page}"
    );
    let log = gateway.log_until_now();
    assert!(log.contains("the store cannot be read"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
}

#[test]
fn a_top_up_that_cannot_be_stored_is_not_made() {
    let server = Postgres::start();
    let stored = in_postgres(&database(&server));
    let settings = format!("{stored}budgets: [{{ name: all, usd: 5, window: total }}]\n");
    let gateway = Process::serving("admin-pg-top-up", &settings);
    let admin = Admin::of(gateway.address);
    let budget = || admin.json("GET", "/budgets", "", 200)["data"][0].clone();
    let path = format!(
        "/budgets/{}/top-up",
        budget()["id"].as_str().expect("an id")
    );
    admin.json("POST", &path, r#"{"usd":1}"#, 200);
    assert_eq!(budget()["topped_up"], "1");
    server.crash();
    let is_down = || gateway.metric("throughway_store_up") == 0;
    assert!(within(AWAY, is_down), "the metric does not say so");
    let refused = admin.call("POST", &path, r#"{"usd":2}"#);
    assert_eq!(
        (refused.status, refused.error()),
        (503, Some("store_unavailable"))
    );
    assert_eq!(budget()["topped_up"], "1");
}

#[test]
fn a_reload_keeps_the_keys_of_the_store() {
    let directory = Directory::new();
    let settings = in_file(&directory, "all");
    let gateway = Process::serving("admin-reload", &settings);
    let admin = Admin::of(gateway.address);
    let key = admin.create(r#"{"name":"app"}"#);
    // The file takes the name of the store's key, and gives it back.
    let digest = format!("sha256:{}", "ab".repeat(32));
    gateway.write_settings(&format!(
        "{settings}keys: {{ app: {{ digest: \"{digest}\" }} }}\n"
    ));
    eventually("it is in force", || {
        gateway.metric("throughway_reloads_total") == 1
    });
    assert!(!admin.opens(&key.key), "the name of the file wins");
    assert_eq!(
        admin.json("GET", "/keys", "", 200)["data"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    gateway.write_settings(&format!("{settings}portkey: true\n"));
    eventually("it is in force", || {
        gateway.metric("throughway_reloads_total") == 2
    });
    assert!(admin.opens(&key.key));
    let log = gateway.log_until_now();
    let told = log.matches("an object of the store has no effect").count();
    assert_eq!(told, 1, "{log}");
    // Settings do not wait for the store: the audit log tells of them once they are in force.
    eventually("the audit log tells of both, and of nothing since", || {
        let audit = admin.json("GET", "/audit?limit=3", "", 200);
        let actions = [0, 1, 2].map(|row| audit["data"][row]["action"].clone());
        actions == ["reload", "reload", "create"]
    });
}

/// No secret, and no digest where it is not needed.
#[test]
fn a_secret_is_only_where_it_was_given_out() {
    let directory = Directory::new();
    let gateway = Process::serving("admin-canary", &in_file(&directory, "all"));
    let admin = Admin::of(gateway.address);
    let first = admin.create(r#"{"name":"app"}"#);
    let path = format!("/keys/{}", first.id);
    let rotated = admin.json("POST", &format!("{path}/rotate"), r#"{"grace":"1h"}"#, 200);
    let second = rotated["key"].as_str().expect("a key").to_owned();
    admin.json("PATCH", &path, r#"{"metadata":{"a":"b"}}"#, 200);
    assert!(admin.opens(&first.key) && admin.opens(&second));
    let mut shown = vec![gateway.log_until_now()];
    for page in ["/keys", &path, "/audit"] {
        shown.push(admin.call("GET", page, "").text());
    }
    let metrics = "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\
                   Authorization: Bearer secret\r\n\r\n";
    shown.push(gateway.exchange(metrics).text());
    let stored = bytes_in(&directory);
    for key in [&first.key, &second] {
        let parsed = throughway::identity::token::GatewayKey::parse(key.as_bytes());
        let digest = parsed.expect("a key").digest().to_string();
        let digits = digest.trim_start_matches("sha256:");
        // What people may see of a key is its beginning.
        let secret = &key[12..];
        for text in &shown {
            assert!(!text.contains(secret), "{text}");
            assert!(!text.contains(digits), "{text}");
        }
        let holds = |text: &str| stored.windows(text.len()).any(|it| it == text.as_bytes());
        assert!(!holds(secret), "the database has a secret");
        assert!(holds(digits), "the search looks where the keys are");
    }
}

/// All files of the data directory, one after the other.
fn bytes_in(directory: &Directory) -> Vec<u8> {
    let files = fs::read_dir(directory.path().join("data")).expect("a directory");
    let read = |file: std::io::Result<fs::DirEntry>| fs::read(file.expect("a file").path());
    files.flat_map(|it| read(it).expect("its bytes")).collect()
}

#[test]
fn a_running_gateway_forgets_old_rows_of_the_audit_log() {
    let directory = Directory::new();
    let settings =
        in_file(&directory, "all").replace("kind: sqlite", "kind: sqlite, audit_retention: 1d");
    let mut gateway = Process::serving("admin-audit-1", &settings);
    let admin = Admin::of(gateway.address);
    let [old, _young] = ["old", "young"].map(|it| admin.create(&format!(r#"{{"name":"{it}"}}"#)));
    gateway.signal("TERM");
    gateway.ended();
    make_old(&directory.path().join("data/throughway.db"), &old.id);
    let gateway = Process::serving("admin-audit-2", &settings);
    let admin = Admin::of(gateway.address);
    let names = || {
        let rows = admin.json("GET", "/audit", "", 200)["data"].clone();
        let rows = rows.as_array().expect("rows").clone();
        rows.iter().map(|it| it["name"].clone()).collect::<Vec<_>>()
    };
    eventually("the old row is gone", || names() == ["young"]);
    assert!(admin.opens(&old.key));
}

/// As if what was done with this key had been done long ago.
fn make_old(database: &Path, id: &str) {
    let sql = format!("UPDATE throughway_audit SET at = 0 WHERE entry LIKE '%{id}%'");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(database);
        let connection = SqliteConnection::connect_with(&options).await;
        let mut connection = connection.expect("a connection");
        let done = connection.execute(AssertSqlSafe(sql)).await;
        assert_eq!(done.expect("a change").rows_affected(), 1);
        connection.close().await.expect("closed");
    });
}

/// Whether a gateway that other machines can reach starts depends on the store.
#[test]
fn a_wide_listener_starts_if_the_store_has_a_key() {
    let directory = Directory::new();
    let data = directory.path().display().to_string();
    let variables = [("THROUGHWAY_DATA_DIR", data.as_str())];
    let text = refused("listen: 0.0.0.0:0", &variables);
    assert!(
        text.contains("neither in the settings nor in the store"),
        "{text}"
    );
    let mut create = Command::new(env!("CARGO_BIN_EXE_throughway"));
    create.args(["keys", "create", "app", "--data-dir", &data]);
    let made = create.env_clear().output().expect("the program");
    let key = String::from_utf8_lossy(&made.stdout);
    let key = key.lines().next().expect("a key").to_owned();
    let settings = format!("listen: 0.0.0.0:0\ndata_dir: {data}\nstore: {{ kind: sqlite }}\n");
    let gateway = Gateway::with(&settings);
    let local = SocketAddr::from(([127, 0, 0, 1], gateway.address.port()));
    let admin = Admin::of(local);
    assert!(admin.opens(&key));
    let without = gateway.exchange("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(without.status, 401);
}

/// A start that must fail.
fn refused(lines: &str, variables: &[(&str, &str)]) -> String {
    let directory = Directory::new();
    let file = directory.path().join("settings.yaml");
    let listen = match lines.contains("listen:") {
        true => "",
        false => "listen: 127.0.0.1:0\n",
    };
    fs::write(&file, format!("{listen}{lines}")).expect("a file");
    let output: Output = Command::new(env!("CARGO_BIN_EXE_throughway"))
        .env_clear()
        .envs(variables.iter().copied())
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .expect("the program");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

#[test]
fn a_store_that_cannot_be_used_is_an_error_at_the_start() {
    let directory = Directory::new();
    let data = directory.path().display().to_string();
    let in_directory = [("THROUGHWAY_DATA_DIR", data.as_str())];
    fs::write(directory.path().join("throughway.db"), vec![7; 8192]).expect("a file");
    let text = refused("", &in_directory);
    assert!(text.contains("throughway.db is damaged"), "{text}");
    assert!(text.contains("restore a backup, or move it away"), "{text}");
    let text = refused("", &[("THROUGHWAY_DATA_DIR", "/proc/none")]);
    assert!(text.contains("/proc/none cannot be written"), "{text}");
    let away =
        format!("store: {{ kind: postgres, url: \"postgres://a:{PASSWORD}@127.0.0.1:1/x\" }}");
    let text = refused(&away, &[]);
    assert!(
        text.contains("the PostgreSQL database x at 127.0.0.1"),
        "{text}"
    );
    assert!(!text.contains(PASSWORD), "{text}");
    for (lines, expected) in [
        ("store: { kind: postgres }", "store.url is needed"),
        (
            "store: { url: \"postgres://x\" }",
            "store.url needs store.kind to be postgres",
        ),
        ("store: { kind: mysql }", "store.kind"),
        ("secret_key: short", "secret_key must"),
    ] {
        let text = refused(lines, &[]);
        assert!(text.contains(expected), "{lines}: {text}");
    }
}
