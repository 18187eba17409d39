//! Rate limits that replicas share in Redis: counted together by one clock, and what happens while
//! Redis is away.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Redis, Response, Upstream, eventually, let_pass,
    replicas::{BODY, replica, request, settled},
    routing::{base, chat, config_line},
};

fn header(response: &Response, name: &str) -> u64 {
    response
        .header(name)
        .and_then(|it| it.parse().ok())
        .expect(name)
}

#[test]
fn two_processes_admit_together_no_more_than_limit_and_burst() {
    let (redis, upstream) = (Redis::start(), Upstream::ok());
    for by in ["caller", "origin", "client_address", "metadata.user"] {
        let limit = format!("{{ requests: 40, window: 1s, burst: 10, by: {by} }}");
        let name = format!("shared-{}", by.replace('.', "-"));
        let processes =
            [1, 2].map(|number| replica(&format!("{name}-{number}"), &redis, &limit, ""));
        settled(&[&processes[0], &processes[1]]);
        let request = request(&upstream);
        let admitted = AtomicUsize::new(0);
        let begun = Instant::now();
        thread::scope(|scope| {
            for number in 0..64 {
                let (process, request, admitted) = (&processes[number % 2], &request, &admitted);
                scope.spawn(move || {
                    let mut client = process.client();
                    while begun.elapsed() < Duration::from_millis(900) {
                        client.send(request);
                        match client.response().status {
                            200 => admitted.fetch_add(1, Ordering::Relaxed),
                            429 => 0,
                            other => panic!("{other}"),
                        };
                        // The pace of the load.
                        let_pass(Duration::from_millis(5));
                    }
                });
            }
        });
        let (admitted, window) = (admitted.into_inner(), begun.elapsed().as_secs_f64());
        let most = (40.0 * window).ceil() as usize + 10;
        assert!(
            (20..=most).contains(&admitted),
            "{by}: {admitted} in {window} s"
        );
    }
}

#[test]
fn the_client_that_waits_as_told_by_one_is_admitted_by_the_other() {
    let (redis, upstream) = (Redis::start(), Upstream::ok());
    let limit = "{ requests: 2, window: 2s, burst: 2, by: caller }";
    let [one, two] = ["wait-1", "wait-2"].map(|name| replica(name, &redis, limit, ""));
    settled(&[&one, &two]);
    let request = request(&upstream);
    let first = one.exchange(&request);
    assert_eq!(header(&first, "x-gateway-ratelimit-remaining"), 1);
    assert_eq!(header(&first, "x-gateway-ratelimit-limit"), 2);
    assert_eq!(two.exchange(&request).status, 200);
    let refused = one.exchange(&request);
    assert_eq!(
        (refused.status, refused.error()),
        (429, Some("rate_limited"))
    );
    assert_eq!(header(&refused, "x-gateway-ratelimit-reset"), 2);
    let_pass(Duration::from_secs(header(&refused, "retry-after")));
    assert_eq!(two.exchange(&request).status, 200);
}

#[test]
fn places_are_shared_given_back_and_run_out_with_their_replica() {
    let redis = Redis::start();
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            peer.pause(Duration::from_millis(700));
            peer.send("lf");
        }
    });
    let limit = "{ concurrent: 1, by: origin }";
    let [mut one, two] = ["place-1", "place-2"].map(|name| replica(name, &redis, limit, ""));
    settled(&[&one, &two]);
    let request = request(&upstream);
    let mut client = one.client();
    client.send(&request);
    client.wait_for(b"ha");
    let refused = two.exchange(&request);
    assert_eq!(
        (refused.status, refused.error()),
        (429, Some("rate_limited"))
    );
    client.wait_for(b"half");
    eventually("the place is given back", || {
        two.exchange(&request).status == 200
    });

    // A replica dies with a place taken: the lease is there, and says when it ends.
    let mut client = one.client();
    eventually("a place again", || {
        client = one.client();
        client.send(&request);
        client.head().contains(" 200 ")
    });
    one.signal("KILL");
    one.ended();
    let keys = redis.ask("KEYS *:leases").expect("a reply");
    let key = keys
        .lines()
        .find(|line| line.contains("leases"))
        .expect("a lease");
    let left = redis.ask(&format!("PTTL {key}")).expect("a reply");
    let left: i64 = left
        .trim()
        .trim_start_matches(':')
        .parse()
        .expect("a number");
    assert!((20_000..=30_000).contains(&left), "{left}");
    assert_eq!(two.exchange(&request).status, 429);
    let lease = redis.ask(&format!("ZRANGE {key} 0 -1")).expect("a reply");
    let lease = lease.lines().last().expect("a lease").to_owned();
    // Half a minute later, as far as the lease knows.
    redis
        .ask(&format!("ZADD {key} XX 1 {lease}"))
        .expect("a reply");
    assert_eq!(two.exchange(&request).status, 200);
}

