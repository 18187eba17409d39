//! An invalid config is a 400 that names the path of the key and what is allowed, and repeats no
//! value.

use crate::support::{
    Gateway, Upstream,
    routing::{base, base64, configured},
};

const BODY: &str = r#"{"model":"m"}"#;

/// `HOST` stands for a host that must not be called.
const INVALID: &[(&str, &str)] = &[
    (r#"{"custom_hots":"sekret"}"#, "custom_hots"),
    (
        r#"{"targets":[{"custom_host":"HOST"},{"custom_host":"HOST","retries":"sekret"}]}"#,
        "targets[1].retries",
    ),
    (
        r#"{"custom_host":"HOST","retry":{"attempts":6}}"#,
        "retry.attempts",
    ),
    (
        r#"{"custom_host":"HOST","retry":{"attempts":-1}}"#,
        "retry.attempts",
    ),
    (
        r#"{"custom_host":"HOST","retry":{"attempts":"sekret"}}"#,
        "retry.attempts",
    ),
    (
        r#"{"custom_host":"HOST","retry":{"attempts":1,"on_status_codes":["sekret"]}}"#,
        "retry.on_status_codes",
    ),
    (
        r#"{"targets":[{"custom_host":"HOST","weight":-1}]}"#,
        "targets[0].weight",
    ),
    (
        r#"{"strategy":{"mode":"sekret"},"targets":[{"custom_host":"HOST"}]}"#,
        "strategy.mode",
    ),
    (
        r#"{"strategy":{"mode":"fallback","on_status":[500]},"targets":[{"custom_host":"HOST"}]}"#,
        "strategy.on_status",
    ),
    (
        r#"{"strategy":{"mode":"conditional","conditions":[{"query":{"method":{"$eq":"GET"}},
           "then":"sekret"}]},
           "targets":[{"name":"a","custom_host":"HOST"}]}"#,
        "strategy.conditions[0].then",
    ),
    (
        r#"{"strategy":{"mode":"conditional",
           "conditions":[{"query":{"method":{"$regex":"sekret("}},"then":"a"}]},
           "targets":[{"name":"a","custom_host":"HOST"}]}"#,
        "strategy.conditions[0].query",
    ),
    (
        r#"{"strategy":{"mode":"conditional","conditions":[{"query":{"method":{"$like":"sekret"}},
           "then":"a"}]},
           "targets":[{"name":"a","custom_host":"HOST"}]}"#,
        "strategy.conditions[0].query",
    ),
    (
        r#"{"strategy":{"mode":"conditional","conditions":[{"query":{"body.x":{"$eq":"sekret"}},
           "then":"a"}]},
           "targets":[{"name":"a","custom_host":"HOST"}]}"#,
        "strategy.conditions[0].query",
    ),
    (
        r#"{"strategy":{"mode":"loadbalance","sticky":{"hash_fields":["sekret"]}},
           "targets":[{"custom_host":"HOST"}]}"#,
        "strategy.sticky.hash_fields",
    ),
    (
        r#"{"custom_host":"HOST","timeouts":{"head":"sekret"}}"#,
        "timeouts.head",
    ),
    (
        r#"{"custom_host":"HOST","timeouts":{"tail":1}}"#,
        "timeouts.tail",
    ),
    (
        r#"{"custom_host":"HOST","request_timeout":-5}"#,
        "request_timeout",
    ),
    (
        r#"{"custom_host":"HOST","hedge":{"after":100,"max_ratio":2}}"#,
        "hedge.max_ratio",
    ),
    (
        r#"{"custom_host":"HOST","override_params":["sekret"]}"#,
        "override_params",
    ),
    (
        r#"{"custom_host":"HOST","headers":{"Host":"sekret"}}"#,
        "headers",
    ),
    (
        r#"{"custom_host":"HOST","headers":{"connection":"sekret"}}"#,
        "headers",
    ),
    (
        r#"{"custom_host":"HOST","headers":{"Content-Length":"5"}}"#,
        "headers",
    ),
    (
        r#"{"custom_host":"HOST","headers":{"transfer-encoding":"x"}}"#,
        "headers",
    ),
    (
        r#"{"custom_host":"HOST","headers":{"X-Gateway-Error":"sekret"}}"#,
        "headers",
    ),
    (
        r#"{"custom_host":"HOST","headers":{"x":"se\r\nkret: sekret"}}"#,
        "headers",
    ),
    (
        r#"{"custom_host":"HOST","api_key":"se\r\nkret: sekret"}"#,
        "api_key",
    ),
    (r#"{"custom_host":5}"#, "custom_host"),
    (r#"{"custom_host":"sekret://x"}"#, "custom_host"),
    (
        r#"{"custom_host":"HOST","custom_host":"HOST"}"#,
        "custom_host",
    ),
    (
        r#"{"custom_host":"HOST","customHost":"HOST"}"#,
        "custom_host",
    ),
    (
        r#"{"custom_host":"HOST","forward_authorization":"sekret"}"#,
        "forward_authorization",
    ),
    (r#"{"provider":"https://sekret/"}"#, "provider"),
    (
        r#"{"custom_host":"HOST","auth":{"header":"host","scheme":"sekret"},"api_key":"sekret"}"#,
        "auth",
    ),
];

#[test]
fn every_refusal_names_the_place_and_no_value() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    for (config, place) in INVALID {
        let config = config.replace("HOST", &base(&upstream));
        for value in [config.clone(), base64(&config)] {
            let response = gateway.refuses(configured(&value, BODY), 400, "invalid_config");
            let text = response.text();
            assert!(text.contains(place), "{config}\n{text}");
            assert!(!text.contains("sekret"), "{config}\n{text}");
        }
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_unknown_key_is_answered_with_the_known_ones() {
    let config = r#"{"targets":[{"custom_hots":"x"}]}"#;
    let response = Gateway::start().refuses(configured(config, BODY), 400, "invalid_config");
    let text = response.text();
    assert!(text.contains("config.targets[0].custom_hots"), "{text}");
    for key in ["custom_host", "override_params", "retry", "weight"] {
        assert!(text.contains(key), "{text}");
    }
}

/// Groups around one target, so many levels of `targets`.
fn nested(levels: usize, host: &str) -> String {
    let mut config = format!("{{\"custom_host\":\"{host}\"}}");
    for _ in 0..levels {
        config = format!("{{\"targets\":[{config}]}}");
    }
    config
}

#[test]
fn targets_nest_eight_deep_and_no_deeper() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    let response = gateway.exchange(configured(&nested(8, &base(&upstream)), BODY));
    assert_eq!(response.status, 200, "{}", response.text());
    let deepest = "config".to_owned() + &".targets[0]".repeat(8);
    assert_eq!(response.option(), deepest);
    gateway.refuses(
        configured(&nested(9, &base(&upstream)), BODY),
        400,
        "invalid_config",
    );
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_config_is_checked_before_the_body_is_read() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\
         x-gateway-config: {\"nonsense\":1}\r\n\r\n{",
    );
    let response = client.response();
    assert_eq!(
        (response.status, response.error()),
        (400, Some("invalid_config"))
    );
}
