//! Provider routes: the first segment of a path names a provider, whose SDK needs no more than
//! another base URL. The provider's key is the gateway's, or the caller brings its own.

use crate::support::{
    Gateway, Upstream,
    gateway_keys::{bearer, entry, key},
    message::bare,
    routing::config_line,
};

/// Providers of the settings, each with the upstream as its host; `UP` is its origin.
const PROVIDERS: &str = r#"
providers:
  mine: { custom_host: "UP/v1", api_key: operator-mine }
  anthropic: { provider: anthropic, custom_host: "UP", api_key: operator-anthropic }
  gemini: { provider: gemini, custom_host: "UP", api_key: operator-gemini }
  azure: { custom_host: "UP/openai/v1", api_key: operator-azure }
  elevenlabs: { provider: elevenlabs, custom_host: "UP", api_key: operator-elevenlabs }
  deepgram:
    provider: deepgram
    custom_host: "UP"
    credential: { header: { authorization: "Token operator-deepgram" } }
  signed: { custom_host: "UP", credential: { query: { code: operator-query } } }
  bare: { provider: groq, custom_host: "UP" }
  open: { custom_host: "UP/v1" }
"#;

fn gateway(upstream: &Upstream, more: &str) -> Gateway {
    Gateway::with(&format!(
        "{}{more}",
        PROVIDERS.replace("UP", &upstream.url())
    ))
}

#[test]
fn a_providers_key_stands_where_its_sdk_would_put_it() {
    let upstream = Upstream::ok();
    let keys = format!("keys:\n{}", entry("app", 1, ""));
    let gateway = gateway(&upstream, &keys);
    for (path, place, sent, credential) in [
        (
            "/mine/v1/chat/completions",
            "authorization: Bearer KEY",
            "/v1/chat/completions",
            "authorization: Bearer operator-mine",
        ),
        (
            "/mine/models?a=1",
            "authorization: Bearer KEY",
            "/v1/models?a=1",
            "authorization: Bearer operator-mine",
        ),
        (
            "/anthropic/v1/messages",
            "x-api-key: KEY",
            "/v1/messages",
            "x-api-key: operator-anthropic",
        ),
        (
            "/gemini/v1beta/models/x:generateContent",
            "x-goog-api-key: KEY",
            "/v1beta/models/x:generateContent",
            "x-goog-api-key: operator-gemini",
        ),
        (
            "/google/v1beta/models",
            "x-goog-api-key: KEY",
            "/v1beta/models",
            "x-goog-api-key: operator-gemini",
        ),
        (
            "/azure/v1/responses",
            "api-key: KEY",
            "/openai/v1/responses",
            "api-key: operator-azure",
        ),
        (
            "/elevenlabs/v1/voices",
            "xi-api-key: KEY",
            "/v1/voices",
            "xi-api-key: operator-elevenlabs",
        ),
        (
            "/deepgram/v1/listen",
            "Authorization: Token KEY",
            "/v1/listen",
            "authorization: Token operator-deepgram",
        ),
        (
            "/signed/v1/x?b=2",
            "Authorization: KEY",
            "/v1/x?b=2&code=operator-query",
            "x-own: 1",
        ),
        (
            "/open/v1/models",
            "x-gateway-api-key: KEY",
            "/v1/models",
            "x-own: 1",
        ),
    ] {
        let line = place.replace("KEY", &key(1));
        let request = bare("POST", path, &format!("{line}\r\nx-own: 1\r\n"));
        let got = gateway.forwards(&upstream, request);
        assert_eq!(got.line, format!("POST {sent} HTTP/1.1"), "{path}");
        let host = format!("host: {}", upstream.address);
        let mut expected = vec![credential.to_owned(), host, "x-own: 1".to_owned()];
        expected.sort();
        expected.dedup();
        assert_eq!(got.shown(), expected, "{path}");
    }
    upstream.assert_never("tw-", "a gateway key");
}

