//! Hedges: a second request beside a slow first one. The first response is the client's, and the
//! loser's connection is closed.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use crate::support::{
    Gateway, Upstream, eventually,
    routing::{FAILURE, STREAM, base, chunk, completion, configured, json, token},
    timing::{after_saying, assert_took, timed},
};

const BODY: &str = r#"{"model":"m","stream":true}"#;
const WITHIN: Duration = Duration::from_secs(1);

fn hedged(hosts: &[&Upstream], after: u64, more: &str) -> String {
    let targets: Vec<String> = hosts
        .iter()
        .map(|upstream| format!(r#"{{"custom_host":"{}"}}"#, base(upstream)))
        .collect();
    format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "hedge":{{"after":{after},"max_ratio":1}}{more},"targets":[{}]}}"#,
        targets.join(",")
    )
}

/// Responds so late, each time.
fn late(milliseconds: u64, response: String) -> Upstream {
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            peer.pause(Duration::from_millis(milliseconds));
            peer.send(&response);
        }
    })
}

fn ok(name: &str) -> String {
    json("200 OK", &completion(name))
}

#[test]
fn a_slow_first_request_loses_to_the_hedge_and_its_connection_closes() {
    let (first, told) = after_saying("");
    let second = Upstream::named("b");
    let config = hedged(&[&first, &second], 300, "");
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(response.seen(), (200, completion("b")));
    assert_eq!(
        (response.option(), response.retries()),
        ("config.targets[1]", "0")
    );
    assert_took(took, 300, 1300);
    let after = told.recv().expect("told").expect("it closes");
    assert!(after < WITHIN + took, "{after:?}");
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[test]
fn the_losers_connection_closes_within_a_second_while_the_winner_streams_on() {
    let (first, told) = after_saying("");
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let second = Upstream::playing(move |peer| {
        peer.request();
        peer.send(STREAM.to_owned() + &chunk(&token(0)));
        let _ = gone.lock().expect("no panic").recv();
        peer.send(chunk(&token(1)) + "0\r\n\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(configured(&hedged(&[&first, &second], 300, ""), BODY));
    client.wait_for(token(0).as_bytes());
    let started = std::time::Instant::now();
    assert!(told.recv().expect("told").is_some(), "still open");
    assert!(started.elapsed() < WITHIN);
    go.send(()).expect("it waits");
    assert_eq!(client.response().seen(), (200, token(0) + &token(1)));
}

#[test]
fn a_late_first_response_wins_over_a_silent_hedge() {
    let first = late(900, ok("a"));
    let (second, told) = after_saying("");
    let config = hedged(&[&first, &second], 300, "");
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("a")));
    assert_eq!(
        (response.option(), response.retries()),
        ("config.targets[0]", "0")
    );
    let after = told.recv().expect("told").expect("it closes");
    assert!(after < WITHIN + Duration::from_millis(600), "{after:?}");
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[test]
fn when_the_first_fails_the_running_hedge_decides() {
    let first = late(700, json("500 No", FAILURE));
    let second = late(900, ok("b"));
    let config = hedged(&[&first, &second], 300, "");
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("b")));
    assert_eq!(response.option(), "config.targets[1]");
    assert_eq!(
        (first.count(), second.count()),
        (1, 1),
        "the second is not asked twice"
    );
}

#[test]
fn a_failed_hedge_leaves_the_first_request_its_time() {
    let first = late(900, ok("a"));
    let second = Upstream::failing("500 No");
    let config = hedged(&[&first, &second], 300, "");
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("a")));
    assert_eq!(response.option(), "config.targets[0]");
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[test]
fn when_first_and_hedge_fail_the_third_target_is_next() {
    let first = late(700, json("500 No", FAILURE));
    let second = Upstream::failing("500 No");
    let third = Upstream::named("c");
    let config = hedged(&[&first, &second, &third], 300, "");
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("c")));
    assert_eq!(response.option(), "config.targets[2]");
    assert_eq!((first.count(), second.count(), third.count()), (1, 1, 1));
}

#[test]
fn a_quick_response_is_not_hedged() {
    let (first, second) = (Upstream::named("a"), Upstream::named("b"));
    let config = hedged(&[&first, &second], 2000, "");
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(
        (response.seen(), second.connections()),
        ((200, completion("a")), 0)
    );
}

#[test]
fn a_single_target_is_hedged_with_itself() {
    let upstream = Upstream::playing(|peer| {
        if peer.request().is_none() {
            return;
        }
        match peer.number {
            1 => peer.fall_silent(),
            _ => peer.send(ok("a")),
        }
    });
    let config = format!(
        r#"{{"custom_host":"{}","hedge":{{"after":300,"max_ratio":1}}}}"#,
        base(&upstream)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(response.seen(), (200, completion("a")));
    assert_eq!((response.option(), upstream.count()), ("config", 2));
    assert_took(took, 300, 1300);
}

#[test]
fn a_request_is_hedged_only_once() {
    let (first, second, third) = (after_saying(""), after_saying(""), Upstream::named("c"));
    let config = hedged(
        &[&first.0, &second.0, &third],
        200,
        r#","timeouts":{"head":1200}"#,
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(response.seen(), (200, completion("c")));
    assert_took(took, 1200, 4000);
    assert_eq!(
        (first.0.count(), second.0.count(), third.count()),
        (1, 1, 1)
    );
}

#[test]
fn hedges_stay_under_max_ratio() {
    const REQUESTS: usize = 30;
    let upstream = late(120, ok("a"));
    let config = format!(
        r#"{{"custom_host":"{}","hedge":{{"after":30,"max_ratio":0.1}}}}"#,
        base(&upstream)
    );
    let gateway = Gateway::start();
    for _ in 0..REQUESTS {
        assert_eq!(gateway.exchange(configured(&config, BODY)).status, 200);
    }
    let hedges = upstream.count() - REQUESTS;
    // A tenth, and a few more for the rounding of a young window.
    assert!(
        (1..=6).contains(&hedges),
        "{hedges} hedges of {REQUESTS} requests"
    );
}

#[test]
fn a_client_that_leaves_closes_both() {
    let ((first, first_told), (second, second_told)) = (after_saying(""), after_saying(""));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(configured(&hedged(&[&first, &second], 200, ""), BODY));
    eventually("both are asked", || {
        (first.count(), second.count()) == (1, 1)
    });
    let started = std::time::Instant::now();
    drop(client);
    for told in [first_told, second_told] {
        assert!(told.recv().expect("told").is_some(), "still open");
    }
    assert!(started.elapsed() < WITHIN);
}

#[test]
fn a_body_that_is_not_kept_is_not_hedged() {
    let first = late(700, ok("a"));
    let second = Upstream::named("b");
    let gateway = Gateway::with("replay_limit: 1KiB");
    let body = format!("{{\"model\":\"{}\"}}", "m".repeat(5000));
    let response = gateway.exchange(configured(&hedged(&[&first, &second], 200, ""), &body));
    assert_eq!(response.seen(), (200, completion("a")));
    assert_eq!(response.all("x-gateway-replay"), ["lost"]);
    assert_eq!(second.connections(), 0);
}
