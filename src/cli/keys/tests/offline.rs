//! Keys made offline: what is printed can be pasted into a settings file.

use super::{super::*, ran};
use crate::{
    config::{Flags, Settings},
    identity::token::GatewayKey,
};

/// The settings that a pasted entry makes.
fn pasted(yaml: &str) -> Settings {
    let path = std::path::Path::new("throughway.yaml");
    let settings = Settings::parse(yaml, path, &Environment::default(), &Flags::default());
    settings.unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

#[test]
fn an_offline_key_is_its_text_and_settings_with_its_digest() {
    // Names that YAML could take for something else are written as they must be.
    for name in ["app", "true", "null", "007", "1e3", "@x", "-", "a.b@c", "."] {
        let (code, out, err) = ran(&["create", "--offline", "--role", "viewer", "--", name]);
        assert_eq!(code, 0, "{err}");
        let (text, yaml) = out.split_once("\n\n").unwrap();
        let key = GatewayKey::parse(text.as_bytes()).expect("a key");
        assert!(!yaml.contains(text));
        let settings = pasted(yaml);
        assert_eq!(settings.keys.len(), 1);
        let entry = &settings.keys[0];
        assert_eq!((entry.name.as_str(), entry.digest), (name, key.digest()));
        assert!(entry.role.may_read_admin() && !entry.role.may_change_admin());
    }
}

#[test]
fn an_offline_key_has_all_that_was_asked_for() {
    let words = [
        "create",
        "app",
        "--offline",
        "--json",
        "--team",
        "search",
        "--expires",
        "90d",
        "--allow-host",
        "*.openai.com",
        "--allow-provider",
        "openai",
        "--allow-route",
        "/v1/*",
        "--allow-method",
        "POST",
        "--allow-model",
        "gpt-*",
        "--allow-model",
        "o3",
        "--allow-client-address",
        "10.0.0.0/8",
        "--metadata",
        "cost-center=7",
    ];
    let (code, out, err) = ran(&words);
    assert_eq!((code, err.as_str()), (0, ""));
    let made: Value = serde_json::from_str(&out).unwrap();
    let key = GatewayKey::parse(made["key"].as_str().unwrap().as_bytes()).expect("a key");
    let entry = &made["settings"]["keys"]["app"];
    let allow = json!({
        "hosts": ["*.openai.com"], "providers": ["openai"], "routes": ["/v1/*"],
        "methods": ["POST"], "models": ["gpt-*", "o3"], "client_addresses": ["10.0.0.0/8"],
    });
    assert_eq!(entry["allow"], allow);
    assert_eq!(entry["digest"], json!(key.digest()));
    assert_eq!(
        (&entry["team"], &entry["metadata"]),
        (&json!("search"), &json!({ "cost-center": "7" }))
    );
    let expires: Timestamp = entry["expires"].as_str().unwrap().parse().unwrap();
    let days = expires.duration_since(Timestamp::now()).as_hours() / 24;
    assert!((89..=90).contains(&days), "{expires}");
    let left_out = ["id", "name", "blocked", "role", "created_at"];
    assert!(
        left_out.iter().all(|name| entry.get(name).is_none()),
        "{entry}"
    );
    let teams = format!(
        "teams: {{ search: {{}} }}\nkeys: {}",
        made["settings"]["keys"]
    );
    assert_eq!(pasted(&teams).keys.len(), 1);
}

#[test]
fn an_offline_request_at_fault_makes_nothing() {
    for (words, expected) in [
        (
            ["--allow-model", ""],
            "allow.models[0] must be the name of a model",
        ),
        (
            ["--allow-provider", "openia"],
            "allow.providers[0] is not a built-in provider",
        ),
        (
            ["--expires", "2020-01-01T00:00:00Z"],
            "expires must be in the future",
        ),
        (["--team", "two words"], "team must be the name or the id"),
        (
            ["--default-config", "no config"],
            "default_config must be the name of a config",
        ),
    ] {
        let (code, out, err) = ran(&["create", "app", "--offline", words[0], words[1]]);
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}");
        assert!(err.starts_with(&format!("error: {expected}")), "{err}");
    }
    let (code, _, err) = ran(&["create", "two words", "--offline"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: name must be 1 to 64 of "), "{err}");
}
