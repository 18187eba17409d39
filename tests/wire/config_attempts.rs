//! Retry and fallback together: which outcome the client gets, which target is named, and which
//! number of retries is reported.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::support::{
    Client, Gateway, Upstream,
    client::End,
    eventually,
    routing::{FAILURE, Refusing, base, completion, configured, json, raw_response},
    stays,
    timing::{after_saying, assert_took, timed},
};

const BODY: &str = r#"{"model":"m"}"#;

/// Fails this many times with a `retry-after` of 20 ms, and then responds.
fn recovering(failures: usize, name: &'static str) -> Upstream {
    waiting(failures, name, 20)
}

/// The same with a `retry-after` of `wait` milliseconds.
fn waiting(failures: usize, name: &'static str, wait: u64) -> Upstream {
    let left = AtomicUsize::new(failures);
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            let take = |left: usize| left.checked_sub(1);
            match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
                Ok(_) => {
                    let lines = format!("retry-after-ms: {wait}\r\n");
                    peer.send(raw_response("503 Busy", &lines, "busy"));
                }
                Err(_) => peer.send(json("200 OK", &completion(name))),
            }
        }
    })
}

const RETRY: &str = r#""retry":{"attempts":3,"use_retry_after_header":true}"#;

#[test]
fn retry_attempt_count_tells_the_retries_used() {
    for failures in 0..=5 {
        let upstream = recovering(failures, "a");
        let config = format!(r#"{{"custom_host":"{}",{RETRY}}}"#, base(&upstream));
        let response = Gateway::start().exchange(configured(&config, BODY));
        let (seen, retries, calls) = match failures {
            0..=3 => ((200, completion("a")), failures.to_string(), failures + 1),
            _ => ((503, "busy".to_owned()), "-1".to_owned(), 4),
        };
        assert_eq!(response.seen(), seen);
        assert_eq!(response.retries(), retries, "{failures} failures");
        assert_eq!(upstream.count(), calls, "{failures} failures");
    }
}

#[test]
fn zero_and_five_attempts_are_honoured() {
    for attempts in [0, 5] {
        // Below the three retries a second that an origin may always have.
        let upstream = waiting(9, "a", 400);
        let config = format!(
            r#"{{"custom_host":"{}",
               "retry":{{"attempts":{attempts},"use_retry_after_header":true}}}}"#,
            base(&upstream)
        );
        let response = Gateway::start().exchange(configured(&config, BODY));
        let retries = if attempts == 0 { "0" } else { "-1" };
        assert_eq!((response.status, response.retries()), (503, retries));
        assert_eq!(upstream.count(), attempts + 1);
    }
}

#[test]
fn retry_codes_of_the_config_replace_the_default_ones() {
    for (status, calls) in [("418 Teapot", 2), ("500 No", 1)] {
        let upstream = Upstream::failing(status);
        let config = format!(
            r#"{{"custom_host":"{}","retry":{{"attempts":1,"on_status_codes":[418]}}}}"#,
            base(&upstream)
        );
        Gateway::start().exchange(configured(&config, BODY));
        assert_eq!(upstream.count(), calls, "{status}");
    }
}

#[test]
fn each_target_uses_its_own_retries_before_the_fallback_moves_on() {
    let (first, second) = (recovering(9, "a"), recovering(1, "b"));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}","retry":{{"attempts":2,"use_retry_after_header":true}}}},
           {{"custom_host":"{}",{RETRY}}}]}}"#,
        base(&first),
        base(&second)
    );
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("b")));
    assert_eq!(
        (response.option(), response.retries()),
        ("config.targets[1]", "1")
    );
    assert_eq!((first.count(), second.count()), (3, 2));
}

#[test]
fn codes_of_a_fallback_say_for_which_statuses_it_moves_on() {
    for (codes, status, moves) in [
        ("[429,503]", "503 Busy", true),
        ("[429,503]", "500 No", false),
        ("[429,503]", "400 No", false),
        ("[400]", "400 No", true),
    ] {
        let (first, second) = (Upstream::failing(status), Upstream::named("b"));
        let config = format!(
            r#"{{"strategy":{{"mode":"fallback","on_status_codes":{codes}}},
               "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
            base(&first),
            base(&second)
        );
        let response = Gateway::start().exchange(configured(&config, BODY));
        let from = if moves {
            (200, completion("b"))
        } else {
            (status[..3].parse().expect("a status"), FAILURE.to_owned())
        };
        assert_eq!(response.seen(), from, "{codes} {status}");
        assert_eq!(
            (first.count(), second.count()),
            (1, usize::from(moves)),
            "{codes} {status}"
        );
    }
}

