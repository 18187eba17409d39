//! Which keys a target inherits from the groups around it, and which it must have itself.

use std::time::Duration;

use crate::support::{
    Gateway, Upstream,
    routing::{FAILURE, base, chat, completion, config_line, configured},
    timing::{after_saying, assert_took, timed},
};

const BODY: &str = r#"{"model":"m","n":1}"#;
const CALLER: &str = "Authorization: Bearer caller\r\n";

#[test]
fn the_headers_host_is_the_default_and_a_targets_own_wins() {
    let (header, group, own) = (
        Upstream::named("header"),
        Upstream::named("group"),
        Upstream::named("own"),
    );
    let (group_host, own_host) = (base(&group), base(&own));
    for (config, from) in [
        (r#"{"targets":[{}]}"#.to_owned(), "header"),
        (
            format!(r#"{{"custom_host":"{group_host}","targets":[{{}}]}}"#),
            "group",
        ),
        (
            format!(
                r#"{{"custom_host":"{group_host}","targets":[{{"custom_host":"{own_host}"}}]}}"#
            ),
            "own",
        ),
        (
            format!(r#"{{"targets":[{{"targets":[{{"custom_host":"{own_host}"}}]}}]}}"#),
            "own",
        ),
        (
            format!(r#"{{"targets":[{{"custom_host":"{group_host}","targets":[{{}}]}}]}}"#),
            "group",
        ),
    ] {
        let lines = config_line(&config) + &format!("x-gateway-custom-host: {}\r\n", base(&header));
        let response = Gateway::start().exchange(chat(&lines, BODY));
        assert_eq!(response.seen(), (200, completion(from)), "{config}");
    }
}

#[test]
fn fallback_hosts_after_the_headers_work() {
    let (first, second) = (Upstream::failing("500 No"), Upstream::named("b"));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[{{}},{{"custom_host":"{}"}}]}}"#,
        base(&second)
    );
    let lines = config_line(&config) + &format!("x-gateway-custom-host: {}\r\n", base(&first));
    let response = Gateway::start().exchange(chat(&lines, BODY));
    assert_eq!(response.seen(), (200, completion("b")));
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[test]
fn override_params_merge_key_by_key_and_not_deeper() {
    let upstream = Upstream::named("a");
    let config = format!(
        r#"{{"custom_host":"{}","override_params":{{"model":"outer","n":{{"a":1,"b":2}}}},
           "targets":[{{"override_params":{{"n":{{"b":3}}}}}}]}}"#,
        base(&upstream)
    );
    Gateway::start().exchange(configured(&config, BODY));
    assert_eq!(upstream.last().body, br#"{"model":"outer","n":{"b":3}}"#);
}

#[test]
fn retry_is_inherited_and_replaced_whole() {
    let upstream = Upstream::failing("418 Teapot");
    let host = base(&upstream);
    let gateway = Gateway::start();
    let outer = r#""retry":{"attempts":1,"on_status_codes":[418]}"#;
    for (own, calls, retries) in [
        ("", 2, "-1"),
        // Its codes are the default ones again.
        (r#","retry":{"attempts":3}"#, 1, "0"),
    ] {
        let before = upstream.count();
        let config = format!(r#"{{{outer},"targets":[{{"custom_host":"{host}"{own}}}]}}"#);
        let response = gateway.exchange(configured(&config, BODY));
        assert_eq!(response.seen(), (418, FAILURE.to_owned()));
        assert_eq!(upstream.count() - before, calls, "{config}");
        assert_eq!(response.retries(), retries, "{config}");
    }
}

#[test]
fn request_timeout_is_inherited_and_the_inner_one_wins() {
    for (inner, limit) in [("", 400), (r#","request_timeout":700"#, 700)] {
        let (upstream, told) = after_saying("");
        let config = format!(
            r#"{{"request_timeout":400,"targets":[{{"custom_host":"{}"{inner}}}]}}"#,
            base(&upstream)
        );
        let (response, took) = timed(|| Gateway::start().exchange(configured(&config, BODY)));
        assert_eq!(
            (response.status, response.error()),
            (408, Some("request_timeout"))
        );
        assert!(
            response
                .text()
                .contains(&format!("in the request: {limit}ms")),
            "{}",
            response.text()
        );
        assert_took(took, limit, limit + 1000);
        assert!(told.recv().expect("told").is_some(), "still open");
    }
}

#[test]
fn timeouts_are_replaced_whole() {
    // The inner object says nothing of `head`, so that the settings' 10 minutes hold again.
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.pause(Duration::from_millis(1800));
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let host = base(&upstream);
    for (inner, status) in [("", 504), (r#","timeouts":{"idle":5000}"#, 200)] {
        let config = format!(
            r#"{{"timeouts":{{"head":500}},"targets":[{{"custom_host":"{host}"{inner}}}]}}"#
        );
        let response = Gateway::start().exchange(configured(&config, BODY));
        assert_eq!(response.status, status, "{config}");
    }
}

#[test]
fn keys_providers_headers_and_names_are_not_inherited() {
    let upstream = Upstream::named("a");
    let config = format!(
        r#"{{"api_key":"outer","provider":"anthropic",
           "headers":{{"x-outer":"1"}},"name":"outer","weight":0,
           "auth":{{"header":"x-odd"}},"targets":[{{"custom_host":"{}"}}]}}"#,
        base(&upstream)
    );
    let lines = config_line(&config) + CALLER;
    let response = Gateway::start().exchange(chat(&lines, BODY));
    assert_eq!(response.seen(), (200, completion("a")));
    assert_eq!(response.header("x-gateway-provider"), Some("passthrough"));
    let sent = upstream.last();
    assert_eq!(sent.all("authorization"), ["Bearer caller"]);
    for name in ["x-api-key", "x-outer", "x-odd"] {
        assert_eq!(sent.all(name), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn forward_authorization_is_inherited() {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = Gateway::start();
    for (own, sent) in [("", false), (r#","forward_authorization":true"#, true)] {
        let config = format!(
            r#"{{"forward_authorization":false,"targets":[{{"custom_host":"{host}"{own}}}]}}"#
        );
        let lines = config_line(&config) + CALLER;
        let response = gateway.exchange(chat(&lines, BODY));
        assert_eq!(response.status, 200, "{}", response.text());
        let expected = Vec::from_iter(sent.then_some("Bearer caller"));
        assert_eq!(upstream.last().all("authorization"), expected, "{config}");
    }
}
