//! A Redis that responds with errors: stored responses are still served, and new ones are not
//! stored.

use crate::support::{
    Process, Redis, Upstream,
    caching::{Ask, JSON, keeping_in, numbering, status},
    eventually,
};

/// What the cache did for a request with these lines.
fn told(process: &Process, upstream: &Upstream, lines: &'static str) -> String {
    let ask = Ask {
        lines,
        ..Ask::of(upstream)
    };
    status(&process.exchange(ask.text())).to_owned()
}

#[test]
fn a_full_redis_still_serves_what_it_stores() {
    let redis = Redis::start();
    let upstream = numbering("200 OK", JSON);
    let process = keeping_in(&redis, "cache-full", "");
    let send = |lines| told(&process, &upstream, lines);
    eventually("it is kept", || send("") == "HIT");
    // Whatever is there is too much already; by default nothing is evicted.
    redis.ask("CONFIG SET maxmemory 1").expect("a reply");
    for line in ["x-a: 1\r\n", "x-a: 2\r\n", "x-a: 3\r\n", "x-a: 4\r\n"] {
        assert_eq!([send(line), send("")], ["MISS", "HIT"]);
    }
    eventually("what is refused is counted", || {
        process.metric("throughway_cache_redis_failures_total") == 4
    });
    let log = process.log_until_now();
    let told = log.lines().filter(|line| line.contains("redis refuses"));
    assert_eq!(told.count(), 1, "{log}");
    assert!(!log.contains("does not answer"), "{log}");
    assert_eq!(process.metric("throughway_cache_redis_up"), 1);
    redis.ask("CONFIG SET maxmemory 0").expect("a reply");
    eventually("new ones are kept again", || {
        send("x-other: 1\r\n") == "HIT"
    });
}

#[test]
fn a_redis_key_of_another_type_is_a_miss_for_that_key_only() {
    let redis = Redis::start();
    let upstream = numbering("200 OK", JSON);
    let process = keeping_in(&redis, "cache-type", "");
    let send = |lines| told(&process, &upstream, lines);
    eventually("it is kept", || send("") == "HIT");
    let keys = redis.ask("KEYS throughway:cache:*").expect("a reply");
    // Not the marks of purges, which are longer.
    let entry = |line: &&str| {
        let name = line.strip_prefix("throughway:cache:");
        name.is_some_and(|it| it.len() == 64)
    };
    let key = keys.lines().find(entry).expect("an entry").to_owned();
    eventually("another is kept", || send("x-other: 1\r\n") == "HIT");
    redis.ask(&format!("DEL {key}")).expect("a reply");
    redis.ask(&format!("LPUSH {key} x")).expect("a reply");
    for _ in 0..5 {
        assert_eq!([send(""), send("x-other: 1\r\n")], ["MISS", "HIT"]);
    }
}
