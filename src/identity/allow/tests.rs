//! Every dimension alone and together, for keys and teams; what each pattern takes and matches.

use std::{net::IpAddr, sync::Arc};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    guard::{BaseUrl, NamedBy},
    identity::{
        document::read,
        joined::Identity,
        samples::{key, secret, team},
    },
    route::Provider,
};

/// A dimension with a pattern that permits [`request`] and one that does not.
const DIMENSIONS: [(&str, &str, &str); 7] = [
    ("hosts", "api.openai.com", "api.anthropic.com"),
    ("providers", "openai", "@ours"),
    ("endpoints", "/bria", "/other"),
    ("routes", "/v1/chat/*", "/v1/audio/*"),
    ("methods", "POST", "GET"),
    ("models", "gpt-*", "claude-*"),
    ("client_addresses", "10.0.0.0/8", "192.0.2.1"),
];

/// How a list stands to [`request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Matching,
    NotMatching,
}

const STATES: [State; 3] = [State::Absent, State::Matching, State::NotMatching];

fn allow(states: &[State]) -> Value {
    let lists = DIMENSIONS.iter().zip(states);
    let lists = lists.filter_map(|((name, matching, other), state)| match state {
        State::Absent => None,
        State::Matching => Some(((*name).to_owned(), json!([other, matching]))),
        State::NotMatching => Some(((*name).to_owned(), json!([other]))),
    });
    Value::Object(lists.collect::<Map<_, _>>())
}

fn identity(of_key: &[State], of_team: Option<&[State]>) -> Identity {
    let key = key("app", &secret(1), json!({ "allow": allow(of_key) }));
    let team = of_team.map(|states| team("search", json!({ "allow": allow(states) })));
    Identity::new(Arc::new(key), team.map(Arc::new))
}

fn base(url: &str) -> BaseUrl {
    BaseUrl::parse(url).expect(url)
}

/// All stages of one request.
fn request(identity: &Identity) -> Result<(), Refusal> {
    identity.check_arrival(&Arrival {
        method: "POST",
        path: "/v1/chat/completions",
        endpoint: Some("/bria"),
        client: "10.1.2.3".parse().ok(),
    })?;
    identity.check_destination(&Destination {
        url: &base("https://api.openai.com/v1"),
        named: &Provider::Named("openai".into()),
        named_by: NamedBy::Caller,
    })?;
    identity.check_model(Some("gpt-4o"))
}

#[test]
fn each_dimension_refuses_alone_for_the_key_and_for_the_team() {
    for (place, (name, _, _)) in DIMENSIONS.iter().enumerate() {
        for of_key in STATES {
            for of_team in [None, Some(STATES[0]), Some(STATES[1]), Some(STATES[2])] {
                let only = |state| {
                    let mut states = [State::Absent; DIMENSIONS.len()];
                    states[place] = state;
                    states
                };
                let identity =
                    identity(&only(of_key), of_team.map(only).as_ref().map(|it| &it[..]));
                let expected = match (of_key, of_team) {
                    (State::NotMatching, _) => Some(Owner::Key),
                    (_, Some(State::NotMatching)) => Some(Owner::Team),
                    _ => None,
                };
                let refusal = request(&identity).err();
                let found = refusal.map(|it| (it.owner, it.denied.rule().to_owned()));
                let expected = expected.map(|owner| (owner, format!("allow.{name}")));
                assert_eq!(found, expected, "{name} {of_key:?} {of_team:?}");
            }
        }
    }
}

fn states() -> impl Strategy<Value = Vec<State>> {
    prop::collection::vec(prop::sample::select(&STATES[..]), DIMENSIONS.len())
}

proptest! {
    #[test]
    fn a_request_is_allowed_if_no_list_of_key_and_team_refuses_it(
        of_key in states(),
        of_team in prop::option::of(states()),
    ) {
        let identity = identity(&of_key, of_team.as_deref());
        let mut all = of_key.iter().chain(of_team.iter().flatten());
        let is_refused = all.any(|state| *state == State::NotMatching);
        prop_assert_eq!(request(&identity).is_err(), is_refused);
        let models = DIMENSIONS.iter().position(|(name, _, _)| *name == "models").unwrap();
        let mut lists = [Some(&of_key), of_team.as_ref()].into_iter().flatten();
        let has_models = lists.any(|states| states[models] != State::Absent);
        prop_assert_eq!(identity.needs_model(), has_models);
    }

    #[test]
    fn a_refusal_names_one_rule_and_nothing_that_a_rule_permits(
        of_key in states(),
        of_team in prop::option::of(states()),
    ) {
        let Err(refusal) = request(&identity(&of_key, of_team.as_deref())) else {
            return Ok(());
        };
        let text = refusal.to_string();
        let is_listed = |(_, _, listed): &(&str, &str, &str)| text.contains(listed);
        prop_assert!(!DIMENSIONS.iter().any(is_listed), "{}", text);
        prop_assert_eq!(text.matches("allow.").count(), 1, "{}", text);
    }
}

