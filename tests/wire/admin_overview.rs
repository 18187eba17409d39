//! What the admin API tells of the gateway itself: health, settings with where each was given,
//! providers and configs. No secret is in any of it.

use serde_json::{Value, json};

use crate::support::{
    Gateway, Process, Upstream, admin::Admin, eventually, gateway::head, routing::base,
};

const SECRETS: [&str; 3] = ["sk-canary-1", "canary-2", "secret"];

fn assert_no_secrets(shown: &Value) {
    let text = shown.to_string();
    for secret in SECRETS {
        // The word stands in names such as secret_key, too.
        assert!(!text.contains(&format!("\"{secret}\"")), "{secret}: {text}");
    }
}

#[test]
fn settings_are_told_with_where_each_was_given() {
    let yaml = "admin_token: secret\nstore: { kind: memory }\n\
                timeouts: { connect: 2s }\n\
                providers:\n  mine: { custom_host: 'https://llm.example/v1?key=canary-2', \
                api_key: sk-canary-1 }\n\
                configs: { chain: { provider: '@mine' } }\n";
    let process = Process::serving("overview", yaml);
    let admin = Admin::of(process.address);
    let shown = admin.json("GET", "/settings", "", 200);
    let of = |key: &str| {
        let settings = shown["settings"].as_array().expect("a list");
        let found = settings.iter().find(|it| it["key"] == key);
        found.unwrap_or_else(|| panic!("{key}: {shown}")).clone()
    };
    let connect = of("timeouts.connect");
    assert_eq!(
        (&connect["value"], &connect["default"]),
        (&json!("2s"), &json!("5s"))
    );
    let origin = connect["origin"].as_str().expect("text");
    assert!(origin.contains(".yaml:"), "{origin}");
    assert_eq!(of("timeouts.head")["origin"], "default");
    assert_eq!(shown["last_reload"], Value::Null);
    assert_no_secrets(&shown);

    let providers = admin.json("GET", "/providers", "", 200);
    let first = &providers["data"][0];
    assert_eq!(
        (&first["name"], &first["has_credential"]),
        (&json!("mine"), &json!(true))
    );
    assert_eq!(first["base_url"], "https://llm.example/v1");
    assert!(providers["data"].as_array().expect("a list").len() > 25);
    assert_no_secrets(&providers);
    let configs = admin.json("GET", "/configs", "", 200);
    assert_eq!(configs["data"][0]["name"], "chain");

    process.write_settings(&yaml.replace("connect: 2s", "connect: never"));
    eventually("the reload is told", || {
        let last = &admin.json("GET", "/settings", "", 200)["last_reload"];
        last["error"]
            .as_str()
            .is_some_and(|it| it.contains("timeouts.connect"))
    });
    process.write_settings(yaml);
    eventually("the file is as it was, and nothing is wrong", || {
        let last = &admin.json("GET", "/settings", "", 200)["last_reload"];
        last["error"].is_null()
    });
}

#[test]
fn health_tells_of_open_breakers_by_origin() {
    let upstream = Upstream::responding("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::with("admin_token: secret\nstore: { kind: memory }\n");
    let config = json!({
        "custom_host": base(&upstream),
        "strategy": { "mode": "single", "cb_config": {
            "failure_threshold": 2, "cooldown_interval": 60000, "failure_status_codes": [503] } },
    });
    for _ in 0..3 {
        let line = format!("x-gateway-config: {config}\r\n");
        gateway.exchange(head("GET", "/v1/models", &upstream, &line).replace(
            &format!("x-gateway-custom-host: {}\r\n", base(&upstream)),
            "",
        ));
    }
    let admin = Admin::of(gateway.address);
    let health = admin.json("GET", "/health", "", 200);
    let breaker = &health["breakers"][0];
    assert_eq!(breaker["states"]["open"], 1, "{health}");
    assert!(base(&upstream).starts_with(breaker["origin"].as_str().expect("text")));
    assert_eq!(health["draining"], false);
    assert_eq!(health["requests"]["received"], 3);
    admin.json("POST", "/health", "{}", 405);
    Admin::by(gateway.address, "other").json("GET", "/health", "", 403);
}
