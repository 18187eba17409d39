//! Every pairing of owners: whatever a request brings together with the settings, what the operator
//! set goes to the host and into the place that the operator chose, and nowhere else.

mod cases;

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use super::*;

/// What begins every value of the operator's that a stranger must not see.
const OPERATORS: &str = "operator-";
/// What begins every credential of the caller's in a config.
const CALLERS: &str = "caller-";

const PROVIDERS: &str = r#"
providers:
  vault:
    custom_host: "http://vault.example/v1"
    api_key: operator-vault-key
    headers: { x-team: operator-vault-line }
    override_params: { tenant: operator-vault-param }
  placed:
    custom_host: "http://placed.example/v1"
    api_key: operator-placed-key
    auth: { header: x-placed }
  headed:
    custom_host: "http://headed.example/v1"
    headers: { authorization: operator-headed-key }
  queried: { custom_host: "http://queried.example/v1?api_key=operator-queried-key" }
  plain: { custom_host: "http://plain.example/v1" }
  lined:
    custom_host: "http://lined.example/v1"
    credential: { header: { x-lined: operator-lined-key } }
  asked:
    custom_host: "http://asked.example/v1"
    credential: { query: { secret: operator-asked-key } }
  signed:
    custom_host: "http://signed.example/v1"
    credential:
      aws_sigv4:
        access_key_id: AK
        secret_access_key: operator-signed-key
        region: us-east-1
        service: s3
  tokened:
    custom_host: "http://tokened.example/v1"
    credential: { google: { metadata_server: operator-tokened-key } }
"#;

/// Where each secret of a provider may be found: its origin, and the name it has there.
const PLACES: [(&str, &str, &str); 10] = [
    ("operator-lined-key", "http://lined.example:80", "x-lined"),
    ("operator-asked-key", "http://asked.example:80", "?secret"),
    (
        "operator-signed-key",
        "http://signed.example:80",
        "a signature",
    ),
    (
        "operator-tokened-key",
        "http://tokened.example:80",
        "a token",
    ),
    (
        "operator-vault-key",
        "http://vault.example:80",
        "authorization",
    ),
    ("operator-vault-line", "http://vault.example:80", "x-team"),
    ("operator-vault-param", "http://vault.example:80", "tenant"),
    (
        "operator-placed-key",
        "http://placed.example:80",
        "x-placed",
    ),
    (
        "operator-headed-key",
        "http://headed.example:80",
        "authorization",
    ),
    (
        "operator-queried-key",
        "http://queried.example:80",
        "?api_key",
    ),
];

const HOSTS_WITH_CREDENTIAL: [&str; 9] = [
    "http://lined.example:80",
    "http://asked.example:80",
    "http://signed.example:80",
    "http://tokened.example:80",
    "http://vault.example:80",
    "http://placed.example:80",
    "http://headed.example:80",
    "http://queried.example:80",
    "http://saved.example:80",
];

/// The parts that a config object can give.
#[derive(Clone, Copy, Debug)]
struct Parts {
    host: bool,
    provider: &'static str,
    key: bool,
    auth: bool,
    line: bool,
    credential_line: bool,
    param: bool,
}

