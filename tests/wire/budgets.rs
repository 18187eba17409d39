//! Budgets through real sockets: what can be spent at once, by one process and by several, and what
//! is left of it after a restart, a reload, or the death of a replica.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    Gate, Process, Redis, Response, Upstream,
    admin::Admin,
    eventually,
    postgres::{Directory, in_file},
    replicas::settled,
    routing::base,
};

const CALLERS: usize = 64;

/// An endpoint whose requests cost a dollar each.
fn paid(upstream: &Upstream, budgets: &str) -> String {
    let base = base(upstream);
    format!(
        "endpoints: [{{ path: /paid, target: \"{base}\", cost_per_request: 1, \
         budgets: [{budgets}] }}]\n"
    )
}

const THIRTY: &str = "{ name: thirty, usd: 30, window: day }";

fn request() -> String {
    "POST /paid/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
     Content-Length: 13\r\n\r\n{\"model\":\"m\"}"
        .to_owned()
}

fn in_redis(redis: &Redis, more: &str) -> String {
    format!(
        "admin_token: secret\nlog: {{ access: off }}\n\
         limit_store: {{ store: redis, url: \"{}\", timeout: 5s{more} }}\n",
        redis.url()
    )
}

/// The one budget there is.
fn budget(process: &Process) -> Value {
    let page = Admin::of(process.address).json("GET", "/budgets", "", 200);
    let all = page["data"].as_array().expect("a list");
    assert_eq!(all.len(), 1, "{page}");
    all[0].clone()
}

fn spent(process: &Process) -> f64 {
    let spent = budget(process)["spent"].clone();
    spent
        .as_str()
        .and_then(|it| it.parse().ok())
        .unwrap_or(-1.0)
}

/// Sends from all callers at once until the budget is spent; returns how many requests passed.
fn spend_all(processes: &[&Process]) -> u64 {
    let passed = AtomicU64::new(0);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (process, passed) = (processes[caller % processes.len()], &passed);
            scope.spawn(move || {
                let deadline = Instant::now() + Duration::from_secs(60);
                while Instant::now() < deadline {
                    let response = process.exchange(request());
                    match response.status {
                        200 => passed.fetch_add(1, Ordering::Relaxed),
                        402 if response.text().contains("30 USD of 30 USD are spent") => return,
                        402 => continue,
                        status => panic!("{status}: {}", response.text()),
                    };
                }
            });
        }
    });
    passed.into_inner()
}

fn check_all_is_spent(processes: &[&Process]) {
    assert_eq!(spend_all(processes), 30);
    for process in processes {
        eventually("all is settled", || {
            let budget = budget(process);
            budget["spent"] == json!("30") && budget["reserved"] == json!("0")
        });
        assert_eq!(process.metric("throughway_budget_reservations"), 0);
    }
    let refused = processes[0].exchange(request());
    assert_eq!(refused.status, 402);
    assert_eq!(refused.error(), Some("budget_exceeded"));
    assert_eq!(refused.header("retry-after"), None);
}

#[test]
fn callers_at_once_spend_all_of_a_budget_and_no_more() {
    let upstream = Upstream::ok();
    let settings = format!(
        "admin_token: secret\nworkers: 2\n{}",
        paid(&upstream, THIRTY)
    );
    check_all_is_spent(&[&Process::serving("budget-memory", &settings)]);
}

#[test]
fn callers_of_several_replicas_spend_all_of_a_budget_and_no_more() {
    let (redis, upstream) = (Redis::start(), Upstream::ok());
    let settings = in_redis(&redis, "") + &paid(&upstream, THIRTY);
    let [one, two] = ["budget-redis-1", "budget-redis-2"].map(|it| Process::serving(it, &settings));
    settled(&[&one, &two]);
    check_all_is_spent(&[&one, &two]);
    assert_eq!(one.metric("throughway_redis_failures_total"), 0);
}

#[test]
fn a_cluster_counts_several_budgets_in_one_step() {
    let (redis, upstream) = (Redis::cluster(), Upstream::ok());
    let both = "{ name: thirty, usd: 2, window: day }, { tokens: 9000, window: month, by: origin }";
    let settings = in_redis(&redis, ", cluster: true") + &paid(&upstream, both);
    let [one, two] =
        ["budget-cluster-1", "budget-cluster-2"].map(|it| Process::serving(it, &settings));
    settled(&[&one, &two]);
    let statuses = [&one, &two, &one].map(|it| it.exchange(request()).status);
    assert_eq!(statuses, [200, 200, 402]);
    let page = Admin::of(two.address).json("GET", "/budgets", "", 200);
    let by_origin = page["data"].as_array().expect("a list");
    let by_origin = by_origin
        .iter()
        .find(|it| it["by"] == json!("origin"))
        .expect("a budget");
    assert_eq!(by_origin["values"][0]["value"], json!(upstream.url()));
    assert_eq!(one.metric("throughway_redis_failures_total"), 0);
}

/// Sends half of its response, and the rest when the gate opens.
fn holding(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            let _ = (0..30).any(|_| gate.passed());
            peer.send("lf");
        }
    })
}

