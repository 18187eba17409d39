//! Reservations that replicas share in Redis: how long they are held, and what becomes of them when
//! a replica dies or Redis hangs.

use std::time::Duration;

use serde_json::json;

use crate::{
    budgets::{budget, in_redis, paid, request},
    support::{Gate, Process, Redis, Upstream, eventually, replicas::settled, within},
};

/// A reservation as Redis has it.
struct Lease {
    key: String,
    name: String,
    /// In milliseconds since 1970, by the server's clock.
    end: i64,
}

impl Lease {
    fn only_one(redis: &Redis) -> Self {
        let key = texts(redis, "KEYS *:leases").remove(0);
        let [name, end] = &texts(redis, &format!("ZRANGE {key} 0 -1 WITHSCORES"))[..] else {
            panic!("not one lease at {key}");
        };
        Lease {
            name: name.clone(),
            end: end.parse().expect("a number"),
            key,
        }
    }

    fn end_at(&self, redis: &Redis, end: i64) {
        let Lease { key, name, .. } = self;
        let command = format!("ZADD {key} XX {end} {name}");
        assert_eq!(redis.ask(&command).as_deref(), Some(":0\r\n"));
    }
}

/// The texts of a list that Redis replies.
fn texts(redis: &Redis, command: &str) -> Vec<String> {
    let reply = redis.ask(command).expect("a reply");
    let texts = reply.lines().filter(|line| !line.starts_with(['*', '$']));
    texts.map(str::to_owned).collect()
}

/// The time of the server, in milliseconds since 1970.
fn now(redis: &Redis) -> i64 {
    let time = texts(redis, "TIME");
    let [seconds, micros] = [0, 1].map(|at| time[at].parse::<i64>().expect("a number"));
    seconds * 1000 + micros / 1000
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
    let [mut one, two] =
        ["budget-killed-1", "budget-killed-2"].map(|it| Process::serving(it, &settings));
    settled(&[&one, &two]);
    let mut client = one.client();
    client.send(request());
    client.wait_for(b"ha");
    assert_eq!(two.exchange(request()).status, 402);
    assert_eq!(budget(&two)["reserved"], json!("1"));
    one.signal("KILL");
    one.ended();
    let lease = Lease::only_one(&redis);
    let left = lease.end - now(&redis);
    assert!((15_000..=30_000).contains(&left), "{left}");
    assert_eq!(budget(&two)["reserved"], json!("1"));
    // Half a minute later, as far as the lease knows.
    lease.end_at(&redis, 1);
    assert_eq!(budget(&two)["reserved"], json!("0"));
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
    let began = Lease::only_one(&redis);
    let prolonged = || Lease::only_one(&redis).end > began.end;
    assert!(within(Duration::from_secs(20), prolonged));
    // As if it had been prolonged for the last time: it is again before it ends.
    let soon = now(&redis) + 14_000;
    began.end_at(&redis, soon);
    let prolonged = || Lease::only_one(&redis).end > soon;
    assert!(within(Duration::from_secs(20), prolonged));
    assert_eq!(budget(&one)["reserved"], json!("1"));
    redis.freeze(true);
    gate.open();
    client.wait_for(b"half");
    let failed = || one.metric("throughway_redis_failures_total") > 0;
    assert!(within(Duration::from_secs(20), failed));
    redis.freeze(false);
    eventually("Redis is told", || {
        let budget = budget(&one);
        budget["spent"] == json!("1") && budget["reserved"] == json!("0")
    });
}
