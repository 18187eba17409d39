//! A host that the caller names, combined with everything the settings hold: no byte of an
//! operator's secret reaches it. A caller's host with an operator's credential is a 400
//! `invalid_config`.

use crate::support::{
    Gateway, Upstream,
    credentials::{CALLER, CALLER_MARK, OPERATOR_MARK},
    dns::FakeDns,
    routing::{base, base64, chat, config_line, json, raw_response},
};

/// An operator's gateway, the operator's upstream, and the canary.
struct Aviary {
    gateway: Gateway,
    operators: Upstream,
    canary: Upstream,
    /// The catalogue's real hosts do not exist here.
    _dns: FakeDns,
}

impl Aviary {
    /// With this default config, if any; the operator's upstream says no with this status.
    fn new(default_config: Option<&str>, status: &str) -> Self {
        let dns = FakeDns::start();
        let operators = match status {
            "200 OK" => Upstream::responding(json("200 OK", "{\"id\":\"operators\"}")),
            status => Upstream::responding(raw_response(status, "", "no")),
        };
        let canary = Upstream::responding(json("200 OK", "{\"id\":\"canary\"}"));
        let host = base(&operators);
        let mut yaml = format!(
            r#"
dns: {{ servers: ["{}"] }}
providers:
  op: {{ custom_host: "{host}", api_key: operator-key-1, headers: {{ x-team: operator-header-1 }} }}
  headed: {{ custom_host: "{host}", headers: {{ authorization: operator-header-2 }} }}
  queried: {{ custom_host: "{host}?api_key=operator-query-1" }}
configs:
  bound: {{ custom_host: "{host}", api_key: operator-key-2, headers: {{ x-b: operator-header-3 }} }}
  unbound: {{ override_params: {{ user: operator-param-1 }} }}
  unbound-headers: {{ headers: {{ x-secret: operator-header-4 }} }}
  by-provider: {{ provider: "@op" }}
  group: {{ strategy: {{ mode: fallback }}, targets: [{{ provider: "@op" }},
    {{ custom_host: "{host}/two", api_key: operator-key-4 }}] }}
  unbound-group: {{ strategy: {{ mode: fallback }},
    targets: [{{ headers: {{ x-secret: operator-header-5 }} }}, {{ provider: "@headed" }}] }}
  catalogue: {{ provider: openai, api_key: operator-key-6 }}
"#,
            dns.address()
        );
        if let Some(name) = default_config {
            yaml.push_str(&format!("default_config: {name}\n"));
        }
        Aviary {
            gateway: Gateway::with(&yaml),
            operators,
            canary,
            _dns: dns,
        }
    }

    fn ask(&self, lines: &str, model: &str) -> (u16, Option<String>) {
        let body = format!("{{\"model\":\"{model}\"}}");
        let response = self
            .gateway
            .exchange(chat(&(lines.to_owned() + CALLER), &body));
        let told = format!("{}{}", response.head, response.text());
        assert!(!told.contains(OPERATOR_MARK), "the reply tells: {told}");
        self.canary.assert_never(OPERATOR_MARK, lines);
        (response.status, response.error().map(str::to_owned))
    }
}

