//! The golden cases of the request headers, and what holds for every input.

use std::fmt::Write as _;

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::table::{Lines, NAMESPACE, PORTKEY_NAMESPACE, REPLY, REQUEST};
use super::{DirectiveError, Directives, Provider, is_ours};
use crate::golden::{Case, assert_page, cases};
use crate::http::request_fields::RequestFields;

fn headers<'a>(lines: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

fn parse(headers: &HeaderMap, portkey: bool) -> Result<Directives, DirectiveError> {
    let fields = RequestFields::of(headers, |name| is_ours(name, portkey));
    Directives::parse(&fields.ours)
}

fn one(name: &str, value: &str) -> Result<Directives, DirectiveError> {
    parse(&headers([(name, value.as_bytes())]), false)
}

/// The fields that are set, one line each.
fn lines(directives: &Directives) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            writeln!(out, "{name} = {value}").unwrap();
        }
    };
    let Directives {
        provider,
        custom_host,
        config,
        api_key,
        trace_id,
        ..
    } = directives;
    let Directives {
        metadata,
        request_timeout,
        cache,
        debug,
        dry_run,
        ..
    } = directives;
    line("provider", provider.as_ref().map(|it| format!("{it:?}")));
    line("custom_host", custom_host.clone());
    line("config", config.clone());
    line("api_key", api_key.as_ref().map(|it| it.expose().to_owned()));
    line("trace_id", trace_id.clone());
    line("metadata", metadata.as_ref().map(|it| format!("{it:?}")));
    line(
        "request_timeout",
        request_timeout.map(|it| format!("{it:?}")),
    );
    line("cache.enabled", cache.enabled.map(|it| it.to_string()));
    line("cache.ttl", cache.ttl.map(|it| format!("{it:?}")));
    line("cache.namespace", cache.namespace.clone());
    line(
        "cache.force_refresh",
        cache.force_refresh.map(|it| it.to_string()),
    );
    line("debug", debug.map(|it| it.to_string()));
    line("dry_run", dry_run.then(|| "true".to_owned()));
    out
}

fn run(case: &Case) -> Result<String, String> {
    let request = case.section("headers").lines();
    let pairs = request.map(|line| line.split_once(':').unwrap());
    let map = headers(pairs.map(|(name, value)| (name, value.trim().as_bytes())));
    parse(&map, case.has("portkey"))
        .map(|it| lines(&it))
        .map_err(|error| error.to_string())
}

#[test]
fn every_case_gives_the_directives_or_the_error_it_says() {
    for case in cases("directives") {
        match run(&case) {
            Ok(got) => {
                assert!(case.has("directives"), "{} gave:\n{got}", case.name);
                assert_eq!(got.trim_end(), case.section("directives"), "{}", case.name);
            }
            Err(got) => assert_eq!(got, case.section("error"), "{}", case.name),
        }
    }
}

#[test]
fn the_example_of_every_row_is_a_valid_value() {
    for header in REQUEST {
        let name = format!("{NAMESPACE}{}", header.suffix);
        let directives = one(&name, header.example).unwrap();
        let read_into_a_field = directives != Directives::default();
        assert_eq!(read_into_a_field, header.lines == Lines::One, "{name}");
    }
}

#[test]
fn an_empty_value_means_absent_for_every_row() {
    for header in REQUEST {
        let name = format!("{NAMESPACE}{}", header.suffix);
        for empty in ["", " ", "\t"] {
            assert_eq!(one(&name, empty), Ok(Directives::default()), "{name}");
        }
    }
}

#[test]
fn a_single_header_given_twice_is_an_error_that_names_it() {
    for header in REQUEST.iter().filter(|header| header.lines == Lines::One) {
        let name = format!("{NAMESPACE}{}", header.suffix);
        let value = header.example.as_bytes();
        let twice = headers([(name.as_str(), value), (name.as_str(), value)]);
        let error = parse(&twice, false).unwrap_err();
        assert_eq!(error, DirectiveError::Repeated { name: name.clone() });
        assert!(error.to_string().starts_with(&name), "{error}");
    }
}