#[test]
fn refusals_say_whose_rule_refuses_what() {
    let refusal = |owner, denied| Refusal { owner, denied }.to_string();
    let long = "x".repeat(65);
    let cut = format!("this key may not use the model `{}…`", "x".repeat(64));
    for (shown, expected) in [
        (
            refusal(Owner::Key, Denied::Model(Some("o3".into()))),
            "this key may not use the model `o3`: its `allow.models` does not permit it",
        ),
        (
            refusal(
                Owner::Team,
                Denied::Provider(Provider::Settings("ours".into())),
            ),
            "this key may not use the provider `@ours`: `allow.providers` of its team does not \
             permit it",
        ),
        (
            refusal(Owner::Key, Denied::Endpoint(None)),
            "this key may not be used outside of endpoints: its `allow.endpoints` does not permit \
             it",
        ),
        (
            refusal(Owner::Key, Denied::Route("/a\nb".into())),
            "this key may not use the route `/a\\nb`: its `allow.routes` does not permit it",
        ),
        (
            refusal(Owner::Key, Denied::Model(Some(long.into()))),
            &format!("{cut}: its `allow.models` does not permit it"),
        ),
    ] {
        assert_eq!(shown, expected);
    }
}

fn parse(name: &str, pattern: &str) -> Result<Allow, String> {
    read::<Allow>(&json!({ name: [pattern] })).map_err(|error| error.to_string())
}

#[test]
fn what_matches_is_decided_by_each_dimension() {
    let at = |url: &str| Some(base(url));
    for (pattern, url, expected) in [
        ("*.openai.com", at("https://api.openai.com/v1"), true),
        ("*.openai.com", at("https://openai.com/v1"), false),
        ("*.openai.com", at("https://api.openai.com:8443/v1"), false),
        ("10.0.0.0/8:8000", at("http://10.0.0.7:8000/v1"), true),
        ("10.0.0.0/8:8000", at("http://10.0.0.7/v1"), false),
        ("10.0.0.0/8:*", at("http://[::ffff:10.0.0.7]:80/v1"), true),
        ("h.example/v1", at("https://h.example/v1"), true),
        ("h.example/v1", at("https://h.example/v1beta"), false),
        ("https://h.example", at("http://h.example/v1"), false),
    ] {
        let allow = parse("hosts", pattern).unwrap();
        let url = url.unwrap();
        assert_eq!(
            allow.hosts.unwrap().permits(&url),
            expected,
            "{pattern} {url:?}"
        );
    }
    for (pattern, model, expected) in [
        ("gpt-*", Some("gpt-4o"), true),
        ("gpt-*", Some("GPT-4o"), false),
        ("gpt-*", Some("my-gpt-4o"), false),
        ("meta-llama/*", Some("meta-llama/Llama-3/8B"), true),
        ("o3", Some("o3-mini"), false),
        ("*", Some(""), true),
        ("*", None, false),
    ] {
        let allow = parse("models", pattern).unwrap();
        assert_eq!(
            allow.check_model(model).is_ok(),
            expected,
            "{pattern} {model:?}"
        );
    }
    for (pattern, client, expected) in [
        ("192.0.2.1", Some("192.0.2.1"), true),
        ("192.0.2.1", Some("::ffff:192.0.2.1"), true),
        ("192.0.2.1", Some("192.0.2.2"), false),
        ("fd00::/8", Some("fd12::1"), true),
        ("0.0.0.0/0", None, false),
    ] {
        let allow = parse("client_addresses", pattern).unwrap();
        let client: Option<IpAddr> = client.map(|it| it.parse().unwrap());
        let permits = allow.client_addresses.unwrap().permits(client);
        assert_eq!(permits, expected, "{pattern} {client:?}");
    }
}

