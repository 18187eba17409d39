//! `allow` of keys and teams: which provider and which route a request is for.

use crate::{
    keys_allow::{BODY, Upstreams, ask_json, assert_refused, chat, keys_and_team, to},
    support::routing::config_line,
};

/// A built-in provider is the one only at its own address: a caller's host is nobody's.
#[test]
fn a_built_in_provider_with_a_host_of_the_callers_is_no_provider() {
    let upstreams = Upstreams::new();
    let key = r#"allow: { providers: ["openai", "@p"] }"#;
    let gateway = upstreams.gateway(&keys_and_team(key, ""));
    let own = "x-gateway-provider: openai\r\n";
    let dry = "x-gateway-dry-run: true\r\nx-api-key: sk-own\r\n";
    let inline = |host: &str| {
        config_line(&format!(
            r#"{{"provider":"openai","custom_host":"{host}"}}"#
        ))
    };
    for (lines, permitted) in [
        (own.to_owned(), true),
        (format!("{own}{}", to("https://api.openai.com/v2")), true),
        (inline("https://api.openai.com/v1"), true),
        (format!("{own}{}", to("GOOD")), false),
        (
            format!("{own}{}", to("https://api.openai.com:444/v1")),
            false,
        ),
        (
            format!("{own}{}", to("http://api.openai.com:443/v1")),
            false,
        ),
        (
            format!("{own}{}", to("https://api.openai.com.example/v1")),
            false,
        ),
        (inline("GOOD"), false),
        ("x-gateway-provider: anthropic\r\n".to_owned(), false),
        (to("GOOD"), false),
        ("x-gateway-provider: @q\r\n".to_owned(), false),
        ("x-gateway-provider: @p\r\n".to_owned(), true),
    ] {
        let request = upstreams.fill(&chat(&format!("{dry}{lines}")));
        let got = gateway.exchange(&request);
        match permitted {
            true => assert_eq!(got.status, 200, "{lines}: {}", got.text()),
            false => assert_refused(&got, ("key", "providers"), &lines),
        }
    }
    assert_eq!(upstreams.reached(), [0, 0]);
}

#[test]
fn routes_are_compared_byte_by_byte_and_endpoints_permit_no_other_route() {
    let upstreams = Upstreams::new();
    let key = r#"allow: { routes: ["/v1/chat/completions", "/v1/audio/*"] }"#;
    let gateway = upstreams.gateway(&keys_and_team(key, ""));
    for (path, permitted) in [
        ("/v1/chat/completions", true),
        ("/v1/chat/completions?x=/v1/other", true),
        ("/v1/audio/a/b", true),
        ("/v1/chat/completions/", false),
        ("/v1//chat/completions", false),
        ("/v1/chat%2Fcompletions", false),
        ("/v1/Chat/completions", false),
        ("/v1/audio", false),
        ("/v1", false),
    ] {
        let got = gateway.exchange(upstreams.fill(&ask_json("POST", path, &to("GOOD"), BODY)));
        match permitted {
            true => assert_eq!(got.status, 200, "{path}: {}", got.text()),
            false => assert_refused(&got, ("key", "routes"), path),
        }
    }
    assert_eq!(upstreams.reached(), [3, 0]);
}