#[test]
fn without_a_credential_the_callers_own_crosses_and_a_gateway_key_never_does() {
    let upstream = Upstream::ok();
    let keys = format!("auth: open\nkeys:\n{}", entry("app", 1, ""));
    let gateway = gateway(&upstream, &keys);
    let own = "Authorization: Bearer sk-own\r\n";
    let got = gateway.forwards(&upstream, bare("GET", "/bare/openai/v1/models", own));
    assert_eq!(got.all("authorization"), ["Bearer sk-own"]);
    let beside = format!("{own}x-gateway-api-key: {}\r\n", key(1));
    let got = gateway.forwards(&upstream, bare("GET", "/bare/openai/v1/models", &beside));
    assert_eq!(got.all("authorization"), ["Bearer sk-own"]);
    let refused = gateway.refuses(bare("GET", "/bare/v1/x", &bearer(1)), 400, "no_credential");
    for said in ["providers.bare.api_key", "GROQ_API_KEY"] {
        assert!(refused.text().contains(said), "{}", refused.text());
    }
    let refused = gateway.refuses(
        bare("GET", "/openai/v1/x", &bearer(1)),
        400,
        "no_credential",
    );
    for said in ["providers.openai", "OPENAI_API_KEY"] {
        assert!(refused.text().contains(said), "{}", refused.text());
    }
    // A host that is not known to need one may have none.
    gateway.forwards(&upstream, bare("GET", "/open/v1/x", &bearer(1)));
    upstream.assert_never("tw-", "a gateway key");
}

#[test]
fn a_request_on_a_providers_route_names_no_other_target() {
    let (upstream, other) = (Upstream::ok(), Upstream::ok());
    let gateway = gateway(&upstream, "");
    let host = format!("{}/v1", other.url());
    for (lines, code) in [
        (
            format!("x-gateway-custom-host: {host}\r\n"),
            "invalid_header",
        ),
        ("x-gateway-provider: @open\r\n".to_owned(), "invalid_header"),
        (
            config_line(&format!(r#"{{"custom_host":"{host}"}}"#)),
            "invalid_config",
        ),
        (config_line(r#"{"provider":"openai"}"#), "invalid_config"),
        (config_line(r#"{"targets":[{}]}"#), "invalid_config"),
    ] {
        gateway.refuses(bare("GET", "/mine/v1/x", &lines), 400, code);
        gateway.refuses(bare("GET", "/openai/v1/x", &lines), 400, code);
    }
    let policy = config_line(r#"{"retry":{"attempts":1}}"#);
    gateway.forwards(&upstream, bare("GET", "/mine/v1/x", &policy));
    assert_eq!(other.count(), 0);
    upstream.assert_never("caller", "nothing of the caller's");
    // Each customer has another host of these: the caller may name it, as under /v1.
    let named = format!("x-gateway-custom-host: {host}\r\nAuthorization: Bearer sk-own\r\n");
    let got = gateway.forwards(&other, bare("GET", "/vllm/models", &named));
    assert_eq!(got.line, "GET /v1/models HTTP/1.1");
    gateway.refuses(bare("GET", "/vllm/models", ""), 400, "no_target");
}

#[test]
fn built_in_addresses_are_planned_by_the_path_alone() {
    let gateway = Gateway::start();
    for (path, origin, sent) in [
        (
            "/openai/v1/chat/completions",
            "https://api.openai.com:443",
            "/v1/chat/completions",
        ),
        (
            "/groq/openai/v1/chat/completions",
            "https://api.groq.com:443",
            "/openai/v1/chat/completions",
        ),
        ("/x-ai/v1/models", "https://api.x.ai:443", "/v1/models"),
    ] {
        let dry = bare(
            "POST",
            path,
            "x-gateway-dry-run: true\r\nAuthorization: Bearer sk-own\r\n",
        );
        let plan: serde_json::Value =
            serde_json::from_str(&gateway.exchange(dry).text()).expect(path);
        let target = &plan["targets"][0];
        assert_eq!(
            (target["origin"].as_str(), target["path"].as_str()),
            (Some(origin), Some(sent))
        );
        assert_eq!(target["credentials"]["callers"], "forwarded", "{path}");
    }
}

#[test]
fn allow_lists_hold_on_providers_routes() {
    let upstream = Upstream::ok();
    let keys = format!(
        "keys:\n{}{}{}",
        entry("one", 1, "allow: {providers: [\"@mine\"]}"),
        entry("two", 2, "allow: {routes: [\"/open/*\"]}"),
        entry("three", 3, "allow: {endpoints: [/e]}"),
    );
    let gateway = gateway(
        &upstream,
        &format!(
            "endpoints: [{{ path: /e, target: \"{}\" }}]\n{keys}",
            upstream.url()
        ),
    );
    for (number, path, status) in [
        (1, "/mine/v1/x", 200),
        (1, "/open/v1/x", 403),
        (2, "/open/v1/x", 200),
        (2, "/mine/v1/x", 403),
        (3, "/e/x", 200),
        (3, "/mine/v1/x", 403),
    ] {
        let got = gateway.exchange(bare("GET", path, &bearer(number)));
        assert_eq!(got.status, status, "{number} {path}: {}", got.text());
    }
}
