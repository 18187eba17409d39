//! Valid configs, invalid configs with their errors, and the reference page.

mod examples;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    golden::{assert_page, cases},
    route::config_types::Mode,
};

/// The parsed entry as text, one line for each value. Keys are shown; those in tests are not
/// secret.
fn summary(entry: &Entry, path: &str) -> String {
    let mut lines = Vec::new();
    let mut put = |key: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{path}.{key} = {value}\n")));
    };
    let debug = |value: &dyn std::fmt::Debug| format!("{value:?}");
    put("name", entry.name.as_ref().map(|it| it.to_string()));
    put("weight", entry.weight.map(|it| it.to_string()));
    put("provider", entry.provider.as_ref().map(|it| debug(it)));
    put(
        "custom_host",
        entry.custom_host.as_ref().map(|it| it.to_string()),
    );
    put(
        "api_key",
        entry.api_key.as_ref().map(|it| it.expose().to_owned()),
    );
    put("auth", entry.auth.as_ref().map(|it| debug(it)));
    put(
        "headers",
        (!entry.headers.is_empty()).then(|| debug(&entry.headers)),
    );
    put(
        "forward_authorization",
        entry.forward_authorization.map(|it| it.to_string()),
    );
    put(
        "override_params",
        (!entry.override_params.is_empty()).then(|| debug(&entry.override_params)),
    );
    put("retry", entry.retry.as_ref().map(|it| debug(it)));
    put(
        "request_timeout",
        entry.request_timeout.as_ref().map(|it| debug(it)),
    );
    put("timeouts", entry.timeouts.as_ref().map(|it| debug(it)));
    put("strict_end", entry.strict_end.map(|it| it.to_string()));
    put("hedge", entry.hedge.as_ref().map(|it| debug(it)));
    put("cache", entry.cache.as_ref().map(|it| debug(it)));
    put("rate_limit", entry.rate_limit.as_ref().map(|it| debug(it)));
    if let Some(strategy) = &entry.strategy {
        let mode = match &strategy.mode {
            Mode::Single => "single".to_owned(),
            Mode::Fallback { on } => format!("fallback on {on:?}"),
            Mode::LoadBalance { sticky } => format!("loadbalance, sticky {sticky:?}"),
            Mode::Conditional {
                conditions,
                default,
            } => {
                let then: Vec<_> = conditions.iter().map(|(_, then)| then).collect();
                format!("conditional, then {then:?}, default {default:?}")
            }
        };
        put("strategy", Some(mode));
        put(
            "strategy.cb_config",
            strategy.breaker.as_ref().map(|it| debug(it)),
        );
    }
    for (place, target) in entry.targets.iter().enumerate() {
        lines.push(summary(target, &format!("{path}.targets[{place}]")));
    }
    lines.concat()
}

fn shown(result: &Result<Entry, ConfigObjectError>) -> String {
    match result {
        Ok(entry) => summary(entry, "config"),
        Err(error) => format!("{error}\n"),
    }
}

#[test]
fn each_case_is_parsed_or_refused_as_it_states() {
    for case in cases("config_object") {
        let read = shown(&parse(case.section("config")));
        assert_eq!(read.trim_end(), case.section("expect"), "{}", case.name);
    }
}

#[test]
fn the_header_holds_json_a_name_or_base64() {
    let saved = |name: &str| name == "chain" || name == "eyJ9";
    let kind = |text: &str| match read(text, saved) {
        Ok(Source::Inline(entry)) => summary(&entry, "config"),
        Ok(Source::Saved(name)) => name.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(kind(r#"{"name":"x"}"#), "config.name = x\n");
    assert_eq!(kind("chain"), "chain");
    assert_eq!(kind("eyJ9"), "eyJ9");
    for base64 in [
        "eyJuYW1lIjoiPz8/In0=",
        "eyJuYW1lIjoiPz8/In0",
        "eyJuYW1lIjoiPz8_In0=",
        "eyJuYW1lIjoiPz8_In0",
    ] {
        assert_eq!(kind(base64), "config.name = ???\n");
    }
    let none = "config: must be JSON, base64 of JSON, or the name of a config in the settings";
    for neither in ["nobody", "W10=", "[]", "eyJ!"] {
        assert_eq!(kind(neither), none, "{neither}");
    }
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(MOST_BYTES));
    assert_eq!(kind(&long), "config: has more than 65536 bytes");
}

#[test]
fn the_reference_page_is_current_and_its_examples_are_valid() {
    assert_page("config.md", &page());
    let page = page();
    let examples: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|it| it.split("```").next().unwrap())
        .collect();
    assert!(examples.len() >= 5);
    for example in examples {
        assert!(parse(example).is_ok(), "{example}");
    }
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |name, part| {
        format!("{name}{}{}", part[..1].to_uppercase(), &part[1..])
    })
}