#[test]
fn what_a_killed_replica_has_reserved_comes_free() {
    let (redis, gate) = (Redis::start(), Gate::default());
    let upstream = holding(&gate);
    let settings = in_redis(&redis, "") + &paid(&upstream, "{ usd: 1, window: day }");
    let [one, two] =
        ["budget-killed-1", "budget-killed-2"].map(|it| Process::serving(it, &settings));
    settled(&[&one, &two]);
    let mut client = one.client();
    client.send(request());
    client.wait_for(b"ha");
    assert_eq!(two.exchange(request()).status, 402);
    assert_eq!(budget(&two)["reserved"], json!("1"));
    one.signal("KILL");
    let begun = Instant::now();
    while budget(&two)["reserved"] != json!("0") {
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "it is still reserved"
        );
        thread::sleep(Duration::from_millis(250));
    }
    assert!(
        begun.elapsed() > Duration::from_secs(15),
        "it was prolonged before"
    );
    gate.open();
    assert_eq!(two.exchange(request()).status, 200);
}

#[test]
fn a_long_request_keeps_what_it_has_reserved_and_redis_is_told_later() {
    let (redis, gate) = (Redis::start(), Gate::default());
    let upstream = holding(&gate);
    let settings = in_redis(&redis, "") + &paid(&upstream, "{ usd: 1, window: day }");
    let one = Process::serving("budget-long", &settings);
    settled(&[&one]);
    let mut client = one.client();
    client.send(request());
    client.wait_for(b"ha");
    thread::sleep(Duration::from_secs(33));
    assert_eq!(budget(&one)["reserved"], json!("1"));
    redis.freeze(true);
    gate.open();
    client.wait_for(b"half");
    thread::sleep(Duration::from_millis(200));
    redis.freeze(false);
    eventually("Redis is told", || {
        let budget = budget(&one);
        budget["spent"] == json!("1") && budget["reserved"] == json!("0")
    });
}

#[test]
fn kill_9_loses_at_most_a_second_and_a_stop_nothing() {
    let (directory, upstream) = (Directory::new(), Upstream::ok());
    let settings = in_file(&directory, "off") + &paid(&upstream, "{ usd: 100000, window: month }");
    let mut process = Process::serving("budget-kill", &settings);
    let mut sent = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(process.exchange(request()).status, 200);
        sent.push(Instant::now());
    }
    let killed = Instant::now();
    process.signal("KILL");
    process.ended();
    let mut process = Process::serving("budget-after-kill", &settings);
    // A second, and what a machine busy with tests adds.
    let old = Duration::from_millis(1500);
    let least = sent.iter().filter(|at| killed - **at > old).count();
    let saved = spent(&process);
    assert!(saved >= least as f64, "{saved} of {} are left", sent.len());
    assert!(saved <= sent.len() as f64, "{saved} of {}", sent.len());
    for _ in 0..7 {
        assert_eq!(process.exchange(request()).status, 200);
    }
    process.signal("TERM");
    process.ended();
    let process = Process::serving("budget-after-stop", &settings);
    assert_eq!(spent(&process), saved + 7.0);
}

fn by_key(key: &str) -> String {
    request().replacen(
        "\r\n\r\n",
        &format!("\r\nAuthorization: Bearer {key}\r\n\r\n"),
        1,
    )
}

fn own_page(process: &Process, key: &str) -> Value {
    let page: Response = process.exchange(format!(
        "GET /gateway/key HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
    ));
    serde_json::from_str(page.text().trim()).expect("JSON")
}

