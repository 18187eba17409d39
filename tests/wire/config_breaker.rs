//! The circuit breaker: opens after failures, skips the target, lets one probe through after its
//! cooldown, closes or opens again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    Gate, Gateway, Upstream, eventually, let_pass,
    routing::{FAILURE, Refusing, base, completion, configured, json},
    timing::after_saying,
};

const BODY: &str = r#"{"model":"m"}"#;
const COOLDOWN: Duration = Duration::from_millis(800);

/// A target that fails while told to.
struct Moody {
    upstream: Upstream,
    well: Arc<AtomicBool>,
}

impl Moody {
    fn failing(status: &'static str) -> Self {
        let well = Arc::new(AtomicBool::new(false));
        let is_well = well.clone();
        let upstream = Upstream::playing(move |peer| {
            while peer.request().is_some() {
                match is_well.load(Ordering::SeqCst) {
                    true => peer.send(json("200 OK", &completion("a"))),
                    false => peer.send(json(status, FAILURE)),
                }
            }
        });
        Moody { upstream, well }
    }
}

/// A fallback from `first` to `second` whose breaker opens after three failures.
fn guarded(first: &str, second: &str) -> String {
    format!(
        r#"{{"strategy":{{"mode":"fallback","cb_config":{{"failure_threshold":3,
           "cooldown_interval":{},"minimum_requests":1}}}},
           "timeouts":{{"connect":400,"head":500}},
           "targets":[{{"custom_host":"{first}"}},{{"custom_host":"{second}"}}]}}"#,
        COOLDOWN.as_millis()
    )
}

fn transitions(gateway: &Gateway, to: &str) -> i64 {
    gateway.metric(&format!(
        "throughway_breaker_transitions_total{{to=\"{to}\"}}"
    ))
}

#[test]
fn a_breaker_opens_after_failures_skips_probes_and_closes() {
    let first = Moody::failing("500 No");
    let second = Upstream::named("b");
    let gateway = Gateway::start();
    let config = guarded(&base(&first.upstream), &base(&second));
    let ask = || gateway.exchange(configured(&config, BODY));

    for failures in 1..=3 {
        assert_eq!(transitions(&gateway, "open"), 0);
        assert_eq!(ask().seen(), (200, completion("b")));
        assert_eq!(first.upstream.count(), failures);
    }
    assert_eq!(transitions(&gateway, "open"), 1);
    let opened = Instant::now();
    for _ in 0..5 {
        let response = ask();
        assert_eq!(
            (response.seen(), response.option()),
            ((200, completion("b")), "config.targets[1]")
        );
    }
    if opened.elapsed() < COOLDOWN {
        assert_eq!(first.upstream.count(), 3, "skipped while open");
    }

    // Still ill: one probe, and open again.
    let_pass(COOLDOWN);
    assert_eq!(ask().seen(), (200, completion("b")));
    let probed = first.upstream.count();
    assert_eq!(ask().seen(), (200, completion("b")));
    assert_eq!(first.upstream.count(), probed, "skipped again");
    assert!(transitions(&gateway, "half_open") >= 1);
    assert!(transitions(&gateway, "open") >= 2);

    // Well again: the probe and all requests after it get the first target's response.
    first.well.store(true, Ordering::SeqCst);
    // The breaker becomes half open.
    let_pass(COOLDOWN + Duration::from_millis(100));
    for _ in 0..3 {
        let response = ask();
        assert_eq!(
            (response.seen(), response.option()),
            ((200, completion("a")), "config.targets[0]")
        );
    }
    assert_eq!(transitions(&gateway, "closed"), 1);
}