/// The budget covers the whole config and does not restart with each strategy, target or group.
#[test]
fn the_work_of_a_config_is_limited_as_a_whole() {
    let strategy = |query: serde_json::Value| {
        let conditions = json!([{ "query": query, "then": "a" }]);
        json!({ "mode": "conditional", "conditions": conditions })
    };
    let group = |query: &dyn Fn(usize) -> serde_json::Value, count: usize| {
        let group = |at| json!({ "strategy": strategy(query(at)), "targets": [{ "name": "a" }] });
        json!({ "targets": (0..count).map(group).collect::<Vec<_>>() })
    };
    let pattern = |_| json!({ "params.x": { "$regex": "(?i)[x]" } });
    let items = |_| json!({ "params.x": { "$in": vec![0; 100] } });
    // Sixteen targets of 64 keys each, and optionally one key more.
    let keys = |name: &str, more: bool| {
        let key = |at| (format!("k{at}"), json!("v"));
        let keys: serde_json::Map<_, _> = (0..64).map(key).collect();
        let mut targets = vec![json!({ name: keys }); 16];
        targets.push(match more {
            true => json!({ name: { "k": "v" } }),
            false => json!({ name: {} }),
        });
        json!({ "targets": targets })
    };
    let fields = |count: usize| {
        let sticky = json!({ "hash_fields": vec!["method"; count] });
        json!({ "strategy": { "mode": "loadbalance", "sticky": sticky }, "targets": [{}] })
    };
    for (taken, refused, place) in [
        (
            group(&pattern, 16),
            group(&pattern, 17),
            "config.targets[16].strategy.conditions[0].query.params.x.$regex",
        ),
        (
            group(&items, 10),
            group(&items, 11),
            "config.targets[10].strategy.conditions[0].query.params.x.$in",
        ),
        (
            keys("override_params", false),
            keys("override_params", true),
            "config.targets[16].override_params",
        ),
        (
            keys("headers", false),
            keys("headers", true),
            "config.targets[16].headers",
        ),
        (
            fields(1024),
            fields(1025),
            "config.strategy.sticky.hash_fields",
        ),
    ] {
        assert!(parse(&taken.to_string()).is_ok(), "{place}");
        let error = parse(&refused.to_string()).map(|_| ()).expect_err(place);
        assert_eq!(error.path, place);
        assert!(error.reason.contains("makes more than"), "{}", error.reason);
        // Saved configs are parsed by the same parser.
        assert!(parse_value(refused, "configs.saved").is_err());
    }
}

#[test]
fn an_overlong_unknown_key_is_refused_without_a_suggestion() {
    let error = parse(&format!("{{\"{}\":1}}", "x".repeat(60_000))).map(|_| ());
    let error = error.expect_err("refused");
    assert!(
        error.reason.starts_with("is not a key here. Allowed: "),
        "{}",
        error.reason
    );
}

#[test]
fn only_short_configs_without_patterns_are_quick() {
    for (config, quick) in [
        (r#"{"custom_host":"https://a.example"}"#.to_owned(), true),
        (r#"{"x":{"$regex":"a"}}"#.to_owned(), false),
        (r#"{"x":{"\u0024r\u0065gex":"a"}}"#.to_owned(), false),
        (format!("{{\"x\":\"{}\"}}", "y".repeat(5000)), false),
    ] {
        assert_eq!(is_quick(&config), quick, "{config}");
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,200}") {
        let _ = read(&text, |_| false);
        let _ = parse(&format!("{{{text}}}"));
    }

    #[test]
    fn both_spellings_read_alike(
        timeout in 1_u64..1000,
        attempts in 0_u64..=5,
        key in "[a-z]{1,8}",
        camel_case in any::<bool>(),
    ) {
        let name = |name: &str| if camel_case { camel(name) } else { name.to_owned() };
        let config = json!({
            name("request_timeout"): timeout,
            name("api_key"): key,
            name("override_params"): { "max_tokens": 1, "maxTokens": 2 },
            "retry": {
                "attempts": attempts,
                name("on_status_codes"): [503],
                name("use_retry_after_header"): true,
            },
            "timeouts": { name("first_token"): timeout },
        });
        let read = shown(&parse(&config.to_string()));
        prop_assert!(read.contains(r#"[("max_tokens", "1"), ("maxTokens", "2")]"#), "{}", read);
        let names = [
            "request_timeout",
            "api_key",
            "override_params",
            "on_status_codes",
            "use_retry_after_header",
            "first_token",
        ];
        let to_snake = |text: String, name: &&str| {
            text.replace(&format!("\"{}\"", camel(name)), &format!("\"{name}\""))
        };
        let snake = names.iter().fold(config.to_string(), to_snake);
        prop_assert_eq!(read, shown(&parse(&snake)));
    }
}