#[test]
fn network_failures_move_on_whatever_the_codes_say() {
    let second = Upstream::named("b");
    let refusing = Refusing::new();
    let closing = Upstream::playing(|peer| drop(peer.request()));
    let (silent, _told) = after_saying("");
    let erring = Upstream::responding(json("200 OK", FAILURE));
    for first in [
        refusing.base(),
        base(&closing),
        base(&silent),
        base(&erring),
    ] {
        let config = format!(
            r#"{{"strategy":{{"mode":"fallback","on_status_codes":[429]}},"timeouts":{{"head":400}},
               "targets":[{{"custom_host":"{first}"}},{{"custom_host":"{}"}}]}}"#,
            base(&second)
        );
        let response = Gateway::start().exchange(configured(&config, BODY));
        assert_eq!(response.seen(), (200, completion("b")));
    }
}

#[test]
fn after_a_timeout_the_next_target_comes_before_a_retry_of_the_same() {
    let second = Upstream::named("b");
    let streaming = r#"{"model":"m","stream":true}"#;
    const PING: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                        Transfer-Encoding: chunked\r\n\r\n8\r\n: ping\n\n\r\n";
    for (says, limit) in [
        ("", r#""request_timeout":300"#),
        ("", r#""timeouts":{"head":300}"#),
        ("", r#""timeouts":{"first_token":300}"#),
        (PING, r#""timeouts":{"first_token":300}"#),
        (PING, r#""timeouts":{"idle":300}"#),
    ] {
        let (first, _told) = after_saying(says);
        let config = format!(
            r#"{{"strategy":{{"mode":"fallback"}},
               "retry":{{"attempts":2,"on_status_codes":[408,504]}},"targets":[
               {{"custom_host":"{}",{limit}}},{{"custom_host":"{}"}}]}}"#,
            base(&first),
            base(&second)
        );
        let response = Gateway::start().exchange(configured(&config, streaming));
        assert_eq!(response.seen(), (200, completion("b")), "{limit}");
        assert_eq!(first.count(), 1, "{limit}");
    }
}

#[test]
fn when_all_fail_the_client_gets_the_last_outcome_not_the_best() {
    let throttled = Upstream::responding(raw_response(
        "429 Slow",
        "Retry-After: 7\r\nX-Mine: yes\r\n",
        "later",
    ));
    let refusing = Refusing::new();
    let gateway = Gateway::start();
    let both = [base(&throttled), refusing.base()];
    for (order, status, error) in [
        ([0, 1], 502, Some("upstream_unreachable")),
        ([1, 0], 429, None),
    ] {
        let config = format!(
            r#"{{"strategy":{{"mode":"fallback"}},
               "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
            both[order[0]], both[order[1]]
        );
        let response = gateway.exchange(configured(&config, BODY));
        assert_eq!((response.status, response.error()), (status, error));
        assert_eq!(response.option(), "config.targets[1]");
        if status == 429 {
            assert_eq!(response.text(), "later");
            assert_eq!(response.all("retry-after"), ["7"]);
            assert_eq!(response.all("x-mine"), ["yes"]);
        }
    }
}

#[test]
fn the_option_index_is_right_at_any_depth() {
    let bad = Upstream::failing("500 No");
    let good = Upstream::named("b");
    let (no, yes) = (base(&bad), base(&good));
    let group =
        |targets: String| format!(r#"{{"strategy":{{"mode":"fallback"}},"targets":[{targets}]}}"#);
    let (no, yes) = (
        format!(r#"{{"custom_host":"{no}"}}"#),
        format!(r#"{{"custom_host":"{yes}"}}"#),
    );
    for (config, option, calls) in [
        (group(format!("{no},{no},{yes}")), "config.targets[2]", 2),
        (
            group(format!("{no},{}", group(format!("{no},{yes}")))),
            "config.targets[1].targets[1]",
            2,
        ),
        (
            group(format!(
                "{},{yes}",
                group(format!("{no},{}", group(no.clone())))
            )),
            "config.targets[1]",
            2,
        ),
        (
            group(format!(
                "{no},{}",
                group(format!("{no},{}", group(format!("{no},{yes}"))))
            )),
            "config.targets[1].targets[1].targets[1]",
            3,
        ),
        // No strategy: the first and no other.
        (
            format!(r#"{{"targets":[{yes},{no}]}}"#),
            "config.targets[0]",
            0,
        ),
        (
            format!(r#"{{"strategy":{{"mode":"single"}},"targets":[{yes},{no}]}}"#),
            "config.targets[0]",
            0,
        ),
    ] {
        let before = bad.count();
        let response = Gateway::start().exchange(configured(&config, BODY));
        assert_eq!(response.seen(), (200, completion("b")), "{config}");
        assert_eq!(response.option(), option, "{config}");
        assert_eq!(bad.count() - before, calls, "{config}");
    }
}

#[test]
fn a_guarded_target_moves_a_fallback_on_and_is_a_403_alone() {
    let good = Upstream::named("b");
    let gateway = Gateway::start();
    let denied = r#"{"custom_host":"http://169.254.169.254/v1","retry":{"attempts":5}}"#;
    let (response, took) = timed(|| gateway.exchange(configured(denied, BODY)));
    assert_eq!(
        (response.status, response.error()),
        (403, Some("target_denied"))
    );
    assert_took(took, 0, 900);
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[{denied},{{"custom_host":"{}"}}]}}"#,
        base(&good)
    );
    let response = gateway.exchange(configured(&config, BODY));
    assert_eq!(
        (response.seen(), response.option()),
        ((200, completion("b")), "config.targets[1]")
    );
}

#[test]
fn a_client_that_leaves_ends_waits_and_retries() {
    let upstream = Upstream::responding(raw_response("429 Slow", "Retry-After: 2\r\n", "later"));
    let config = format!(
        r#"{{"custom_host":"{}","retry":{{"attempts":2,"use_retry_after_header":true}}}}"#,
        base(&upstream)
    );
    let gateway = Gateway::start();
    let mut client: Client = gateway.client();
    client.send(configured(&config, BODY));
    eventually("the first try", || upstream.count() == 1);
    drop(client);
    let gone = || gateway.metric("throughway_requests_total{outcome=\"client_gone\"}") == 1;
    let started = std::time::Instant::now();
    eventually("counted as gone", gone);
    assert!(
        started.elapsed() < Duration::from_millis(1500),
        "while it waits"
    );
    stays("no retry", Duration::from_millis(1500), || {
        upstream.count() == 1
    });
}

#[test]
fn a_response_without_a_body_passes_through_a_fallback() {
    let first = Upstream::failing("500 No");
    let second = Upstream::responding("HTTP/1.1 204 No Content\r\nX-Mine: yes\r\n\r\n");
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&first),
        base(&second)
    );
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!((response.status, response.end), (204, End::Complete));
    assert_eq!(response.all("x-mine"), ["yes"]);
}

#[test]
fn a_budget_for_each_origin_stops_a_storm_of_retries() {
    // A fifth of the recent requests, and at least three a second.
    const REQUESTS: usize = 100;
    let upstream = waiting(usize::MAX, "a", 1);
    let config = format!(r#"{{"custom_host":"{}",{RETRY}}}"#, base(&upstream));
    let gateway = Gateway::start();
    let started = std::time::Instant::now();
    let mut client = gateway.client();
    for _ in 0..REQUESTS {
        client.send(configured(&config, BODY));
        assert_eq!(client.response().status, 503);
    }
    let retries = upstream.count() - REQUESTS;
    let seconds = started.elapsed().as_secs_f64() + 1.0;
    let most = REQUESTS as f64 * 0.2 + 3.0 * seconds + 3.0;
    assert!(retries >= 3, "{retries} retries");
    assert!((retries as f64) < most, "{retries} retries, at most {most}");
}
