//! A target's own credential: it is sent where its provider expects it, and no other credential is
//! sent with it.

use crate::support::{
    Gateway, Upstream,
    credentials::CALLER,
    routing::{base, chat, completion, config_line},
};

const BODY: &str = r#"{"model":"m"}"#;

/// A provider and where its key goes.
const PLACES: &[(&str, &str, &str)] = &[
    ("", "authorization", "Bearer own-key"),
    (
        r#""provider":"passthrough","#,
        "authorization",
        "Bearer own-key",
    ),
    (r#""provider":"openai","#, "authorization", "Bearer own-key"),
    (
        r#""provider":"mistral","#,
        "authorization",
        "Bearer own-key",
    ),
    (r#""provider":"cohere","#, "authorization", "Bearer own-key"),
    (r#""provider":"groq","#, "authorization", "Bearer own-key"),
    (
        r#""provider":"openrouter","#,
        "authorization",
        "Bearer own-key",
    ),
    (
        r#""provider":"together","#,
        "authorization",
        "Bearer own-key",
    ),
    (
        r#""provider":"deepseek","#,
        "authorization",
        "Bearer own-key",
    ),
    (r#""provider":"x-ai","#, "authorization", "Bearer own-key"),
    (r#""provider":"ollama","#, "authorization", "Bearer own-key"),
    (r#""provider":"vllm","#, "authorization", "Bearer own-key"),
    (r#""provider":"anthropic","#, "x-api-key", "own-key"),
    (r#""provider":"gemini","#, "x-goog-api-key", "own-key"),
    (r#""provider":"azure","#, "api-key", "own-key"),
    (r#""provider":"azure_ai","#, "api-key", "own-key"),
    (r#""provider":"azure-ai","#, "api-key", "own-key"),
    (r#""provider":"xai","#, "authorization", "Bearer own-key"),
    (r#""provider":"elevenlabs","#, "xi-api-key", "own-key"),
    (
        r#""provider":"deepgram","#,
        "authorization",
        "Token own-key",
    ),
    (r#""provider":"assemblyai","#, "authorization", "own-key"),
    (
        r#""provider":"langfuse","#,
        "authorization",
        "Basic own-key",
    ),
    (r#""auth":{"header":"X-Odd-Key"},"#, "x-odd-key", "own-key"),
    (
        r#""auth":{"header":"Authorization","scheme":"Token"},"#,
        "authorization",
        "Token own-key",
    ),
    (
        r#""provider":"anthropic","auth":{"header":"authorization","scheme":"Bearer"},"#,
        "authorization",
        "Bearer own-key",
    ),
];

#[test]
fn an_api_key_goes_into_its_providers_header_and_replaces_all_other_credentials() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    for (keys, name, value) in PLACES {
        let config = format!(
            r#"{{{keys}"custom_host":"{}","api_key":"own-key"}}"#,
            base(&upstream)
        );
        let response = gateway.exchange(chat(&(config_line(&config) + CALLER), BODY));
        assert_eq!(response.seen(), (200, completion("a")), "{keys}");
        let sent = upstream.last();
        assert_eq!(sent.all(name), [*value], "{keys}");
        let mut credentials = upstream.credentials();
        credentials.retain(|(other, _)| other != name);
        assert_eq!(credentials, [], "{keys}");
    }
    upstream.assert_never("caller-", "replaced");
}

#[test]
fn a_key_of_the_environment_goes_to_its_provider_and_replaces_all_other_credentials() {
    let (upstream, other) = (Upstream::named("a"), Upstream::named("b"));
    let yaml = format!(
        "providers:\n  azure: {{ custom_host: \"{}\" }}\n  openai: {{ custom_host: \"{}\" }}\n",
        base(&upstream),
        base(&other)
    );
    let variables = [("AZURE_API_KEY", "env-key"), ("OPENAI_API_KEY", "env-key")];
    let gateway = Gateway::with_variables(&yaml, variables);
    let ask = |name: &str| {
        let lines = format!("x-gateway-provider: @{name}\r\n{CALLER}");
        gateway.exchange(chat(&lines, BODY)).seen()
    };
    assert_eq!(ask("azure"), (200, completion("a")));
    let sent = upstream.credentials();
    assert_eq!(sent, [("api-key", "env-key".to_owned())]);
    upstream.assert_never("caller-", "replaced");
    // This host only has the name of the provider that the variable belongs to.
    assert_eq!(ask("openai"), (200, completion("b")));
    other.assert_never("env-key", "the key of another host");
}

#[test]
fn headers_of_a_target_are_set_and_removed() {
    let upstream = Upstream::named("a");
    let config = format!(
        r#"{{"custom_host":"{}",
           "headers":{{"X-Set":"new","x-added":"1","X-Gone":null,"user-agent":null}}}}"#,
        base(&upstream)
    );
    let lines = config_line(&config)
        + "X-Set: old\r\nx-set: older\r\nx-gone: here\r\nUser-Agent: me\r\nX-Kept: yes\r\n";
    let response = Gateway::start().exchange(chat(&lines, BODY));
    assert_eq!(response.status, 200, "{}", response.text());
    let sent = upstream.last();
    assert_eq!(sent.all("x-set"), ["new"]);
    assert_eq!(sent.all("x-added"), ["1"]);
    assert_eq!(sent.all("x-kept"), ["yes"]);
    for gone in ["x-gone", "user-agent"] {
        assert_eq!(sent.all(gone), Vec::<String>::new());
    }
}

#[test]
fn headers_of_one_target_are_not_sent_to_the_next() {
    let (first, second) = (Upstream::failing("500 No"), Upstream::named("b"));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}",
           "headers":{{"x-mine":"first","x-caller":null}},"api_key":"key-one"}},
           {{"custom_host":"{}","api_key":"key-two","provider":"anthropic"}}]}}"#,
        base(&first),
        base(&second)
    );
    let lines = config_line(&config) + "X-Caller: c\r\n" + CALLER;
    let response = Gateway::start().exchange(chat(&lines, BODY));
    assert_eq!(response.seen(), (200, completion("b")));
    assert_eq!(first.last().all("x-mine"), ["first"]);
    assert_eq!(first.last().all("x-caller"), Vec::<String>::new());
    assert_eq!(
        first.credentials(),
        [("authorization", "Bearer key-one".to_owned())]
    );
    assert_eq!(second.last().all("x-mine"), Vec::<String>::new());
    assert_eq!(second.last().all("x-caller"), ["c"]);
    assert_eq!(second.credentials(), [("x-api-key", "key-two".to_owned())]);
}

#[test]
fn a_credential_in_a_targets_headers_replaces_the_callers() {
    let upstream = Upstream::named("a");
    let config = format!(
        r#"{{"custom_host":"{}","headers":{{"Authorization":"Basic b3du"}}}}"#,
        base(&upstream)
    );
    Gateway::start().exchange(chat(&(config_line(&config) + CALLER), BODY));
    assert_eq!(
        upstream.credentials(),
        [("authorization", "Basic b3du".to_owned())]
    );
}

#[test]
fn a_settings_providers_key_headers_and_kind_are_used() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with(&format!(
        "providers:\n  claude: {{ provider: anthropic, custom_host: \"{}\", api_key: operator-key, \
         headers: {{ x-team: blue }} }}\n",
        base(&upstream)
    ));
    for (lines, body) in [
        ("x-gateway-provider: @claude\r\n", BODY),
        ("x-gateway-config: {\"provider\":\"@claude\"}\r\n", BODY),
        ("", r#"{"model":"@claude/m"}"#),
    ] {
        let response = gateway.exchange(chat(&(lines.to_owned() + CALLER), body));
        assert_eq!(response.seen(), (200, completion("a")), "{lines}");
        assert_eq!(
            upstream.credentials(),
            [("x-api-key", "operator-key".to_owned())],
            "{lines}"
        );
        assert_eq!(upstream.last().all("x-team"), ["blue"], "{lines}");
        assert_eq!(upstream.last().body, BODY.as_bytes(), "{lines}");
        assert_eq!(
            response.header("x-gateway-provider"),
            Some("claude"),
            "{lines}"
        );
    }
}
