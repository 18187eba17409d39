//! Where a config comes from, and which source chooses the target if several could.

use crate::support::{
    Gateway, Response, Upstream,
    message::bare,
    routing::{base, base64, base64url, chat, completion, config_line, configured},
};

const BODY: &str = r#"{"model":"m"}"#;

#[track_caller]
fn assert_from(response: &Response, name: &str, what: &str) {
    assert_eq!(response.seen(), (200, completion(name)), "{what}");
    assert_eq!(response.error(), None, "{what}");
}

#[test]
fn an_inline_config_is_json_or_base64_of_it_in_either_alphabet() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    // Tildes make for characters in which the alphabets differ.
    let config = format!("{{\"custom_host\":\"{}/~~~/v1\"}}", upstream.url());
    assert!(base64(&config).contains('+') && base64url(&config).contains('-'));
    for value in [
        config.clone(),
        config.replace("custom_host", "customHost"),
        base64(&config),
        base64(&config).trim_end_matches('=').to_owned(),
        base64url(&config),
    ] {
        let response = gateway.exchange(configured(&value, BODY));
        assert_from(&response, "a", &value);
        assert_eq!(response.option(), "config", "{value}");
        assert_eq!(
            upstream.last().line,
            "POST /~~~/v1/chat/completions HTTP/1.1"
        );
    }
}

#[test]
fn portkeys_spelling_of_a_config_works_as_it_is() {
    let (a, b) = (Upstream::failing("429 Too Many"), Upstream::named("b"));
    let (first, second) = (base(&a), base(&b));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback","onStatusCodes":[429]}},"targets":[
           {{"provider":"openai","customHost":"{first}","apiKey":"k1",
           "overrideParams":{{"model":"x"}},"retry":{{"attempts":0,"onStatusCodes":[500]}}}},
           {{"provider":"openai","customHost":"{second}","apiKey":"k2"}}]}}"#
    );
    let response = Gateway::start().exchange(configured(&config, BODY));
    assert_from(&response, "b", &config);
    assert_eq!(response.option(), "config.targets[1]");
    assert_eq!(response.header("x-gateway-provider"), Some("openai"));
    assert_eq!(a.last().all("authorization"), ["Bearer k1"]);
    assert_eq!(a.last().body, br#"{"model":"x"}"#);
    assert_eq!(b.last().all("authorization"), ["Bearer k2"]);
    assert_eq!(b.last().body, BODY.as_bytes());
}

#[test]
fn a_saved_config_is_found_by_its_name_before_base64_is_tried() {
    let (saved, inline) = (Upstream::named("saved"), Upstream::named("inline"));
    let encoded = base64url(&format!("{{\"custom_host\":\"{}\"}}", base(&inline)));
    let gateway = Gateway::with(&format!(
        "configs:\n  chain: {{ custom_host: \"{0}\" }}\n  {encoded}: {{ custom_host: \"{0}\" }}\n",
        base(&saved)
    ));
    for name in ["chain", &encoded] {
        let response = gateway.exchange(configured(name, BODY));
        assert_from(&response, "saved", name);
    }
    assert_eq!(inline.connections(), 0);
}

#[test]
fn what_is_neither_json_nor_a_saved_name_nor_base64_is_an_invalid_config() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with(&format!(
        "configs: {{ chain: {{ custom_host: \"{}\" }} }}\ndefault_config: chain\n",
        base(&upstream)
    ));
    for value in [
        "chains",
        "{",
        "{}}",
        "[]",
        "!!!",
        "null",
        &base64("[]"),
        &base64("no json"),
    ] {
        gateway.refuses(configured(value, BODY), 400, "invalid_config");
    }
    // Empty means absent.
    let response = gateway.exchange(configured("", BODY));
    assert_from(&response, "a", "an empty value");
    assert_eq!(upstream.count(), 1);
}

/// Sources of a target, the strongest first; each names another upstream.
struct Sources {
    config: Upstream,
    provider: Upstream,
    host: Upstream,
    model: Upstream,
    default_config: Upstream,
    default_target: Upstream,
}

impl Sources {
    fn new() -> Self {
        Sources {
            config: Upstream::named("config"),
            provider: Upstream::named("provider"),
            host: Upstream::named("host"),
            model: Upstream::named("model"),
            default_config: Upstream::named("default_config"),
            default_target: Upstream::named("default_target"),
        }
    }

    /// A gateway with one of the settings' two defaults or none: together the second could never be
    /// used (11: "or").
    fn gateway(&self, default_config: bool, default_target: bool) -> Gateway {
        let mut yaml = format!(
            "providers: {{ in-header: {{ custom_host: \"{}\" }}, in-model: {{ custom_host: \"{}\" \
             }} }}\n\
             configs: {{ saved: {{ custom_host: \"{}\" }}, chain: {{ custom_host: \"{}\" }} }}\n",
            base(&self.provider),
            base(&self.model),
            base(&self.config),
            base(&self.default_config),
        );
        if default_config {
            yaml.push_str("default_config: chain\n");
        }
        if default_target {
            yaml.push_str(&format!(
                "default_target: \"{}\"\n",
                base(&self.default_target)
            ));
        }
        Gateway::with(&yaml)
    }
}