/// `CANARY` stands for its base URL.
const INLINE: &[&str] = &[
    "",
    r#"{}"#,
    r#"{"custom_host":"CANARY"}"#,
    r#"{"provider":"@op"}"#,
    r#"{"provider":"@op","custom_host":"CANARY"}"#,
    r#"{"provider":"@headed","custom_host":"CANARY"}"#,
    r#"{"provider":"@queried","custom_host":"CANARY"}"#,
    r#"{"provider":"openai","custom_host":"CANARY"}"#,
    r#"{"provider":"@op","targets":[{"custom_host":"CANARY"}]}"#,
    r#"{"custom_host":"CANARY","targets":[{"provider":"@op"}]}"#,
    r#"{"custom_host":"CANARY","targets":[{"targets":[{"provider":"@headed"}]}]}"#,
    r#"{"targets":[{"provider":"@op","custom_host":"CANARY"}]}"#,
    r#"{"strategy":{"mode":"fallback"},"targets":[{"provider":"@op"},{"custom_host":"CANARY"}]}"#,
    r#"{"strategy":{"mode":"fallback"},"targets":[{"custom_host":"CANARY"},{"provider":"@op"}]}"#,
    r#"{"strategy":{"mode":"fallback"},
       "targets":[{"provider":"@queried"},{"custom_host":"CANARY"}]}"#,
    r#"{"strategy":{"mode":"loadbalance"},
       "targets":[{"provider":"@op"},{"custom_host":"CANARY"}]}"#,
    r#"{"hedge":{"after":1,"max_ratio":1},"strategy":{"mode":"fallback"},
       "targets":[{"provider":"@op"},{"custom_host":"CANARY"}]}"#,
    r#"{"provider":"@op","auth":{"header":"x-leak"},"custom_host":"CANARY"}"#,
    r#"{"provider":"@op","forward_authorization":true,"custom_host":"CANARY"}"#,
    r#"{"provider":"@op","api_key":"caller-own","custom_host":"CANARY"}"#,
    r#"{"provider":"@op","override_params":{"model":"@op/m"},"custom_host":"CANARY"}"#,
];

const SAVED: &[&str] = &[
    "bound",
    "unbound",
    "unbound-headers",
    "by-provider",
    "group",
    "unbound-group",
    "catalogue",
];

const PROVIDERS: &[&str] = &["", "passthrough", "@op", "@headed", "@queried", "openai"];
const MODELS: &[&str] = &["m", "@op/m", "@queried/m"];

/// Every pairing of config, provider header, host header and model; a canary for each default
/// config.
fn every_pairing(default_config: Option<&str>, status: &str) -> usize {
    let aviary = Aviary::new(default_config, status);
    let canary = base(&aviary.canary);
    let inline = INLINE
        .iter()
        .map(|config| config.replace("CANARY", &canary));
    let configs = inline.chain(SAVED.iter().map(|name| name.to_string()));
    let mut tried = 0;
    for config in configs {
        for provider in PROVIDERS {
            for host in ["", &canary] {
                for model in MODELS {
                    let mut lines = config_line(&config);
                    lines.push_str(&format!("x-gateway-provider: {provider}\r\n"));
                    lines.push_str(&format!("x-gateway-custom-host: {host}\r\n"));
                    aviary.ask(&lines, model);
                    tried += 1;
                }
            }
        }
    }
    assert!(aviary.canary.count() > 0, "the canary is within reach");
    assert!(
        aviary.operators.received(OPERATOR_MARK) > 0,
        "so are the secrets"
    );
    tried
}

#[test]
fn no_combination_of_config_and_provider_leaks_a_credential() {
    assert_eq!(every_pairing(None, "200 OK"), 28 * 6 * 2 * 3);
}

#[test]
fn no_combination_leaks_after_the_operators_upstream_failed() {
    every_pairing(None, "500 No");
}

#[test]
fn no_combination_leaks_beside_a_default_config() {
    for default_config in ["bound", "unbound", "by-provider", "unbound-group"] {
        let aviary = Aviary::new(Some(default_config), "200 OK");
        let canary = base(&aviary.canary);
        for provider in PROVIDERS {
            for host in ["", &canary] {
                for model in MODELS {
                    for config in [
                        "",
                        "{}",
                        r#"{"retry":{"attempts":0}}"#,
                        r#"{"targets":[{}]}"#,
                    ] {
                        let lines = config_line(config)
                            + &format!("x-gateway-provider: {provider}\r\n")
                            + &format!("x-gateway-custom-host: {host}\r\n");
                        aviary.ask(&lines, model);
                    }
                }
            }
        }
    }
}

