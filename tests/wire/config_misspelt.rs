//! Misspelt names are refused with the name that was probably meant. Names from the settings are
//! suggested only to callers who have them almost right.

use crate::support::{
    Gateway, Upstream,
    routing::{base, chat, config_line},
};

const BODY: &str = r#"{"model":"m"}"#;

fn refusal(gateway: &Gateway, lines: &str) -> (u16, String, String) {
    let response = gateway.exchange(chat(lines, BODY));
    let code = response.error().unwrap_or("-").to_owned();
    (response.status, code, response.text())
}

fn named(host: &str) -> Gateway {
    Gateway::with(&format!(
        "providers: {{ inhouse-vllm: {{ custom_host: \"{host}\" }}, eu: {{ custom_host: \"{host}\" \
         }} }}\n\
         configs: {{ production: {{ custom_host: \"{host}\" }}, b: {{ custom_host: \"{host}\" }} \
         }}\n"
    ))
}

#[test]
fn a_misspelt_provider_is_refused_beside_a_host_too() {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = named(&host);
    let beside = format!("x-gateway-custom-host: {host}\r\n");
    for (name, meant) in [
        ("opnai", Some("openai")),
        ("OpenAI", Some("openai")),
        ("antropic", Some("anthropic")),
        ("@inhouse-vlm", Some("@inhouse-vllm")),
        ("inhouse-vllm", Some("@inhouse-vllm")),
        // Too far off to be told what the settings have.
        ("@inhouse", None),
        ("@ab", None),
        ("@x", None),
        ("zzzzzz", None),
    ] {
        for host in ["", &beside] {
            let lines = format!("x-gateway-provider: {name}\r\n{host}");
            let (status, code, text) = refusal(&gateway, &lines);
            assert_eq!(
                (status, code.as_str()),
                (404, "unknown_provider"),
                "{lines}"
            );
            match meant {
                Some(meant) => assert!(text.contains(&format!("did you mean {meant}?")), "{text}"),
                None => assert!(!text.contains("did you mean"), "{text}"),
            }
        }
        let config = format!(r#"{{"provider":"{name}","custom_host":"{host}"}}"#);
        let (status, code, text) = refusal(&gateway, &config_line(&config));
        assert_eq!((status, code.as_str()), (400, "invalid_config"), "{config}");
        assert!(text.contains("config.provider"), "{text}");
        assert_eq!(text.contains("did you mean"), meant.is_some(), "{text}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_misspelt_config_is_refused_with_the_one_that_was_meant() {
    let upstream = Upstream::named("a");
    let gateway = named(&base(&upstream));
    for (name, meant) in [
        ("prodution", true),
        ("Production", true),
        ("production2", true),
        ("prod", false),
        ("a", false),
        ("staging", false),
    ] {
        let (status, code, text) = refusal(&gateway, &config_line(name));
        assert_eq!((status, code.as_str()), (400, "invalid_config"), "{name}");
        assert_eq!(
            text.contains("did you mean production?"),
            meant,
            "{name}: {text}"
        );
        assert_eq!(text.contains("did you mean"), meant, "{name}: {text}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn url_schemes_are_recognised_in_any_case() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    let host = base(&upstream);
    for scheme in ["HTTP://", "Http://"] {
        let host = host.replace("http://", scheme);
        let config = config_line(&format!(r#"{{"custom_host":"{host}"}}"#));
        assert_eq!(gateway.exchange(chat(&config, BODY)).status, 200);
        let header = format!("x-gateway-custom-host: {host}\r\n");
        assert_eq!(gateway.exchange(chat(&header, BODY)).status, 200);
    }
    for host in ["ftp://a/v1", "http:/a/v1", "//a/v1", "httpx://a"] {
        let config = config_line(&format!(r#"{{"custom_host":"{host}"}}"#));
        gateway.refuses(chat(&config, BODY), 400, "invalid_config");
    }
}

#[test]
fn a_key_sent_as_a_provider_name_is_not_repeated() {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = named(&host);
    for name in [
        "sk-proj-0123456789abcdefghij",
        "@sk-proj-0123456789abcdefghij",
    ] {
        let header = format!("x-gateway-provider: {name}\r\n");
        let inline = config_line(&format!(r#"{{"provider":"{name}"}}"#));
        for lines in [header, inline] {
            let (status, _, text) = refusal(&gateway, &lines);
            assert!([400, 404].contains(&status), "{text}");
            assert!(text.contains("no provider is called that"), "{text}");
            assert!(!text.contains("sk-proj"), "{text}");
        }
    }
}
