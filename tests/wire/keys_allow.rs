//! `allow` of keys and teams: every list permits and refuses, for every target of a plan. What is
//! refused reaches no upstream, and the sentence names the rule that refused it and no other.

use crate::support::{
    Gateway, Response, Upstream,
    gateway_keys::{ask, entry, upstream},
    routing::{base, config_line},
};

/// The two upstreams of a test; keys may use the first.
pub(crate) struct Upstreams {
    good: Upstream,
    bad: Upstream,
}

impl Upstreams {
    pub(crate) fn new() -> Self {
        Upstreams {
            good: upstream(),
            bad: upstream(),
        }
    }

    /// `GOOD` and `BAD` stand for their base URLs, `GOODHOST` and `BADHOST` for host and port.
    pub(crate) fn fill(&self, text: &str) -> String {
        let host = |upstream: &Upstream| upstream.url().replace("http://", "");
        text.replace("GOODHOST", &host(&self.good))
            .replace("BADHOST", &host(&self.bad))
            .replace("GOOD", &base(&self.good))
            .replace("BAD", &base(&self.bad))
    }

    pub(crate) fn gateway(&self, keys: &str) -> Gateway {
        Gateway::with(&self.fill(&format!("{PLACES}{keys}")))
    }

    pub(crate) fn reached(&self) -> [usize; 2] {
        [&self.good, &self.bad].map(|upstream| upstream.requests().len())
    }
}

const PLACES: &str = r#"
providers:
  p: { custom_host: "GOOD" }
  q: { custom_host: "BAD" }
configs:
  one: { targets: [{ custom_host: "GOOD" }] }
  mixed:
    strategy: { mode: fallback }
    targets: [{ custom_host: "GOOD" }, { custom_host: "BAD" }]
  providers: { strategy: { mode: fallback }, targets: [{ provider: "@p" }, { provider: "@q" }] }
  fixed: { targets: [{ custom_host: "GOOD", override_params: { model: "good-fixed" } }] }
"#;

pub(crate) const BODY: &str = r#"{"model":"good-1","messages":[]}"#;

/// A JSON request of key 1; `lines` each end in CRLF.
pub(crate) fn ask_json(method: &str, path: &str, lines: &str, body: &str) -> String {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let lines = format!("Content-Type: application/json\r\n{length}{lines}");
    let request = ask(method, path, &lines, body.as_bytes());
    String::from_utf8(request).expect("text")
}

pub(crate) fn chat(lines: &str) -> String {
    ask_json("POST", "/v1/chat/completions", lines, BODY)
}

pub(crate) fn to(host: &str) -> String {
    format!("x-gateway-custom-host: {host}\r\n")
}

/// The sentence names this rule of this owner, no other rule, and nothing that it would permit.
pub(crate) fn assert_refused(got: &Response, (owner, rule): (&str, &str), case: &str) {
    let text = got.text();
    assert_eq!(
        (got.status, got.error()),
        (403, Some("not_allowed")),
        "{case}: {text}"
    );
    let whose = match owner {
        "team" => format!("`allow.{rule}` of its team"),
        _ => format!("its `allow.{rule}`"),
    };
    assert!(text.contains(&whose), "{case}: {text}");
    assert_eq!(text.matches("allow.").count(), 1, "{case}: {text}");
    assert!(
        !text.contains("good-") && !text.contains("127.0.0.2"),
        "{case}: {text}"
    );
}

/// A list, a request that it permits, and one that it refuses; `None`: from another address.
type Dimension = (&'static str, &'static str, String, Option<String>);