/// A caller-named host with a credential that the operator holds.
const FORBIDDEN: &[&str] = &[
    "x-gateway-provider: @op\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-provider: @headed\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-config: {\"provider\":\"@op\",\"custom_host\":\"CANARY\"}\r\n",
    "x-gateway-config: {\"provider\":\"@headed\",\"custom_host\":\"CANARY\"}\r\n",
    "x-gateway-config: {\"provider\":\"@op\"}\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-config: {\"targets\":[{\"provider\":\"@op\",\"custom_host\":\"CANARY\"}]}\r\n",
    "x-gateway-config: {\"custom_host\":\"CANARY\",\"targets\":[{\"provider\":\"@op\"}]}\r\n",
    "x-gateway-config: {\"targets\":[{\"custom_host\":\"http://127.0.0.1:9/\"},\
     {\"provider\":\"@op\",\"custom_host\":\"CANARY\"}]}\r\n",
    "x-gateway-config: unbound\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-config: unbound-headers\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-config: by-provider\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-config: unbound-group\r\nx-gateway-custom-host: CANARY\r\n",
    "x-gateway-config: catalogue\r\nx-gateway-custom-host: CANARY\r\n",
];

#[test]
fn a_caller_named_host_with_an_operator_held_credential_is_a_400_and_never_a_send() {
    let aviary = Aviary::new(None, "200 OK");
    for lines in FORBIDDEN {
        let lines = lines.replace("CANARY", &base(&aviary.canary));
        let seen = aviary.ask(&lines, "m");
        assert_eq!(seen, (400, Some("invalid_config".to_owned())), "{lines}");
    }
    assert_eq!(
        aviary.canary.connections() + aviary.operators.connections(),
        0
    );
}

#[test]
fn what_the_settings_bind_stays_bound_beside_a_callers_host() {
    // A target's own host wins over the header: the operator's key goes to the operator's
    // origin, and nothing to the canary.
    let aviary = Aviary::new(None, "200 OK");
    let lines = format!(
        "x-gateway-config: bound\r\nx-gateway-custom-host: {}\r\n",
        base(&aviary.canary)
    );
    assert_eq!(aviary.ask(&lines, "m"), (200, None));
    assert_eq!(aviary.operators.received("operator-key-2"), 1);
    aviary.operators.assert_never(CALLER_MARK, &lines);
    assert_eq!(aviary.canary.connections(), 0);
}

#[test]
fn a_host_named_beside_a_model_prefix_or_a_default_config_is_the_callers_alone() {
    let aviary = Aviary::new(Some("bound"), "200 OK");
    let lines = format!("x-gateway-custom-host: {}\r\n", base(&aviary.canary));
    for model in ["m", "@op/m"] {
        assert_eq!(aviary.ask(&lines, model), (200, None));
        let body = format!("{{\"model\":\"{model}\"}}");
        assert_eq!(aviary.canary.last().body, body.as_bytes());
    }
    // The caller's credentials are for the canary: the caller named it.
    assert_eq!(aviary.canary.received("caller-bearer"), 2);
    assert_eq!(aviary.operators.connections(), 0);
}

#[test]
fn a_fallback_from_an_operators_target_to_a_callers_takes_no_credential_along() {
    let aviary = Aviary::new(None, "500 No");
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"provider":"@op"}},{{"custom_host":"{}"}}]}}"#,
        base(&aviary.canary)
    );
    for value in [config.clone(), base64(&config)] {
        assert_eq!(aviary.ask(&config_line(&value), "m"), (200, None));
    }
    assert_eq!(aviary.operators.received("operator-key-1"), 2);
    aviary
        .operators
        .assert_never(CALLER_MARK, "its own credential replaces the caller's");
    assert_eq!(aviary.canary.received("caller-bearer"), 2);
}

#[test]
fn an_inline_config_cannot_name_the_same_host_to_get_its_key() {
    // The operator's very origin, named by the caller: the settings' key is not for it.
    let aviary = Aviary::new(None, "200 OK");
    let host = base(&aviary.operators);
    for lines in [
        format!("x-gateway-custom-host: {host}\r\n"),
        config_line(&format!("{{\"custom_host\":\"{host}\"}}")),
    ] {
        assert_eq!(aviary.ask(&lines, "@op/m"), (200, None));
    }
    aviary
        .operators
        .assert_never(OPERATOR_MARK, "named by the caller");
}