#[test]
fn a_half_open_breaker_lets_one_probe_through_at_a_time() {
    let (probe, calls) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (opened, counted) = (probe.clone(), calls.clone());
    let first = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0..3 => peer.send(json("500 No", FAILURE)),
                3 => {
                    opened.passed();
                    peer.send(json("200 OK", &completion("a")));
                }
                _ => peer.send(json("200 OK", &completion("a"))),
            }
        }
    });
    let second = Upstream::named("b");
    let gateway = Gateway::start();
    let config = guarded(&base(&first), &base(&second)).replace("\"head\":500", "\"head\":9000");
    for _ in 0..3 {
        gateway.exchange(configured(&config, BODY));
    }
    // The breaker becomes half open.
    let_pass(COOLDOWN + Duration::from_millis(100));
    let mut probing = gateway.client();
    probing.send(configured(&config, BODY));
    eventually("the probe is sent", || calls.load(Ordering::SeqCst) == 4);
    for _ in 0..3 {
        assert_eq!(
            gateway.exchange(configured(&config, BODY)).seen(),
            (200, completion("b"))
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    probe.open();
    assert_eq!(probing.response().seen(), (200, completion("a")));
    assert_eq!(
        gateway.exchange(configured(&config, BODY)).seen(),
        (200, completion("a"))
    );
}

#[test]
fn network_failures_and_timeouts_open_a_breaker() {
    let refusing = Refusing::new();
    let closing = Upstream::playing(|peer| drop(peer.request()));
    let (silent, _told) = after_saying("");
    let second = Upstream::named("b");
    for first in [refusing.base(), base(&closing), base(&silent)] {
        // Times count that the settings have; a caller's own do not.
        let config = guarded(&first, &base(&second)).replace('\n', " ");
        let gateway = Gateway::with(&format!("configs: {{ guarded: {config} }}"));
        for _ in 0..3 {
            assert_eq!(
                gateway.exchange(configured("guarded", BODY)).seen(),
                (200, completion("b"))
            );
        }
        assert_eq!(transitions(&gateway, "open"), 1, "{first}");
    }
}

#[test]
fn faults_that_a_caller_can_cause_do_not_open_a_breaker() {
    for status in ["400 No", "401 No", "404 No", "422 No"] {
        let first = Moody::failing(status);
        let second = Upstream::named("b");
        let gateway = Gateway::start();
        let config = guarded(&base(&first.upstream), &base(&second));
        for _ in 0..6 {
            gateway.exchange(configured(&config, BODY));
        }
        assert_eq!(first.upstream.count(), 6, "{status}");
        assert_eq!(transitions(&gateway, "open"), 0, "{status}");
    }
}

#[test]
fn a_429_opens_a_breaker_where_the_config_says_so() {
    for (codes, opened) in [("", 0), (r#""failure_status_codes":[429],"#, 1)] {
        let first = Moody::failing("429 Slow");
        let second = Upstream::named("b");
        let gateway = Gateway::start();
        let config = guarded(&base(&first.upstream), &base(&second)).replace(
            "\"failure_threshold\"",
            &format!("{codes}\"failure_threshold\""),
        );
        for _ in 0..6 {
            gateway.exchange(configured(&config, BODY));
        }
        assert_eq!(transitions(&gateway, "open"), opened, "{codes}");
        assert_eq!(
            first.upstream.count(),
            if opened == 1 { 3 } else { 6 },
            "{codes}"
        );
    }
}

#[test]
fn when_all_breakers_are_open_all_targets_are_tried() {
    let (first, second) = (Moody::failing("500 No"), Moody::failing("503 No"));
    let gateway = Gateway::start();
    let config = guarded(&base(&first.upstream), &base(&second.upstream));
    for calls in 1..=5 {
        let response = gateway.exchange(configured(&config, BODY));
        assert_eq!(response.seen(), (503, FAILURE.to_owned()));
        assert_eq!(
            (first.upstream.count(), second.upstream.count()),
            (calls, calls)
        );
    }
    assert_eq!(transitions(&gateway, "open"), 2);
    // A single target is all there are.
    let alone = Moody::failing("500 No");
    let config = format!(
        r#"{{"strategy":{{"mode":"single","cb_config":{{"failure_threshold":2,
           "cooldown_interval":60000}}}},
           "targets":[{{"custom_host":"{}"}}]}}"#,
        base(&alone.upstream)
    );
    for calls in 1..=4 {
        gateway.exchange(configured(&config, BODY));
        assert_eq!(alone.upstream.count(), calls);
    }
}

#[test]
fn a_balance_leaves_out_targets_with_open_breakers() {
    let bad = Moody::failing("500 No");
    let good = Upstream::named("b");
    let gateway = Gateway::start();
    let config = format!(
        r#"{{"strategy":{{"mode":"loadbalance","cb_config":{{"failure_threshold":2,
           "cooldown_interval":60000,"minimum_requests":1}}}},
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&bad.upstream),
        base(&good)
    );
    // Not opened after 40 draws would be one in ten thousand million.
    for _ in 0..40 {
        gateway.exchange(configured(&config, BODY));
    }
    assert_eq!(bad.upstream.count(), 2);
    assert_eq!(good.count(), 38);
}

#[test]
fn another_credential_has_a_breaker_of_its_own() {
    let first = Moody::failing("500 No");
    let second = Upstream::named("b");
    let gateway = Gateway::start();
    let config = |key: &str| {
        guarded(&base(&first.upstream), &base(&second)).replacen(
            "{\"custom_host\"",
            &format!("{{\"api_key\":\"{key}\",\"custom_host\""),
            1,
        )
    };
    for _ in 0..3 {
        gateway.exchange(configured(&config("one"), BODY));
    }
    gateway.exchange(configured(&config("one"), BODY));
    assert_eq!(first.upstream.count(), 3, "open for this key");
    gateway.exchange(configured(&config("two"), BODY));
    assert_eq!(first.upstream.count(), 4, "and closed for that one");
}

#[test]
fn a_failure_percentage_opens_a_breaker_after_enough_requests() {
    let first = Moody::failing("500 No");
    let second = Upstream::named("b");
    let gateway = Gateway::start();
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback","cb_config":{{"failure_threshold":1000,
           "failure_threshold_percentage":50,
           "minimum_requests":6,"cooldown_interval":60000}}}},
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&first.upstream),
        base(&second)
    );
    first.well.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        gateway.exchange(configured(&config, BODY));
    }
    first.well.store(false, Ordering::SeqCst);
    for failures in 1..=3 {
        assert_eq!(transitions(&gateway, "open"), 0, "{failures}");
        gateway.exchange(configured(&config, BODY));
    }
    assert_eq!(transitions(&gateway, "open"), 1, "three of six");
    gateway.exchange(configured(&config, BODY));
    assert_eq!(first.upstream.count(), 6);
}