#[test]
fn an_operator_sets_tops_up_corrects_and_clears_a_budget() {
    let (directory, upstream) = (Directory::new(), Upstream::ok());
    let settings = in_file(&directory, "off") + &paid(&upstream, "");
    let process = Process::serving("budget-admin", &settings);
    let admin = Admin::of(process.address);
    let key = admin.create(r#"{"name":"app","budgets":[{"usd":2,"window":"total"}]}"#);
    let ask = || process.exchange(by_key(&key.key)).status;
    assert_eq!([ask(), ask(), ask()], [200, 200, 402]);
    let shown = budget(&process);
    assert_eq!(shown["owner"], json!(format!("keys.{}", key.id)));
    assert_eq!(
        (&shown["spent"], &shown["remaining"]),
        (&json!("2"), &json!("0"))
    );
    assert_eq!(shown["resets_at"], Value::Null);
    assert_eq!(
        own_page(&process, &key.key)["budgets"][0]["spent"],
        json!("2")
    );

    let path = format!("/budgets/{}", shown["id"].as_str().expect("an id"));
    let topped = admin.json("POST", &format!("{path}/top-up"), r#"{"usd":1}"#, 200);
    assert_eq!(
        (&topped["topped_up"], &topped["remaining"]),
        (&json!("1"), &json!("1"))
    );
    assert_eq!([ask(), ask()], [200, 402]);
    let corrected = admin.json("POST", &format!("{path}/correct"), r#"{"usd":"-1.5"}"#, 200);
    assert_eq!(corrected["spent"], json!("1.5"));
    assert_eq!(admin.json("GET", &path, "", 200)["spent"], json!("1.5"));
    let audit = admin.json("GET", "/audit?limit=2", "", 200);
    let actions = [0, 1].map(|at| audit["data"][at]["action"].clone());
    assert_eq!(actions, [json!("correct"), json!("top_up")]);
    assert_eq!(audit["data"][0]["before"]["spent"], json!("3"));

    // A budget that is raised goes on with what was spent; one that is removed is gone.
    let key_path = format!("/keys/{}", key.id);
    let raised = r#"{"budgets":[{"usd":50,"window":"total","soft":0.01}]}"#;
    admin.json("PATCH", &key_path, raised, 200);
    assert_eq!(budget(&process)["spent"], json!("1.5"));
    let warned = process.exchange(by_key(&key.key));
    assert_eq!(
        warned.header("x-gateway-budget-warning"),
        Some("total;used=0.049")
    );
    let cleared = admin.json("PATCH", &key_path, r#"{"budgets":null}"#, 200);
    assert_eq!(cleared.get("budgets"), None);
    assert_eq!(admin.json("GET", "/budgets", "", 200)["data"], json!([]));
    assert_eq!(admin.call("GET", &path, "").status, 404);
    assert_eq!(ask(), 200);
    admin.json(
        "PATCH",
        &key_path,
        r#"{"budgets":[{"usd":0,"window":"day"}]}"#,
        200,
    );
    assert_eq!(ask(), 402);
    assert_eq!(admin.call("DELETE", &key_path, "").status, 204);
    assert_eq!(admin.json("GET", "/budgets", "", 200)["data"], json!([]));
}

#[test]
fn what_an_operator_cannot_mean_is_refused() {
    let (directory, upstream) = (Directory::new(), Upstream::ok());
    let budgets = "{ usd: 5, window: total }, { tokens: 5, window: day }, \
                   { usd: 5, window: total, by: key, name: each }";
    let settings = in_file(&directory, "off") + &paid(&upstream, budgets);
    let process = Process::serving("budget-refused", &settings);
    let admin = Admin::of(process.address);
    let page = admin.json("GET", "/budgets", "", 200);
    let id = |name: &str| {
        let mut all = page["data"].as_array().expect("a list").iter();
        let found = all.find(|it| it["name"] == json!(name)).expect("a budget");
        found["id"].as_str().expect("an id").to_owned()
    };
    let (total, day, each) = (id("total"), id("day"), id("each"));
    for (path, body, status, param) in [
        (format!("{total}/top-up"), "{}", 400, "usd"),
        (format!("{total}/top-up"), r#"{"usd":-1}"#, 400, ""),
        (format!("{total}/top-up"), r#"{"usd":"much"}"#, 400, "usd"),
        (format!("{total}/top-up"), r#"{"tokens":1}"#, 400, "tokens"),
        (format!("{total}/top-up"), r#"{"usd":1,"x":1}"#, 400, "x"),
        (format!("{total}/top-up"), "[]", 400, "usd"),
        (format!("{day}/top-up"), r#"{"tokens":1}"#, 409, ""),
        (format!("{day}/correct"), r#"{"tokens":1.5}"#, 400, "tokens"),
        (format!("{each}/top-up"), r#"{"usd":1}"#, 409, ""),
        (
            format!("{total}.{}/correct", "0".repeat(32)),
            r#"{"usd":1}"#,
            409,
            "",
        ),
        (format!("{total}.x/correct"), r#"{"usd":1}"#, 404, ""),
        ("bud_x/correct".to_owned(), r#"{"usd":1}"#, 404, ""),
    ] {
        let refused = admin.json("POST", &format!("/budgets/{path}"), body, status);
        let told = refused["error"]["param"].as_str().unwrap_or_default();
        assert_eq!(told, param, "{path} {body}: {refused}");
    }
    for (budget, param) in [
        (r#"{"usd":5}"#, "budgets[0].window"),
        (r#"{"usd":5,"window":"day","reset":1}"#, "budgets[0].reset"),
        (
            r#"{"usd":5,"window":"day","timezone":"Mars"}"#,
            "budgets[0].timezone",
        ),
    ] {
        let document = format!(r#"{{"name":"app","budgets":[{budget}]}}"#);
        let refused = admin.json("POST", "/keys", &document, 400);
        assert_eq!(refused["error"]["param"], json!(param), "{refused}");
    }
}

#[test]
fn a_reload_keeps_what_was_spent() {
    let (directory, upstream) = (Directory::new(), Upstream::ok());
    let of = |usd: u32| {
        let budget = format!("{{ usd: {usd}, window: month, timezone: Asia/Tokyo }}");
        in_file(&directory, "off") + &paid(&upstream, &budget)
    };
    let process = Process::serving("budget-reload", &of(2));
    let ask = || process.exchange(request()).status;
    assert_eq!([ask(), ask(), ask()], [200, 200, 402]);
    process.write_settings(&of(3));
    process.signal("HUP");
    eventually("it is raised", || budget(&process)["usd"] == json!("3"));
    assert_eq!(budget(&process)["spent"], json!("2"));
    assert_eq!([ask(), ask()], [200, 402]);
}
