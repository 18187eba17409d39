//! What is left of a key's limits, as `GET /gateway/key` tells its holder: in memory and in Redis,
//! and without counting.

use serde_json::{Value, json};

use crate::support::{
    Gate, Gateway, Redis, Response, Upstream, eventually,
    gateway_keys::{bearer, entry},
    routing::{base, chat},
};

const BODY: &str = r#"{"model":"m"}"#;

/// What a request for the page gets from `exchange`.
fn left(exchange: impl Fn(String) -> Response) -> Value {
    let key = bearer(1);
    let request = format!("GET /gateway/key HTTP/1.1\r\nHost: localhost\r\n{key}\r\n");
    serde_json::from_str(exchange(request).text().trim()).expect("JSON")
}

/// A key with a limit of 5 requests in an hour and others, in a team with a limit of its own.
fn settings() -> String {
    let limits = "limits: [{ requests: 5, window: 1h }, { concurrent: 3 }, \
                  { requests: 9, window: 1h, concurrent: 2, by: metadata.tier }, \
                  { requests: 4, window: 1h, by: client_address }]";
    let key = entry(
        "app",
        1,
        &format!("team: t, metadata: {{ tier: gold }}, {limits}"),
    );
    let other = entry("other", 2, "team: t");
    format!(
        "limits: [{{ requests: 8, window: 1h, by: key }}, \
         {{ requests: 8, window: 1h, by: origin }}]\n\
         teams: {{ t: {{ limits: [{{ requests: 7, window: 1h }}] }} }}\nkeys:\n{key}{other}"
    )
}

/// Of each limit: what is left.
fn remaining(page: &Value, field: &str) -> Vec<Value> {
    let limits = page[field].as_array().expect(field);
    limits.iter().map(|it| it["remaining"].clone()).collect()
}

fn check(exchange: impl Fn(String) -> Response, upstream: &Upstream) {
    let fresh = left(&exchange);
    assert_eq!(
        remaining(&fresh, "limits"),
        [json!(5), json!(3), json!(9), Value::Null]
    );
    assert_eq!(remaining(&fresh, "team_limits"), [json!(7)]);
    assert_eq!(remaining(&fresh, "gateway_limits"), [json!(8)]);
    assert_eq!(fresh["limits"][0]["reset"], json!(0));
    let host = format!("x-gateway-custom-host: {}\r\n", base(upstream));
    for number in [1, 1, 2] {
        let sent = exchange(chat(&(host.clone() + &bearer(number)), BODY));
        assert_eq!(sent.status, 200, "{}", sent.text());
    }
    // However often it is asked, nothing is counted.
    for _ in 0..3 {
        let used = left(&exchange);
        assert_eq!(
            remaining(&used, "limits"),
            [json!(3), json!(3), json!(7), Value::Null]
        );
        assert_eq!(remaining(&used, "team_limits"), [json!(4)]);
        assert_eq!(remaining(&used, "gateway_limits"), [json!(6)]);
        assert_eq!(used["limits"][2]["concurrent_remaining"], json!(2));
        let reset = used["limits"][0]["reset"].as_u64().expect("seconds");
        assert!((1400..=1440).contains(&reset), "{reset}");
    }
}

#[test]
fn the_holder_sees_what_is_left_in_memory() {
    let gateway = Gateway::with(&settings());
    check(|request| gateway.exchange(request), &Upstream::ok());
}

#[test]
fn the_holder_sees_what_is_left_in_redis() {
    let mut redis = Redis::start();
    let url = redis.url();
    let gateway = Gateway::with(&format!(
        "limit_store: {{ store: redis, url: \"{url}\", timeout: 5s, on_redis_failure: deny }}\n{}",
        settings()
    ));
    eventually("redis is known", || {
        left(|request| gateway.exchange(request))["limits"][0]["remaining"] == json!(5)
    });
    check(|request| gateway.exchange(request), &Upstream::ok());
    // Without Redis nothing is known, and the page says so.
    redis.kill();
    let unknown = left(|request| gateway.exchange(request));
    assert_eq!(remaining(&unknown, "team_limits"), [Value::Null]);
    assert_eq!(unknown["limits"][0]["reset"], Value::Null);
}

#[test]
fn a_request_under_way_takes_a_place() {
    let redis = Redis::start();
    let stores = [
        "".to_owned(),
        format!(
            "limit_store: {{ store: redis, url: \"{}\", timeout: 5s, on_redis_failure: deny }}\n",
            redis.url()
        ),
    ];
    for store in stores {
        let gateway = Gateway::with(&format!("{store}{}", settings()));
        let left = || left(|request| gateway.exchange(request))["limits"][1]["remaining"].clone();
        eventually("the store is known", || left() == json!(3));
        let gate = Gate::default();
        let opened = gate.clone();
        let upstream = Upstream::playing(move |peer| {
            while peer.request().is_some() {
                let _ = opened.passed();
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            }
        });
        let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
        let mut client = gateway.client();
        client.send(chat(&(host + &bearer(1)), BODY));
        eventually("its place is taken", || left() == json!(2));
        gate.open();
        assert_eq!(client.response().status, 200);
        eventually("its place is free", || left() == json!(3));
    }
}