fn dimensions() -> Vec<Dimension> {
    let good = to("GOOD");
    vec![
        (
            "hosts",
            r#"["GOODHOST"]"#,
            chat(&good),
            Some(chat(&to("BAD"))),
        ),
        (
            "providers",
            r#"["passthrough"]"#,
            chat(&good),
            Some(chat("x-gateway-provider: @p\r\n")),
        ),
        (
            "routes",
            r#"["/v1/chat/*"]"#,
            chat(&good),
            Some(ask_json("POST", "/v1/embeddings", &good, BODY)),
        ),
        (
            "methods",
            r#"["POST"]"#,
            chat(&good),
            Some(ask_json("GET", "/v1/models", &good, "")),
        ),
        (
            "models",
            r#"["good-*"]"#,
            chat(&good),
            Some(ask_json(
                "POST",
                "/v1/chat/completions",
                &good,
                r#"{"model":"secret"}"#,
            )),
        ),
        ("client_addresses", r#"["127.0.0.2"]"#, chat(&good), None),
    ]
}

/// Which of key and team have the list, which has one that permits everything besides, and whose
/// refusal is told.
const OWNERS: [(&str, &str, &str); 5] = [
    ("strict", "", "key"),
    ("", "strict", "team"),
    ("strict", "strict", "key"),
    ("strict", "wide", "key"),
    ("wide", "strict", "team"),
];

fn list(name: &str, strict: &str, kind: &str) -> String {
    let wide = match name {
        "hosts" => r#"["127.0.0.0/8:*"]"#,
        "providers" => r#"["passthrough", "@p", "@q"]"#,
        "routes" => r#"["/*"]"#,
        "methods" => r#"["GET", "POST"]"#,
        "models" => r#"["*"]"#,
        _ => r#"["127.0.0.0/8"]"#,
    };
    match kind {
        "" => String::new(),
        "wide" => format!("allow: {{ {name}: {wide} }}"),
        _ => format!("allow: {{ {name}: {strict} }}"),
    }
}

pub(crate) fn keys_and_team(key: &str, team: &str) -> String {
    let key = match key {
        "" => "team: them".to_owned(),
        _ => format!("team: them, {key}"),
    };
    format!(
        "keys:\n{}teams:\n  them: {{ {team} }}\n",
        entry("one", 1, &key)
    )
}

#[test]
fn every_list_of_key_and_team_permits_and_refuses() {
    for (name, strict, permitted, refused) in dimensions() {
        for (key, team, teller) in OWNERS {
            let upstreams = Upstreams::new();
            let case = format!("{name}: key {key:?}, team {team:?}");
            let keys = keys_and_team(&list(name, strict, key), &list(name, strict, team));
            let gateway = upstreams.gateway(&keys);
            let from_one = refused.as_ref().unwrap_or(&permitted);
            let got = gateway.exchange(upstreams.fill(from_one));
            assert_refused(&got, (teller, name), &case);
            assert_eq!(upstreams.reached(), [0, 0], "{case}");
            let got = gateway.exchange_from(2, upstreams.fill(&permitted));
            assert_eq!(got.status, 200, "{case}: {}", got.text());
            assert_eq!(upstreams.reached(), [1, 0], "{case}");
        }
    }
}

#[test]
fn several_lists_must_all_permit_and_the_first_that_does_not_is_told() {
    let upstreams = Upstreams::new();
    let key = r#"allow: { hosts: ["GOODHOST"], methods: ["POST"], models: ["good-*"] }"#;
    let team = r#"allow: { routes: ["/v1/chat/*"], client_addresses: ["127.0.0.2"] }"#;
    let gateway = upstreams.gateway(&keys_and_team(key, team));
    let (good, bad) = (to("GOOD"), to("BAD"));
    let secret = r#"{"model":"secret"}"#;
    for (host, request, expected) in [
        (
            1,
            ask_json("GET", "/v1/models", &bad, ""),
            Some(("key", "methods")),
        ),
        (
            1,
            ask_json("POST", "/v1/models", &bad, secret),
            Some(("team", "client_addresses")),
        ),
        (
            2,
            ask_json("POST", "/v1/models", &bad, secret),
            Some(("team", "routes")),
        ),
        (
            2,
            ask_json("POST", "/v1/chat/x", &bad, secret),
            Some(("key", "hosts")),
        ),
        (
            2,
            ask_json("POST", "/v1/chat/x", &good, secret),
            Some(("key", "models")),
        ),
        (2, chat(&good), None),
    ] {
        let got = gateway.exchange_from(host, upstreams.fill(&request));
        match expected {
            Some(told) => assert_refused(&got, told, &request),
            None => assert_eq!(got.status, 200, "{}", got.text()),
        }
    }
    assert_eq!(upstreams.reached(), [1, 0]);
}

/// Requests to more than one target, or to one that is named in another way.
fn routed() -> Vec<(&'static str, String)> {
    let config = |config: &str| chat(&config_line(config));
    let model = |model: &str| {
        let body = format!(r#"{{"model":"{model}"}}"#);
        ask_json("POST", "/v1/chat/completions", "", &body)
    };
    let both = |strategy: &str| {
        config(&format!(
            r#"{{"strategy":{strategy},
            "targets":[{{"custom_host":"GOOD","name":"a"}},{{"custom_host":"BAD","weight":0}}]}}"#
        ))
    };
    vec![
        ("fallback", both(r#"{"mode":"fallback"}"#)),
        ("loadbalance", both(r#"{"mode":"loadbalance"}"#)),
        (
            "conditional",
            both(
                r#"{"mode":"conditional","conditions":[{"query":{"method":"GET"},"then":"a"}],
                "default":"a"}"#,
            ),
        ),
        (
            "nested",
            config(
                r#"{"strategy":{"mode":"fallback"},"targets":[{"custom_host":"GOOD"},
                {"strategy":{"mode":"fallback"},"targets":[{"custom_host":"BAD"}]}]}"#,
            ),
        ),
        (
            "hedge",
            config(
                r#"{"strategy":{"mode":"fallback"},"hedge":{"after":1},
                "targets":[{"custom_host":"GOOD"},{"custom_host":"BAD"}]}"#,
            ),
        ),
        ("saved", chat("x-gateway-config: mixed\r\n")),
        ("header", chat("x-gateway-provider: @q\r\n")),
        ("provider in config", config(r#"{"provider":"@q"}"#)),
        ("saved providers", chat("x-gateway-config: providers\r\n")),
        ("model", model("@q/m")),
        ("host", chat(&to("BAD"))),
        (
            "cache refresh",
            chat(&format!(
                "{}x-gateway-cache: true\r\nx-gateway-cache-force-refresh: true\r\n",
                to("BAD")
            )),
        ),
    ]
}

#[test]
fn every_target_of_a_plan_is_asked_about() {
    for allow in [
        r#"hosts: ["GOODHOST"]"#,
        r#"providers: ["passthrough", "@p"]"#,
    ] {
        let (rule, _) = allow.split_once(':').expect("a rule");
        let upstreams = Upstreams::new();
        let gateway = upstreams.gateway(&keys_and_team(&format!("allow: {{ {allow} }}"), ""));
        for (case, request) in routed() {
            let names_provider = request.contains("@q") || case == "saved providers";
            if rule == "providers" && !names_provider {
                continue;
            }
            let got = gateway.exchange(upstreams.fill(&request));
            assert_refused(&got, ("key", rule), &format!("{rule}: {case}"));
        }
        assert_eq!(upstreams.reached(), [0, 0], "{rule}");
        for (lines, body) in [
            ("x-gateway-provider: @p\r\n", BODY),
            ("x-gateway-config: one\r\n", BODY),
            ("", r#"{"model":"@p/m"}"#),
            ("x-gateway-config: {\"provider\":\"@p\"}\r\n", BODY),
        ] {
            let request = ask_json("POST", "/v1/chat/completions", lines, body);
            let got = gateway.exchange(upstreams.fill(&request));
            assert_eq!(got.status, 200, "{rule}: {lines}: {}", got.text());
        }
        assert_eq!(upstreams.reached(), [4, 0], "{rule}");
    }
}

#[test]
fn the_default_config_of_a_key_or_team_is_asked_about_like_any_other() {
    for (key, team, teller) in [
        (
            r#"default_config: mixed, allow: { hosts: ["GOODHOST"] }"#,
            "",
            "key",
        ),
        (
            r#"default_config: mixed"#,
            r#"allow: { hosts: ["GOODHOST"] }"#,
            "team",
        ),
        (
            r#"allow: { hosts: ["GOODHOST"] }"#,
            "default_config: mixed",
            "key",
        ),
    ] {
        let upstreams = Upstreams::new();
        let gateway = upstreams.gateway(&keys_and_team(key, team));
        let got = gateway.exchange(chat(""));
        assert_refused(&got, (teller, "hosts"), key);
        assert_eq!(upstreams.reached(), [0, 0]);
    }
}