#[test]
fn a_provider_counts_only_with_hosts_that_its_name_stands_for() {
    use NamedBy::{Caller, Settings};
    let named = |name: &str| Provider::parse(name).unwrap();
    let openai = "https://api.openai.com/v1";
    for (pattern, provider, url, named_by, expected) in [
        ("openai", "openai", openai, Caller, true),
        ("openai", "openai", "https://evil.example/v1", Caller, false),
        (
            "openai",
            "openai",
            "https://api.openai.com:8443/v1",
            Caller,
            false,
        ),
        (
            "openai",
            "openai",
            "http://proxy.example/v1",
            Settings,
            true,
        ),
        ("openai", "passthrough", openai, Caller, false),
        ("openai", "@openai", openai, Settings, false),
        (
            "azure",
            "azure",
            "https://x.openai.azure.com",
            Caller,
            false,
        ),
        (
            "azure",
            "azure-openai",
            "https://x.openai.azure.com",
            Settings,
            true,
        ),
        (
            "google",
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            Caller,
            true,
        ),
        (
            "passthrough",
            "passthrough",
            "https://h.example",
            Caller,
            true,
        ),
        (
            "passthrough",
            "openai",
            "https://evil.example/v1",
            Caller,
            true,
        ),
        ("passthrough", "openai", openai, Caller, false),
        ("@ours", "@ours", "https://h.example", Settings, true),
        ("@ours", "@others", "https://h.example", Settings, false),
    ] {
        let allow = parse("providers", pattern).unwrap();
        let destination = Destination {
            url: &base(url),
            named: &named(provider),
            named_by,
        };
        let permits = allow.check_destination(&destination).is_ok();
        assert_eq!(permits, expected, "{pattern} {provider} {url}");
    }
}

#[test]
fn patterns_that_match_nothing_are_refused_by_place() {
    let long = "x".repeat(257);
    for (name, patterns) in [
        (
            "hosts",
            &["", "http://", "10.0.0.1/8", "169.254.169.254", "a b", "*"][..],
        ),
        ("providers", &["", "opnai", "@", "a/b", "*"]),
        ("endpoints", &["", "bria", "/a?b", "/a/../b", "/a*"]),
        (
            "routes",
            &["", "v1/chat", "*", "/v1/**", "/v1?x", "/a/%2e%2e/b", "/a b"],
        ),
        ("methods", &["", "post", "GET ", "CONNECT", "TRACE", "P*"]),
        ("models", &["", " gpt", "gpt ", "gpt-**", "a\nb", &long]),
        (
            "client_addresses",
            &[
                "",
                "10.0.0.1/8",
                "10.0.0.0/33",
                "localhost",
                "10.0.0.0/8:80",
            ],
        ),
    ] {
        for pattern in patterns {
            let error = parse(name, pattern).unwrap_err();
            assert!(error.starts_with(&format!("{name}[0] ")), "{error}");
        }
        // It may be a secret in the wrong place.
        let error = parse(name, " sk-canary ?").unwrap_err();
        assert!(!error.contains("canary"), "{error}");
    }
    let error = parse("providers", "opnai").unwrap_err();
    assert!(error.contains("did you mean openai?"), "{error}");
    let error = parse("client_addresses", "10.0.0.1/8").unwrap_err();
    assert!(error.ends_with("first address: 10.0.0.0/8"), "{error}");
}

#[test]
fn lists_are_never_empty_and_lists_of_one_kind_are_known() {
    for (document, expected) in [
        (
            json!({ "models": [] }),
            "models is empty and would allow nothing: leave it out to allow everything, or block \
             the key",
        ),
        (
            json!({ "models": vec!["a"; 257] }),
            "models must have at most 256 items",
        ),
        (json!({ "models": "gpt-*" }), "models must be a list"),
        (
            json!({ "model": ["gpt-*"] }),
            "model is not a field here. Did you mean models? Allowed: hosts, providers, endpoints, \
             routes, methods, models, client_addresses",
        ),
    ] {
        let error = read::<Allow>(&document).unwrap_err().to_string();
        assert_eq!(error, expected, "{document}");
    }
    assert_eq!(read(&json!({ "models": null })), Ok(Allow::default()));
}

proptest! {
    #[test]
    fn a_document_comes_back_as_it_was_written(states in states()) {
        let written = allow(&states);
        let parsed: Allow = read(&written).unwrap();
        prop_assert_eq!(serde_json::to_value(parsed).unwrap(), written);
    }
}