impl Parts {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        let providers = [
            "", "openai", "ollama", "@vault", "@placed", "@headed", "@queried", "@plain", "@lined",
            "@asked", "@signed", "@tokened",
        ];
        for bits in 0..64_u8 {
            for provider in providers {
                let bit = |place: u8| bits & (1 << place) != 0;
                all.push(Parts {
                    host: bit(0),
                    provider,
                    key: bit(1),
                    auth: bit(2),
                    line: bit(3),
                    credential_line: bit(4),
                    param: bit(5),
                });
            }
        }
        all
    }

    /// As JSON; `whose` marks the values.
    fn object(self, whose: &str, host: &str) -> String {
        let mut keys = Vec::new();
        let mut add = |given: bool, key: String| keys.extend(given.then_some(key));
        add(self.host, format!(r#""custom_host":"{host}""#));
        add(
            !self.provider.is_empty(),
            format!(r#""provider":"{}""#, self.provider),
        );
        add(self.key, format!(r#""api_key":"{whose}saved-key""#));
        add(self.auth, r#""auth":{"header":"x-request-id"}"#.to_owned());
        let line = self
            .line
            .then(|| format!(r#""x-line":"{whose}saved-line""#));
        let credential = self
            .credential_line
            .then(|| format!(r#""x-api-key":"{whose}saved-credential""#));
        let lines: Vec<_> = line.into_iter().chain(credential).collect();
        add(
            !lines.is_empty(),
            format!(r#""headers":{{{}}}"#, lines.join(",")),
        );
        add(
            self.param,
            format!(r#""override_params":{{"user":"{whose}saved-param"}}"#),
        );
        format!("{{{}}}", keys.join(","))
    }

    /// Why the settings refuse it, if they do.
    fn refusal(self) -> Option<&'static str> {
        let credential = self.key || self.auth || self.credential_line;
        match (self.host, self.provider) {
            (true, provider) if provider.starts_with('@') => Some("has its own host"),
            (false, "") if credential => Some("names no host"),
            _ => None,
        }
    }
}

fn nested(object: &str) -> String {
    format!(r#"{{"targets":[{{"strategy":{{"mode":"fallback"}},"targets":[{object}]}}]}}"#)
}

fn known_of(configs: &str, more: &str) -> Result<Known, String> {
    let text = format!("{PROVIDERS}{configs}{more}");
    let settings = Settings::parse(
        &text,
        Path::new("s"),
        &Environment::default(),
        &Flags::default(),
    );
    let settings = settings.map_err(|error| error.to_string())?;
    Ok(Known::of(&settings))
}

/// What a request says in its headers and in the body's `model`.
#[derive(Debug)]
struct Said<'a> {
    config: &'a str,
    provider: &'a str,
    host: &'a str,
    model: &'a str,
}

fn plan_of(known: &Known, said: &Said<'_>) -> Result<Plan, GatewayError> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let directives = Directives {
        provider: some(said.provider).and_then(|name| Provider::parse(&name)),
        custom_host: some(said.host),
        config: some(said.config),
        ..Directives::default()
    };
    let policy = Policy::new(Preset::Dev, Vec::new());
    let makers = Makers {
        known,
        policy: &policy,
        default_config: known.default_config.as_deref(),
    };
    let prefix = Prefix::Read(known.provider_of(said.model));
    match choose(&directives, prefix, makers)? {
        Chosen::Plan(plan) => Ok(plan),
        Chosen::AsksModel => panic!("the model was read"),
    }
}

/// Every value that a target sets, with the name it goes under.
fn values(target: &Target) -> Vec<(String, String)> {
    let lines = target.edits.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let params = target.override_params.iter();
    let params = params.map(|(key, value)| (key.to_string(), value.to_string()));
    let query = target.base.raw_query().unwrap_or_default().split('&');
    let query = query.filter_map(|part| part.split_once('='));
    let query = query.map(|(name, value)| (format!("?{name}"), value.to_owned()));
    let scheme = target.scheme.as_ref().and_then(|it| at_send(it.scheme()));
    lines.chain(params).chain(query).chain(scheme).collect()
}

/// What a scheme adds when a request is sent.
fn at_send(scheme: &Scheme) -> Option<(String, String)> {
    match scheme {
        // Among the target's lines.
        Scheme::Lines(_) => None,
        Scheme::Query(params) => {
            let (name, value) = params.encoded().split_once('=')?;
            Some((format!("?{name}"), value.to_owned()))
        }
        Scheme::Signature(signer) => {
            let secret = signer.secret_access_key.expose();
            Some(("a signature".to_owned(), secret.to_owned()))
        }
        Scheme::Token(account) => Some(("a token".to_owned(), account.token_url())),
    }
}

/// The rule, for one plan. `saved`: the parts of the saved config in force, if one is.
fn check(plan: &Plan, saved: Option<Parts>, said: &Said<'_>) {
    let origins: BTreeSet<_> = plan.targets.iter().map(|it| it.base.origin()).collect();
    for target in &plan.targets {
        let origin = target.base.origin();
        for (name, value) in values(target) {
            let told = format!("{said:?} sends {name}: {value} to {origin}");
            if value.contains(CALLERS) && target.named_by == NamedBy::Settings {
                let is_credential = !value.contains("line") && !value.contains("param");
                let is_open = origins.len() == 1 && !HOSTS_WITH_CREDENTIAL.contains(&origin);
                assert!(!is_credential || is_open, "{told}");
            }
            if !value.contains(OPERATORS) {
                continue;
            }
            assert_eq!(target.named_by, NamedBy::Settings, "{told}");
            let of_provider = PLACES.iter().find(|(secret, _, _)| value.contains(secret));
            match (of_provider, saved) {
                (Some((secret, host, place)), _) => {
                    // The settings' own word for where a key of the settings goes.
                    let is_moved = |it: Parts| {
                        let own = origin == format!("http://{}.example:80", &it.provider[1..]);
                        it.auth && own && secret.ends_with("-key") && !secret.contains("headed")
                    };
                    let moved = saved.filter(|it| it.provider.starts_with('@'));
                    let moved = moved.is_some_and(is_moved) && name == "x-request-id";
                    assert_eq!(origin, *host, "{told}");
                    assert!(moved || name == *place, "{told}");
                }
                (None, Some(saved)) => {
                    let place = match () {
                        () if value.contains("saved-line") => "x-line",
                        () if value.contains("saved-param") => "user",
                        () if value.contains("saved-credential") => "x-api-key",
                        () if saved.auth => "x-request-id",
                        () if saved.provider == "@placed" => "x-placed",
                        () => "authorization",
                    };
                    assert_eq!(name, place, "{told}");
                    let bound = value.contains("saved-key") || value.contains("saved-credential");
                    assert!(!bound || is_named_by(saved, origin), "{told}");
                }
                (None, None) => panic!("{told}"),
            }
        }
    }
}

/// The saved config itself names this origin.
fn is_named_by(saved: Parts, origin: &str) -> bool {
    match (saved.host, saved.provider) {
        (true, _) => origin == "http://saved.example:80",
        (false, "openai") => origin == "https://api.openai.com:443",
        (false, "ollama") => origin == "http://localhost:11434",
        (false, settings) => origin == format!("http://{}.example:80", &settings[1..]),
    }
}

const PROVIDER_HEADERS: [&str; 6] = ["", "ollama", "@vault", "@placed", "@plain", "@signed"];
const HOST_HEADERS: [&str; 2] = ["", "http://evil.example/v1"];
const MODELS: [&str; 4] = ["m", "@vault/m", "@plain/m", "@tokened/m"];

/// Every combination of what headers and body can say beside this config; how many made a plan.
fn every_request(known: &Known, config: &str, saved: Option<Parts>) -> usize {
    let mut plans = 0;
    for provider in PROVIDER_HEADERS {
        for host in HOST_HEADERS {
            for model in MODELS {
                let said = Said {
                    config,
                    provider,
                    host,
                    model,
                };
                if let Ok(plan) = plan_of(known, &said) {
                    check(&plan, saved, &said);
                    plans += 1;
                }
            }
        }
    }
    plans
}

#[test]
fn no_inline_config_moves_what_the_operator_set() {
    let settings = ["", "default_target: http://default.example\n"];
    for more in settings {
        let known = known_of("", more).expect("settings");
        let mut plans = 0;
        for parts in Parts::all() {
            let object = parts.object(CALLERS, "http://evil.example/v1");
            plans += every_request(&known, &object, None);
            plans += every_request(&known, &nested(&object), None);
        }
        assert!(plans > 1000, "{plans}");
    }
}

#[test]
fn no_saved_or_default_config_gives_a_request_what_it_holds() {
    let mut configs = "configs:\n".to_owned();
    let mut saved = Vec::new();
    for (at, parts) in Parts::all().into_iter().enumerate() {
        let object = parts.object(OPERATORS, "http://saved.example/v1");
        let both = [("flat", object.clone()), ("nested", nested(&object))];
        for (kind, text) in both {
            if let Some(reason) = parts.refusal() {
                let refused = known_of(&format!("configs:\n  bad: {text}\n"), "");
                let refused = refused.err().expect("a refusal");
                assert!(refused.contains(reason), "{refused}");
                continue;
            }
            let name = format!("{kind}-{at}");
            writeln!(configs, "  {name}: {text}").expect("a line");
            saved.push((name, parts));
        }
    }
    let mut known = known_of(&configs, "").expect("settings");
    let mut plans = 0;
    for (name, parts) in &saved {
        plans += every_request(&known, name, Some(*parts));
        known.default_config = Some(name.clone());
        plans += every_request(&known, "", Some(*parts));
        plans += every_request(&known, "{}", None);
        known.default_config = None;
    }
    assert!(plans > 5000, "{plans}");
}
