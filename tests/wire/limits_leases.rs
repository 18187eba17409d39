//! `concurrent` limits shared in Redis: the places of requests that ended are given back whatever
//! Redis does meanwhile, and those of running requests stay taken.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Client, Gate, Gateway, Redis, Upstream, eventually, let_pass,
    replicas::{BODY, replica, request, settled},
    routing::{FAILURE, base, chat, config_line, json},
    within,
};

const ONE: &str = "{ concurrent: 1, by: origin }";
/// More than prolonging all leases takes, and less than one lives.
const PROLONGED: Duration = Duration::from_secs(20);

/// Sends half of its response to requests that ask it to hold, and the rest when the gate opens.
/// Responds to others at once.
fn holding(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            if String::from_utf8_lossy(&request).contains("hold") {
                let _ = (0..6).any(|_| gate.passed());
            }
            peer.send("lf");
        }
    })
}

/// The client, with a response under way.
fn held(client: Client, upstream: &Upstream) -> Client {
    held_by("a", client, upstream)
}

fn held_by(caller: &str, mut client: Client, upstream: &Upstream) -> Client {
    let config = config_line(&format!(r#"{{"custom_host":"{}"}}"#, base(upstream)));
    let lines = format!("{config}Authorization: Bearer {caller}\r\n");
    client.send(chat(&lines, r#"{"model":"hold"}"#));
    client.wait_for(b"ha");
    client
}

/// Keys of places taken.
fn keys(redis: &Redis) -> Vec<String> {
    let keys = redis.ask("KEYS *:leases").unwrap_or_default();
    let keys = keys.lines().filter(|line| line.starts_with("throughway"));
    keys.map(str::to_owned).collect()
}

fn number(redis: &Redis, command: &str) -> Option<u64> {
    let reply = redis.ask(command)?;
    reply.trim().trim_start_matches(':').parse().ok()
}

/// Places taken, as Redis knows them.
fn places(redis: &Redis) -> u64 {
    let keys = keys(redis);
    let counts = keys
        .iter()
        .map(|key| number(redis, &format!("ZCARD {key}")));
    counts.flatten().sum()
}

/// Whether one place comes to be taken again in time.
fn is_restored(redis: &Redis) -> bool {
    within(PROLONGED, || places(redis) == 1)
}

#[test]
fn the_next_attempt_of_a_request_finds_the_place_that_the_last_one_left() {
    let (redis, turns) = (Redis::start(), AtomicUsize::new(0));
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            let failing = turns.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            let status = ["200 OK", "503 Service Unavailable"][usize::from(failing)];
            peer.send(json(status, FAILURE));
        }
    });
    let one = replica("lease-next", &redis, ONE, "");
    settled(&[&one]);
    let target = format!(r#"{{"custom_host":"{}"}}"#, base(&upstream));
    let config = format!(r#"{{"strategy":{{"mode":"fallback"}},"targets":[{target},{target}]}}"#);
    let request = chat(&config_line(&config), BODY);
    let refused = (0..100).filter(|_| one.exchange(&request).status != 200);
    assert_eq!(refused.count(), 0);
    assert_eq!(one.metric("throughway_redis_failures_total"), 0);
}

#[test]
fn a_place_that_redis_gave_when_nobody_waited_any_more_is_given_back() {
    let (redis, upstream) = (Redis::start(), Upstream::ok());
    let one = replica("lease-late-1", &redis, ONE, ", timeout: 100ms");
    let two = replica("lease-late-2", &redis, ONE, "");
    settled(&[&one, &two]);
    let request = request(&upstream);
    assert_eq!(one.exchange(&request).status, 200);
    redis.freeze(true);
    assert_eq!(one.exchange(&request).status, 200, "counted by itself");
    redis.freeze(false);
    eventually("the place is free", || two.exchange(&request).status == 200);
}

#[test]
fn a_place_that_redis_gave_to_a_client_that_has_left_is_given_back() {
    let (redis, upstream) = (Redis::start(), Upstream::ok());
    let [one, two] = ["lease-left-1", "lease-left-2"].map(|name| replica(name, &redis, ONE, ""));
    settled(&[&one, &two]);
    let request = request(&upstream);
    assert_eq!(one.exchange(&request).status, 200);
    redis.freeze(true);
    let mut client = one.client();
    client.send(&request);
    // Its only worker tells this when it has asked.
    eventually("it asks", || {
        one.metric("throughway_requests_in_flight") == 1
    });
    drop(client);
    eventually("it gives up", || {
        one.metric("throughway_requests_total{outcome=\"client_gone\"}") == 1
    });
    redis.freeze(false);
    eventually("the place is free", || two.exchange(&request).status == 200);
}

#[test]
fn a_place_left_while_redis_is_away_is_given_back_when_it_answers_again() {
    let (redis, gate) = (Redis::start(), Gate::default());
    let upstream = holding(&gate);
    let one = replica("lease-away-1", &redis, ONE, ", timeout: 100ms");
    let two = replica("lease-away-2", &redis, ONE, "");
    settled(&[&one, &two]);
    let mut client = held(one.client(), &upstream);
    let request = request(&upstream);
    assert_eq!(two.exchange(&request).status, 429);
    redis.freeze(true);
    assert_eq!(one.exchange(&request).status, 200, "counted by itself");
    gate.open();
    client.wait_for(b"half");
    // The gateway notices within this time that Redis is left alone for now.
    let_pass(Duration::from_millis(200));
    redis.freeze(false);
    eventually("the place is free", || two.exchange(&request).status == 200);
}

#[test]
fn places_that_redis_has_lost_are_taken_again_while_their_responses_last() {
    let (mut redis, gate) = (Redis::start(), Gate::default());
    let upstream = holding(&gate);
    let [one, two] = ["lease-lost-1", "lease-lost-2"].map(|name| replica(name, &redis, ONE, ""));
    settled(&[&one, &two]);
    let mut client = held(one.client(), &upstream);
    let request = request(&upstream);
    assert_eq!(two.exchange(&request).status, 429);
    redis.ask("FLUSHALL").expect("a reply");
    assert_eq!(places(&redis), 0);
    assert!(is_restored(&redis));
    assert_eq!(two.exchange(&request).status, 429);

    redis.kill();
    redis.restart();
    eventually("it is restored after a restart", || {
        one.exchange(&request).status == 429
    });
    eventually("the other is told", || two.exchange(&request).status == 429);
    gate.open();
    client.wait_for(b"half");
    eventually("the place is free", || two.exchange(&request).status == 200);
    eventually("all places are", || places(&redis) == 0);
}

#[test]
fn places_of_many_callers_are_given_back_in_a_cluster() {
    let (redis, upstream) = (Redis::cluster(), Upstream::ok());
    let limit = "{ concurrent: 1, by: caller }";
    let one = replica("lease-cluster", &redis, limit, ", cluster: true");
    settled(&[&one]);
    let request = request(&upstream);
    thread::scope(|scope| {
        for caller in 0..16 {
            let (one, request) = (&one, &request);
            scope.spawn(move || {
                let mut client = one.client();
                for number in 0..50 {
                    let whose = format!("Bearer a-{caller}-{number}");
                    let other = request.replace("Bearer a", &whose);
                    client.send(&other);
                    assert_eq!(client.response().status, 200);
                }
            });
        }
    });
    eventually("all places are free", || {
        redis.keys_by_node().iter().sum::<u64>() == 0
    });
    assert_eq!(one.metric("throughway_redis_failures_total"), 0);
}

#[test]
fn leases_are_prolonged_though_a_part_of_a_cluster_is_away() {
    let (mut redis, gate) = (Redis::cluster(), Gate::default());
    let upstream = holding(&gate);
    let limit = "{ concurrent: 1, by: caller }";
    let one = replica(
        "lease-part",
        &redis,
        limit,
        ", cluster: true, timeout: 500ms",
    );
    settled(&[&one]);
    let callers = (0..30).map(|caller| format!("a{caller}"));
    let _held: Vec<_> = callers
        .map(|caller| held_by(&caller, one.client(), &upstream))
        .collect();
    let taken = Instant::now();
    let by_node = redis.nodes().map(|node| keys(node).len());
    assert!(by_node.collect::<Vec<_>>().iter().all(|count| *count > 0));
    redis.last_of_three().kill();
    let is_prolonged = |node: &Redis| {
        let left = |key: &String| number(node, &format!("PTTL {key}")).unwrap_or_default();
        let lives = |key| u128::from(left(key)) + taken.elapsed().as_millis() > 35_000;
        let keys = keys(node);
        !keys.is_empty() && keys.iter().all(lives)
    };
    let in_time = within(PROLONGED, || redis.nodes().all(is_prolonged));
    assert!(in_time, "not prolonged");
    gate.open();
    eventually("all places are free", || {
        redis.nodes().all(|node| places(node) == 0)
    });
}

#[test]
fn a_request_over_the_limit_gets_the_same_response_as_without_redis() {
    let (redis, gate) = (Redis::start(), Gate::default());
    let upstream = holding(&gate);
    let limit = "{ requests: 600, window: 1m, concurrent: 2, by: caller }";
    let shared = replica("lease-told", &redis, limit, "");
    settled(&[&shared]);
    let _held = [(); 2].map(|()| held(shared.client(), &upstream));
    let refused = shared.exchange(request(&upstream));

    let own = Gateway::with(&format!("limits: [{limit}]"));
    let _own_held = [(); 2].map(|()| held(own.client(), &upstream));
    let expected = own.exchange(request(&upstream));
    gate.open();
    for name in ["limit", "remaining", "reset"] {
        let name = format!("x-gateway-ratelimit-{name}");
        let told = [&refused, &expected].map(|it| it.header(&name).map(str::to_owned));
        assert_eq!(told[0], told[1], "{name}");
    }
    assert_eq!((refused.status, expected.status), (429, 429));
    assert_eq!(refused.header("x-gateway-ratelimit-limit"), Some("2"));
    assert_eq!(refused.text(), expected.text());
}
