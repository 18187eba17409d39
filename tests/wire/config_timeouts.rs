//! Timeouts in a config, separate for each target, and the caller's own limit above them.

use std::time::Duration;

use crate::support::{
    Gateway, Upstream,
    client::End,
    dns::{FakeDns, Reply},
    routing::{STREAM, base, chat, chunk, completion, config_line, configured, token},
    timing::{after_saying, assert_took, timed},
};

const BODY: &str = r#"{"model":"m"}"#;

fn late(milliseconds: u64) -> Upstream {
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            peer.pause(Duration::from_millis(milliseconds));
            peer.send(crate::support::routing::json("200 OK", &completion("late")));
        }
    })
}

fn expired(limit: u64) -> String {
    format!(
        "{{\"error\":{{\"message\":\"Request exceeded the timeout sent in the request: {limit}ms\",\
         \"type\":\"timeout_error\",\"param\":null,\"code\":null}}}}"
    )
}

#[test]
fn request_timeout_in_the_config_is_a_408_with_portkeys_message() {
    let (upstream, told) = after_saying("");
    let config = format!(
        r#"{{"custom_host":"{}","request_timeout":300}}"#,
        base(&upstream)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(response.seen(), (408, expired(300)));
    assert_eq!(response.error(), Some("request_timeout"));
    assert_eq!((response.option(), response.retries()), ("config", "0"));
    assert_took(took, 300, 1200);
    assert!(told.recv().expect("told").is_some(), "still open");
}

#[test]
fn the_request_timeout_header_wins_over_the_config() {
    let upstream = late(900);
    let gateway = Gateway::start();
    for (header, config, seen) in [
        (300, 5000, (408, expired(300))),
        (5000, 300, (200, completion("late"))),
    ] {
        for keys in [
            format!(
                r#"{{"custom_host":"{}","request_timeout":{config}}}"#,
                base(&upstream)
            ),
            format!(
                r#"{{"targets":[{{"custom_host":"{}","request_timeout":{config}}}]}}"#,
                base(&upstream)
            ),
        ] {
            let lines = config_line(&keys) + &format!("x-gateway-request-timeout: {header}\r\n");
            assert_eq!(gateway.exchange(chat(&lines, BODY)).seen(), seen, "{keys}");
        }
    }
}

#[test]
fn request_timeout_is_for_each_attempt() {
    let (silent, _told) = after_saying("");
    let second = late(200);
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"request_timeout":500,
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&silent),
        base(&second)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(response.seen(), (200, completion("late")));
    assert_took(took, 700, 2000);
    assert_eq!((silent.count(), second.count()), (1, 1));
}

#[test]
fn when_all_targets_take_too_long_the_response_is_the_408() {
    let (first, second) = (after_saying(""), after_saying(""));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"request_timeout":300,
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&first.0),
        base(&second.0)
    );
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (408, expired(300)));
    assert_eq!(response.option(), "config.targets[1]");
    assert_eq!((first.0.count(), second.0.count()), (1, 1));
}

#[test]
fn a_408_of_the_gateway_is_tried_again_only_where_the_codes_say_so() {
    for (codes, calls, retries) in [("", 1, "0"), (r#","on_status_codes":[408]"#, 2, "-1")] {
        let (upstream, _told) = after_saying("");
        let config = format!(
            r#"{{"custom_host":"{}","request_timeout":300,"retry":{{"attempts":1{codes}}}}}"#,
            base(&upstream)
        );
        let response = Gateway::start().exchange(configured(&config, BODY));
        assert_eq!(response.seen(), (408, expired(300)));
        assert_eq!(upstream.count(), calls, "{codes}");
        assert_eq!(response.retries(), retries, "{codes}");
    }
}

#[test]
fn every_target_has_its_own_timeouts() {
    let (quick, patient) = (late(1800), late(1800));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}","timeouts":{{"head":400}}}},
           {{"custom_host":"{}","timeouts":{{"head":5000}}}}]}}"#,
        base(&quick),
        base(&patient)
    );
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("late")));
    assert_eq!(response.option(), "config.targets[1]");
    assert_eq!((quick.count(), patient.count()), (1, 1));
}

#[test]
fn a_configs_timeout_stands_in_place_of_the_settings_one_longer_or_shorter() {
    let upstream = late(1500);
    for (settings, asked, status) in [("400ms", 8000, 200), ("8s", 400, 504)] {
        let gateway = Gateway::with(&format!("timeouts: {{ head: {settings} }}"));
        let config = format!(
            r#"{{"custom_host":"{}","timeouts":{{"head":{asked}}}}}"#,
            base(&upstream)
        );
        assert_eq!(gateway.exchange(configured(&config, BODY)).status, status);
    }
}

#[test]
fn an_idle_limit_of_the_config_aborts_after_the_head() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send(STREAM.to_owned() + &chunk(&token(0)));
        peer.fall_silent();
    });
    let config = format!(
        r#"{{"custom_host":"{}","timeouts":{{"idle":500}}}}"#,
        base(&upstream)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(
        (response.seen(), response.end),
        ((200, token(0)), End::CutShort)
    );
    assert_took(took, 500, 1800);
}

#[test]
fn the_total_is_one_deadline_over_all_attempts() {
    // Three tries of a second each would be over; a wait that the deadline does not leave is not
    // begun.
    let (upstream, _told) = after_saying("");
    let config = format!(
        r#"{{"custom_host":"{}","timeouts":{{"head":600,"total":1500}},"retry":{{"attempts":5}}}}"#,
        base(&upstream)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(
        (response.status, response.error()),
        (504, Some("upstream_timeout"))
    );
    assert_took(took, 600, 2600);

    let throttled = Upstream::responding(crate::support::routing::raw_response(
        "429 Slow",
        "Retry-After: 3\r\n",
        "later",
    ));
    let config = format!(
        r#"{{"custom_host":"{}","timeouts":{{"total":2000}},
           "retry":{{"attempts":5,"use_retry_after_header":true}}}}"#,
        base(&throttled)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!(
        response.seen(),
        (429, "later".to_owned()),
        "never past the deadline (5.3)"
    );
    assert_took(took, 0, 1500);
    assert_eq!(throttled.count(), 1);
}

#[test]
fn the_total_aborts_a_stream_that_has_begun() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send(STREAM);
        for number in 0..40 {
            peer.send(chunk(&token(number)));
            peer.pause(Duration::from_millis(100));
        }
    });
    let config = format!(
        r#"{{"custom_host":"{}","timeouts":{{"total":800}}}}"#,
        base(&upstream)
    );
    let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
    assert_eq!((response.status, response.end), (200, End::CutShort));
    assert_took(took, 800, 2200);
}

#[test]
fn a_deadline_missed_by_one_target_does_not_count_for_the_next() {
    // The settings' own timer is the watch's; the next target's name has to be waited for, and
    // meets no old deadline.
    let dns = FakeDns::start();
    dns.answer("second.test", Reply::addresses(&["127.0.0.1"]));
    let gateway = Gateway::with(&format!(
        "timeouts: {{ head: 300ms }}\ndns: {{ servers: [\"{}\"] }}",
        dns.address()
    ));
    let (silent, told) = after_saying("");
    let second = Upstream::named("second");
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}"}},{{"custom_host":"http://second.test:{}/v1"}}]}}"#,
        base(&silent),
        second.address.port()
    );
    let response = gateway.exchange(configured(&config, BODY));
    assert_eq!(response.seen(), (200, completion("second")));
    assert_eq!(response.option(), "config.targets[1]");
    drop(told);
}