#[test]
fn portkey_names_are_aliases_in_portkey_mode_only() {
    for header in REQUEST.iter().filter(|header| header.lines == Lines::One) {
        let alias = format!("{PORTKEY_NAMESPACE}{}", header.suffix);
        let native = format!("{NAMESPACE}{}", header.suffix);
        let map = headers([(alias.as_str(), header.example.as_bytes())]);
        assert_eq!(parse(&map, true), one(&native, header.example));
        assert_eq!(parse(&map, false), Ok(Directives::default()));
    }
}

#[test]
fn only_the_namespace_is_ours() {
    let ours = [
        ("x-gateway-provider", true, true),
        ("x-gateway-whatever-comes", true, true),
        ("x-portkey-provider", false, true),
        ("x-gateway", false, false),
        ("x-gatewayprovider", false, false),
        ("x-portkey", false, false),
        ("authorization", false, false),
    ];
    for (name, plain, portkey) in ours {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        assert_eq!(is_ours(&name, false), plain, "{name}");
        assert_eq!(is_ours(&name, true), portkey, "{name}");
    }
    // A mixed-case name arrives lower-cased by its type.
    let mixed = HeaderName::from_bytes(b"X-GateWay-Api-Key").unwrap();
    assert!(is_ours(&mixed, false));
}

#[test]
fn an_error_never_repeats_the_value() {
    for header in REQUEST {
        let name = format!("{NAMESPACE}{}", header.suffix);
        if let Err(error) = one(&name, "sk-private value \u{e9}") {
            assert!(!error.to_string().contains("sk-private"), "{error}");
            assert!(!format!("{error:?}").contains("sk-private"), "{error:?}");
        }
    }
    let directives = one("x-gateway-api-key", "sk-private").unwrap();
    assert!(!format!("{directives:?}").contains("sk-private"));
}

#[test]
fn a_provider_is_passthrough_a_name_or_a_name_of_the_settings() {
    let provider = |value| one("x-gateway-provider", value).unwrap().provider.unwrap();
    assert_eq!(provider("passthrough"), Provider::Passthrough);
    assert_eq!(
        provider("azure-openai"),
        Provider::Named("azure-openai".into())
    );
    assert_eq!(provider("@my-vllm"), Provider::Settings("my-vllm".into()));
    for refused in ["@", "@@x", "open ai", "https://api.openai.com", "a/b"] {
        assert!(one("x-gateway-provider", refused).is_err(), "{refused}");
    }
}

#[test]
fn the_headers_page_is_the_printed_one() {
    assert_page("headers.md", &super::page());
}

#[test]
fn no_name_is_listed_twice() {
    for (row, header) in REQUEST.iter().enumerate() {
        assert!(
            !REQUEST[..row]
                .iter()
                .any(|other| other.suffix == header.suffix)
        );
    }
    for (row, header) in REPLY.iter().enumerate() {
        assert!(!REPLY[..row].iter().any(|other| other.name == header.name));
    }
}

fn any_name() -> impl Strategy<Value = String> {
    let known = (0..REQUEST.len()).prop_map(|row| REQUEST[row].suffix.to_owned());
    let namespace = prop_oneof![Just(NAMESPACE), Just(PORTKEY_NAMESPACE)];
    let suffix = prop_oneof![known, "[a-z-]{0,12}"];
    (namespace, suffix).prop_map(|(namespace, suffix)| format!("{namespace}{suffix}"))
}

proptest! {
    #[test]
    fn parsing_never_panics(
        lines in proptest::collection::vec(
            (any_name(), proptest::collection::vec(any::<u8>(), 0..200)), 0..6),
        portkey: bool,
    ) {
        let legal = lines.iter().filter(|(_, value)| HeaderValue::from_bytes(value).is_ok());
        let map = headers(legal.map(|(name, value)| (name.as_str(), value.as_slice())));
        drop(parse(&map, portkey));
    }

    #[test]
    fn structured_values_never_panic(
        row in 0..REQUEST.len(),
        value in r#"[-@{}\[\]":,.0-9a-z ]{0,60}"#,
    ) {
        drop(one(&format!("{NAMESPACE}{}", REQUEST[row].suffix), &value));
    }
}
