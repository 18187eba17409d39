//! Which target is chosen, what it inherits and what it is sent, from headers, configs and settings
//! as text.

mod nesting;
mod owners;

use std::path::Path;

use super::*;
use crate::{
    config::{Environment, Flags, Settings},
    directives::{Directives, Provider},
    error::{Code, GatewayError},
    gateway::Known,
    guard::Preset,
};

const SETTINGS: &str = r#"
providers:
  vault: { custom_host: "http://vault.example/v1", api_key: "sk-operator" }
  plain: { custom_host: "http://plain.example/v1" }
  claude:
    provider: anthropic
    api_key: "sk-claude"
    headers: { x-team: a }
    timeouts: { head: 1000 }
    retry: { attempts: 1 }
  lines: { custom_host: "http://lines.example/v1", headers: { x-secret: s } }
configs:
  one: { custom_host: "http://one.example/v1" }
  two:
    strategy: { mode: fallback }
    targets: [{ custom_host: "http://one.example/v1" }, { provider: "@plain" }]
  keyed: { targets: [{ provider: openai, api_key: "sk-operator" }] }
  hostless: { targets: [{ retry: { attempts: 1 } }] }
  open:
    forward_authorization: true
    strategy: { mode: fallback }
    targets: [{ custom_host: "http://one.example/v1" }, { provider: "@plain" }]
"#;

struct Asked<'a> {
    provider: &'a str,
    host: &'a str,
    config: &'a str,
    model: &'a str,
    settings: &'a str,
}

const NOTHING: Asked<'_> = Asked {
    provider: "",
    host: "",
    config: "",
    model: "",
    settings: "",
};

impl<'a> Asked<'a> {
    fn provider(self, provider: &'a str) -> Self {
        Asked { provider, ..self }
    }

    fn host(self, host: &'a str) -> Self {
        Asked { host, ..self }
    }

    fn config(self, config: &'a str) -> Self {
        Asked { config, ..self }
    }

    fn model(self, model: &'a str) -> Self {
        Asked { model, ..self }
    }

    fn settings(self, settings: &'a str) -> Self {
        Asked { settings, ..self }
    }

    fn plan(&self) -> Result<Plan, GatewayError> {
        let text = format!("{SETTINGS}\n{}", self.settings);
        let environment = Environment::default();
        let settings = Settings::parse(&text, Path::new("s"), &environment, &Flags::default());
        let known = Known::of(&settings.expect("settings"));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let directives = Directives {
            provider: some(self.provider).and_then(|name| Provider::parse(&name)),
            custom_host: some(self.host),
            config: some(self.config),
            ..Directives::default()
        };
        let policy = Policy::new(Preset::Dev, Vec::new());
        let makers = Makers {
            known: &known,
            policy: &policy,
            default_config: known.default_config.as_deref(),
        };
        match choose(&directives, Prefix::Unread, makers)? {
            Chosen::Plan(plan) => Ok(plan),
            Chosen::AsksModel => {
                let prefix = Prefix::Read(known.provider_of(self.model));
                match choose(&directives, prefix, makers)? {
                    Chosen::Plan(plan) => Ok(plan),
                    Chosen::AsksModel => panic!("the model was read"),
                }
            }
        }
    }

    /// Where it goes and what it carries, or the code of the refusal.
    fn told(&self) -> String {
        match self.plan() {
            Err(error) => error.code.name().to_owned(),
            Ok(plan) => plan.targets.iter().map(told).collect::<Vec<_>>().join("; "),
        }
    }
}

fn told(target: &Target) -> String {
    let own = target.edits.iter().find(|(name, _)| {
        Some(name.as_str()) == target.own_credential.as_ref().map(OwnCredential::name)
    });
    let own = own.and_then(|(_, value)| value.as_ref()?.to_str().ok());
    let credentials = match (target.credentials, own) {
        (CredentialForwarding::Forwarded, _) => "callers",
        (CredentialForwarding::Withheld, _) => "none",
        (CredentialForwarding::Replaced, own) => own.unwrap_or("own"),
    };
    format!("{} {credentials}", target.base.host())
}

