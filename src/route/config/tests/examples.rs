//! Every example of the table of keys, in the object that it belongs to.

use serde_json::json;

use super::{super::fields, *};
use crate::route::config::fields::FIELDS;

#[test]
fn every_example_of_the_table_is_taken() {
    for field in FIELDS {
        let example: serde_json::Value = serde_json::from_str(field.example).expect(field.name);
        let mut object = json!({ field.name: example });
        let target = json!({ "name": "big" });
        let small = json!({ "name": "small" });
        let needed = [
            ("query", json!({ "method": "GET" })),
            ("then", json!("big")),
        ];
        let needed_beside = |object: &mut serde_json::Value,
                             pairs: &[(&str, serde_json::Value)]| {
            for (key, value) in pairs {
                if object.get(key).is_none() {
                    object[*key] = value.clone();
                }
            }
        };
        let config = match title_of(field.section) {
            "" => {
                if field.name == "strategy" {
                    object["targets"] = json!([target]);
                }
                object
            }
            "strategy" => {
                let mode = match field.name {
                    "conditions" | "default" => "conditional",
                    "sticky" => "loadbalance",
                    _ => "fallback",
                };
                needed_beside(&mut object, &[("mode", json!(mode))]);
                if mode == "conditional" {
                    needed_beside(
                        &mut object,
                        &[(
                            "conditions",
                            json!([{ "query": { "method": "GET" }, "then": "big" }]),
                        )],
                    );
                }
                json!({ "strategy": object, "targets": [target, small] })
            }
            "conditions" => {
                needed_beside(&mut object, &needed);
                json!({
                    "strategy": { "mode": "conditional", "conditions": [object] },
                    "targets": [target],
                })
            }
            "sticky" => {
                needed_beside(&mut object, &[("hash_fields", json!(["method"]))]);
                json!({
                    "strategy": { "mode": "loadbalance", "sticky": object },
                    "targets": [target],
                })
            }
            "basic" => {
                let pair = [("user", json!("u")), ("password", json!("p"))];
                needed_beside(&mut object, &pair);
                json!({ "credential": { "basic": object } })
            }
            "aws_sigv4" => {
                let names = ["access_key_id", "secret_access_key", "region", "service"];
                needed_beside(&mut object, &names.map(|name| (name, json!("x"))));
                json!({ "credential": { "aws_sigv4": object } })
            }
            "google" => {
                if field.name == "service_account" {
                    object[field.name] = service_account();
                } else {
                    needed_beside(&mut object, &[("metadata_server", json!(true))]);
                }
                json!({ "credential": { "google": object } })
            }
            "cb_config" => json!({ "strategy": { "cb_config": object }, "targets": [target] }),
            section => {
                if section == "hedge" {
                    needed_beside(&mut object, &[("after", json!(1))]);
                } else if section == "rate_limit" {
                    needed_beside(&mut object, &[("requests", json!(1))]);
                } else if section == "auth" {
                    needed_beside(&mut object, &[("header", json!("x-token"))]);
                }
                json!({ section: object })
            }
        };
        if config.get("credential").is_some() {
            let read = parse_value(config.clone(), "config");
            assert!(read.is_ok(), "{}: {}", field.name, shown(&read));
            assert!(
                parse(&config.to_string()).is_err(),
                "callers cannot give it"
            );
            continue;
        }
        let read = parse(&config.to_string());
        assert!(read.is_ok(), "{}: {}", field.name, shown(&read));
    }
}

/// The content of a key file, which stands in the place of its path.
fn service_account() -> Value {
    let key = include_str!("../../../../fixtures/credential/service_account.pem");
    let json = json!({ "type": "service_account", "client_email": "a@b", "private_key": key });
    json.to_string().into()
}

fn title_of(section: fields::Section) -> &'static str {
    use fields::Section as S;
    match section {
        S::Target => "",
        S::Strategy => "strategy",
        S::Condition => "conditions",
        S::Sticky => "sticky",
        S::Breaker => "cb_config",
        S::Retry => "retry",
        S::Timeouts => "timeouts",
        S::Hedge => "hedge",
        S::Auth => "auth",
        S::Credential => "credential",
        S::Basic => "basic",
        S::AwsSigV4 => "aws_sigv4",
        S::Google => "google",
        S::Cache => "cache",
        S::RateLimit => "rate_limit",
    }
}