#[test]
fn the_sources_of_a_target_have_an_order() {
    let sources = Sources::new();
    let gateway = sources.gateway(true, false);
    let inline = config_line(&format!(
        "{{\"targets\":[{{\"custom_host\":\"{}\"}}]}}",
        base(&sources.config)
    ));
    let saved = config_line("saved");
    let provider = "x-gateway-provider: @in-header\r\n".to_owned();
    let catalogue = "x-gateway-provider: openai\r\n".to_owned();
    let host = format!("x-gateway-custom-host: {}\r\n", base(&sources.host));
    for (lines, model, from) in [
        (inline.clone() + &catalogue + &host, "@in-model/m", "config"),
        (inline + &provider, "@in-model/m", "config"),
        (saved + &catalogue + &host, "@in-model/m", "config"),
        (catalogue + &host, "@in-model/m", "host"),
        (provider, "@in-model/m", "provider"),
        (host, "@in-model/m", "host"),
        (String::new(), "@in-model/m", "model"),
        (String::new(), "@nobody/m", "default_config"),
        (String::new(), "m", "default_config"),
    ] {
        let response = gateway.exchange(chat(&lines, &format!("{{\"model\":\"{model}\"}}")));
        assert_from(&response, from, &format!("{lines}{model}"));
    }
}

#[test]
fn the_default_config_and_target_come_last() {
    let sources = Sources::new();
    let request = chat("", BODY);
    for (default_config, default_target, from) in [
        (true, false, "default_config"),
        (false, true, "default_target"),
    ] {
        let gateway = sources.gateway(default_config, default_target);
        assert_from(&gateway.exchange(&request), from, from);
        // A request without a body has no model to look at.
        let response = gateway.exchange(bare("GET", "/v1/models", ""));
        assert_from(&response, from, from);
    }
    let gateway = sources.gateway(false, false);
    gateway.refuses(&request, 400, "no_target");
    gateway.refuses(bare("GET", "/v1/models", ""), 400, "no_target");
    let nothing_named = configured("{\"retry\":{\"attempts\":1}}", BODY);
    gateway.refuses(nothing_named, 400, "no_target");
}

#[test]
fn a_provider_of_the_settings_that_is_not_there_is_unknown() {
    let sources = Sources::new();
    let gateway = sources.gateway(true, false);
    gateway.refuses(
        chat("x-gateway-provider: @nobody\r\n", BODY),
        404,
        "unknown_provider",
    );
    for config in [
        "{\"provider\":\"@nobody\"}",
        "{\"targets\":[{\"provider\":\"@nobody\"}]}",
    ] {
        let response = gateway.exchange(configured(config, BODY));
        assert!(
            matches!(response.status, 400 | 404) && response.error().is_some(),
            "{}{}",
            response.head,
            response.text()
        );
    }
}

#[test]
fn a_config_without_a_host_takes_that_of_the_header() {
    let upstream = Upstream::named("a");
    let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    for config in [
        "{\"retry\":{\"attempts\":1}}",
        "{\"targets\":[{\"weight\":1}]}",
        "{\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[{\"weight\":2},{\"weight\":3}]}",
        "{}",
    ] {
        let lines = config_line(config) + &host;
        let response = Gateway::start().exchange(chat(&lines, BODY));
        assert_from(&response, "a", config);
    }
}

#[test]
fn variables_are_expanded_only_in_the_settings() {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = Gateway::start();
    for key in ["${HOME}", "os.environ/HOME", "$${HOME}"] {
        let config = format!("{{\"custom_host\":\"{host}\",\"api_key\":\"{key}\"}}");
        gateway.exchange(configured(&config, BODY));
        assert_eq!(
            upstream.last().all("authorization"),
            [format!("Bearer {key}")]
        );
    }
}

#[test]
fn in_portkey_mode_config_and_reply_use_portkeys_header_names() {
    let (first, second) = (Upstream::failing("500 No"), Upstream::named("b"));
    let config = format!(
        "{{\"strategy\":{{\"mode\":\"fallback\"}},\"targets\":[{{\"custom_host\":\"{}\"}},\
         {{\"custom_host\":\"{}\"}}]}}",
        base(&first),
        base(&second)
    );
    let gateway = Gateway::with("portkey: true");
    let lines = config_line(&config).replace("x-gateway-config", "x-portkey-config");
    let response = gateway.exchange(chat(&lines, BODY));
    assert_from(&response, "b", &config);
    for prefix in ["x-gateway", "x-portkey"] {
        for (name, value) in [
            ("provider", "passthrough"),
            ("last-used-option-index", "config.targets[1]"),
            ("retry-attempt-count", "0"),
        ] {
            assert_eq!(response.all(&format!("{prefix}-{name}")), [value]);
        }
    }
    let sent = second.last().shown().join("\n");
    assert!(
        !sent.contains("x-portkey") && !sent.contains("x-gateway"),
        "{sent}"
    );
}