#[test]
fn the_first_that_names_a_target_decides() {
    let inline = r#"{"targets":[{"custom_host":"http://inline.example"}]}"#;
    let nameless = r#"{"retry":{"attempts":1}}"#;
    for (asked, expected) in [
        (
            NOTHING
                .config(inline)
                .provider("@vault")
                .host("http://h.example"),
            "inline.example callers",
        ),
        (
            NOTHING.config("one").provider("@vault"),
            "one.example callers",
        ),
        (
            NOTHING.provider("passthrough").host("http://h.example"),
            "h.example callers",
        ),
        (
            NOTHING.provider("openai").host("http://h.example"),
            "h.example callers",
        ),
        (
            NOTHING.host("http://h.example").model("@vault/m"),
            "h.example callers",
        ),
        (NOTHING.provider("openai"), "api.openai.com callers"),
        (
            NOTHING.provider("@vault"),
            "vault.example Bearer sk-operator",
        ),
        (NOTHING.provider("@claude"), "api.anthropic.com sk-claude"),
        (
            NOTHING
                .model("@vault/m")
                .settings("default_target: http://d.example"),
            "vault.example Bearer sk-operator",
        ),
        (
            NOTHING
                .model("@cf/m")
                .settings("default_target: http://d.example"),
            "d.example callers",
        ),
        (
            NOTHING.model("@vault").settings("default_config: one"),
            "one.example callers",
        ),
        (
            NOTHING.settings("default_config: two"),
            "one.example none; plain.example none",
        ),
        (
            NOTHING.settings("default_target: http://d.example"),
            "d.example callers",
        ),
        (
            NOTHING.config(nameless).host("http://h.example"),
            "h.example callers",
        ),
        (
            NOTHING.config(nameless).provider("@vault"),
            "vault.example Bearer sk-operator",
        ),
        (
            NOTHING.config(nameless).model("@vault/m"),
            "vault.example Bearer sk-operator",
        ),
        (
            NOTHING
                .config(nameless)
                .settings("default_target: http://d.example"),
            "d.example callers",
        ),
        (NOTHING.config(nameless), "no_target"),
        (NOTHING, "no_target"),
        (NOTHING.provider("passthrough"), "no_target"),
        (NOTHING.provider("vllm"), "no_target"),
        (NOTHING.provider("nobody"), "unknown_provider"),
        (NOTHING.provider("@nobody"), "unknown_provider"),
        (
            NOTHING.provider("nobody").host("http://h.example"),
            "unknown_provider",
        ),
        (
            NOTHING.config(r#"{"provider":"@nobody"}"#),
            "invalid_config",
        ),
        (NOTHING.config("nobody"), "invalid_config"),
        (NOTHING.host("ftp://h.example"), "invalid_header"),
        (
            NOTHING.config(r#"{"custom_host":"http://a.example/../b"}"#),
            "invalid_config",
        ),
    ] {
        let name = format!(
            "{} {} {} {}",
            asked.provider, asked.host, asked.config, asked.model
        );
        assert_eq!(asked.told(), expected, "{name}");
    }
}

#[test]
fn no_pairing_sends_what_the_operator_holds_to_a_host_the_caller_named() {
    let evil = "http://evil.example/v1";
    for config in [
        "",
        "one",
        "two",
        "keyed",
        "hostless",
        "open",
        r#"{"targets":[{"provider":"@vault"}]}"#,
        r#"{"targets":[{"provider":"@lines"}]}"#,
        r#"{"targets":[{"provider":"@vault","custom_host":"http://evil.example/v1"}]}"#,
        r#"{"custom_host":"http://evil.example/v1","targets":[{"provider":"@vault"}]}"#,
        r#"{"targets":[{"provider":"@plain","custom_host":"http://evil.example/v1"}]}"#,
        r#"{"targets":[{}]}"#,
        r#"{"api_key":"sk-mine","provider":"@vault"}"#,
    ] {
        for provider in [
            "",
            "passthrough",
            "openai",
            "@vault",
            "@plain",
            "@claude",
            "@lines",
        ] {
            for host in ["", evil] {
                for model in ["", "@vault/m", "@lines/m"] {
                    for settings in [
                        "",
                        "default_config: keyed",
                        "default_target: http://d.example",
                    ] {
                        let asked = Asked {
                            provider,
                            host,
                            config,
                            model,
                            settings,
                        };
                        let Ok(plan) = asked.plan() else {
                            continue;
                        };
                        for target in plan
                            .targets
                            .iter()
                            .filter(|it| it.base.authority() == "evil.example")
                        {
                            let lines: Vec<_> =
                                target.edits.iter().flat_map(|(_, value)| value).collect();
                            let leaked = lines.iter().any(|line| {
                                [
                                    &b"sk-operator"[..],
                                    b"Bearer sk-operator",
                                    b"sk-claude",
                                    b"s",
                                ]
                                .contains(&line.as_bytes())
                            });
                            assert!(!leaked, "{provider} {host} {config} {model} {settings}");
                        }
                    }
                }
            }
        }
    }
    for asked in [
        NOTHING.provider("@vault").host(evil),
        NOTHING.provider("@lines").host(evil),
        NOTHING.config("keyed").host(evil),
        NOTHING.config(r#"{"provider":"@vault","custom_host":"http://evil.example/v1"}"#),
    ] {
        assert_eq!(asked.told(), "invalid_config");
    }
}

#[test]
fn callers_credentials_go_where_the_caller_or_the_operator_says() {
    let two = |more: &str| {
        format!(
            r#"{{{more}"strategy":{{"mode":"fallback"}},
                "targets":[{{"custom_host":"http://a.example"}},{{"provider":"@plain"}}]}}"#
        )
    };
    let (mixed, closed, opened) = (
        two(""),
        two(r#""forward_authorization":false,"#),
        two(r#""forward_authorization":true,"#),
    );
    for (config, expected) in [
        ("one", "one.example callers"),
        ("two", "one.example none; plain.example none"),
        ("open", "one.example callers; plain.example callers"),
        (&*mixed, "a.example callers; plain.example none"),
        (&*closed, "a.example none; plain.example none"),
        (&*opened, "invalid_config"),
        (r#"{"provider":"@plain"}"#, "plain.example callers"),
        // The operator's key goes to the operator's host; the caller's does not stand in its place.
        (
            r#"{"provider":"@vault","api_key":"sk-mine"}"#,
            "invalid_config",
        ),
        (
            r#"{"provider":"@plain","api_key":"sk-mine"}"#,
            "plain.example Bearer sk-mine",
        ),
        (
            r#"{"provider":"anthropic","api_key":"sk-mine"}"#,
            "api.anthropic.com sk-mine",
        ),
        (
            r#"{"custom_host":"http://a.example","headers":{"authorization":"Basic x"}}"#,
            "a.example Basic x",
        ),
        (
            r#"{"custom_host":"http://a.example","headers":{"x-team":"x"}}"#,
            "a.example callers",
        ),
        (
            r#"{"custom_host":"http://a.example","api_key":"k",
                "auth":{"header":"x-token","scheme":"Key"}}"#,
            "a.example Key k",
        ),
    ] {
        assert_eq!(NOTHING.config(config).told(), expected, "{config}");
    }
}