/// Stops the load of a test, also of one that fails.
struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_fails_while_redis_is_away_and_sharing_resumes_after_it() {
    let (mut redis, upstream) = (Redis::start(), Upstream::ok());
    let limit = "{ requests: 100000, window: 1m, by: caller }";
    let [one, two] = ["away-1", "away-2"].map(|name| replica(name, &redis, limit, ""));
    settled(&[&one, &two]);
    let request = request(&upstream);
    let stop = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        let load = Stop(&stop);
        for number in 0..8 {
            let (process, request) = ([&one, &two][number % 2], &request);
            let (stop, sent) = (&stop, &sent);
            scope.spawn(move || {
                let mut client = process.client();
                while !stop.load(Ordering::Relaxed) {
                    client.send(request);
                    assert_eq!(client.response().status, 200);
                    sent.fetch_add(1, Ordering::Relaxed);
                    // The pace of the load.
                    let_pass(Duration::from_millis(2));
                }
            });
        }
        let pass = |count: usize| {
            let seen = sent.load(Ordering::Relaxed);
            eventually("load goes on", || {
                sent.load(Ordering::Relaxed) > seen + count
            });
        };
        pass(200);
        redis.kill();
        for process in [&one, &two] {
            eventually("it is noticed", || {
                process.metric("throughway_redis_up") == 0
            });
        }
        pass(500);
        for process in [&one, &two] {
            let failures = || process.metric("throughway_redis_failures_total");
            let before = failures();
            eventually("it is tried again in vain", || failures() >= before + 2);
        }
        redis.restart();
        for process in [&one, &two] {
            eventually("it is back", || process.metric("throughway_redis_up") == 1);
        }
        pass(200);
        drop(load);
    });
    for process in [&one, &two] {
        let warnings = || {
            let log = process.log();
            log.lines().filter(|line| line.contains("redis")).count()
        };
        eventually("both are told", || warnings() >= 2);
        assert_eq!(warnings(), 2, "{}", process.log());
    }
    // Counted together again, by a Redis that knows nothing of before.
    let config = format!(
        r#"{{"custom_host":"{}","rate_limit":{{"requests":3,"window":"1h"}}}}"#,
        base(&upstream)
    );
    let probe = chat(&config_line(&config), BODY);
    let statuses = [&one, &two, &one, &two, &one].map(|it| it.exchange(&probe).status);
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn a_redis_that_hangs_delays_no_request() {
    let (redis, upstream) = (Redis::start(), Upstream::ok());
    let one = replica(
        "hang",
        &redis,
        "{ requests: 1000, window: 1m, by: caller }",
        ", timeout: 50ms",
    );
    settled(&[&one]);
    let request = request(&upstream);
    assert_eq!(one.exchange(&request).status, 200);
    redis.freeze(true);
    let begun = Instant::now();
    const REQUESTS: u32 = 200;
    for _ in 0..REQUESTS {
        assert_eq!(one.exchange(&request).status, 200);
    }
    let took = begun.elapsed();
    redis.freeze(false);
    // Half of what it would be if each of them waited.
    assert!(took < REQUESTS * Duration::from_millis(25), "{took:?}");
    eventually("it is back", || {
        one.exchange(&request);
        one.metric("throughway_redis_up") == 1
    });
}

#[test]
fn the_settings_decide_what_happens_without_redis() {
    let (mut redis, upstream) = (Redis::start(), Upstream::ok());
    let limit = "{ requests: 1, window: 1h, by: caller }";
    let request = request(&upstream);
    let replicas = [
        ("local", [200, 429], Some("rate_limited")),
        ("allow", [200, 200], None),
        ("deny", [503, 503], Some("overloaded")),
    ]
    .map(|(what, expected, error)| {
        let more = format!(", on_redis_failure: {what}");
        let process = replica(&format!("without-{what}"), &redis, limit, &more);
        settled(&[&process]);
        (what, process, expected, error)
    });
    redis.kill();
    for (what, process, expected, error) in &replicas {
        let responses = [(); 2].map(|()| process.exchange(&request));
        assert_eq!(
            responses.each_ref().map(|it| it.status),
            *expected,
            "{what}"
        );
        assert_eq!(responses[1].error(), *error, "{what}");
        if *what == "deny" {
            assert_eq!(header(&responses[1], "retry-after"), 1);
        }
    }
}
