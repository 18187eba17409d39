//! Plans: with `x-gateway-dry-run: true` and `POST /gateway/explain` nothing goes upstream, and
//! credentials are shown by name only.

use serde_json::{Value, json};

use crate::support::{
    Gateway, Response, Upstream,
    message::bare,
    routing::{base, chat, config_line},
};

const DRY: &str = "x-gateway-dry-run: true\r\n";
const BODY: &str = r#"{"model":"m","messages":[{"content":"sekret-prompt"}]}"#;

fn plan(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.error(), None);
    assert_eq!(response.all("content-type"), ["application/json"]);
    serde_json::from_slice(&response.body).expect("JSON")
}

fn targets(plan: &Value) -> &Vec<Value> {
    plan["targets"]
        .as_array()
        .unwrap_or_else(|| panic!("no targets in {plan}"))
}

/// A gateway whose settings hold secrets, and an upstream that must not be called.
fn secretive() -> (Gateway, Upstream) {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = Gateway::with(&format!(
        r#"
providers:
  vllm: {{ custom_host: "{host}", api_key: sekret-provider-key,
    headers: {{ x-token: sekret-header }} }}
configs:
  chain:
    strategy: {{ mode: fallback }}
    targets:
      - {{ provider: "@vllm", retry: {{ attempts: 2 }}, timeouts: {{ head: 1234 }} }}
      - {{ custom_host: "{host}?api_key=sekret-in-query", api_key: sekret-saved-key }}
      - {{ custom_host: "http://169.254.169.254/v1" }}
"#
    ));
    (gateway, upstream)
}

#[test]
fn a_dry_run_tells_the_targets_in_order_and_sends_nothing() {
    let (gateway, upstream) = secretive();
    let response = gateway.exchange(chat(&(config_line("chain") + DRY), BODY));
    let plan = plan(&response);
    let targets = targets(&plan);
    assert_eq!(targets.len(), 3, "{plan}");
    let origin = upstream.url();
    for (place, target) in targets.iter().enumerate() {
        let text = target.to_string();
        assert!(text.contains(&format!("config.targets[{place}]")), "{text}");
        if place < 2 {
            assert!(text.contains(&origin), "{text}");
        }
    }
    let text = targets[0].to_string();
    assert!(text.contains("1234") && text.contains("vllm"), "{text}");
    // What the guard says of each.
    assert!(targets[2].to_string().contains("denied"), "{plan}");
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn no_plan_tells_a_secret() {
    let (gateway, upstream) = secretive();
    let lines = "Authorization: Bearer sekret-caller\r\nx-api-key: sekret-caller\r\n\
                 Cookie: a=sekret-caller\r\n\
                 x-gateway-api-key: sekret-gateway-key\r\n";
    let inline = format!(
        r#"{{"custom_host":"{}?key=sekret-base","api_key":"sekret-inline",
           "headers":{{"x-t":"sekret-inline-header"}},
           "override_params":{{"user":"sekret-param"}}}}"#,
        base(&upstream)
    );
    for config in ["chain", &inline] {
        let asked = config_line(config) + DRY + lines;
        let request = chat(&asked, BODY).replace("/completions", "/completions?key=sekret-query");
        let response = gateway.exchange(request);
        plan(&response);
        let all = format!("{}{}", response.head, response.text());
        assert!(!all.contains("sekret"), "{all}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn explain_tells_the_same_plan() {
    let (gateway, upstream) = secretive();
    let inline = format!(
        r#"{{"strategy":{{"mode":"loadbalance"}},
           "targets":[{{"custom_host":"{}","weight":2}},{{"provider":"@vllm"}}]}}"#,
        base(&upstream)
    );
    for (name, config) in [("saved", "chain"), ("inline", &inline)] {
        let dry = plan(&gateway.exchange(chat(&(config_line(config) + DRY), BODY)));
        let question = json!({
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": {
                "content-type": "application/json",
                "x-gateway-config": config.lines().map(str::trim).collect::<String>(),
            },
            "body": serde_json::from_str::<Value>(BODY).expect("JSON"),
        })
        .to_string();
        let asked =
            chat("", &question).replace("/v1/chat/completions HTTP", "/gateway/explain HTTP");
        let explained = plan(&gateway.exchange(asked));
        assert_eq!(targets(&explained), targets(&dry), "{name}");
        assert!(!explained.to_string().contains("sekret"), "{explained}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_plain_request_has_a_plan_too() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    let lines = format!("x-gateway-custom-host: {}\r\n{DRY}", base(&upstream));
    let plan = plan(&gateway.exchange(bare("GET", "/v1/models", &lines)));
    assert_eq!(targets(&plan).len(), 1, "{plan}");
    assert!(plan.to_string().contains(&upstream.url()), "{plan}");
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_operators_base_path_is_shown_only_with_the_admin_token() {
    let upstream = Upstream::named("a");
    let url = upstream.url();
    let settings = format!("providers: {{ p: {{ custom_host: \"{url}/sekret/v1\" }} }}\n");
    let token = "Authorization: Bearer the-admin-token\r\n";
    let with_token = format!("{settings}admin_token: the-admin-token\n");
    for (settings, lines, expected) in [
        (&settings, "", ".../chat/completions"),
        (&with_token, token, "/sekret/v1/chat/completions"),
    ] {
        let gateway = Gateway::with(settings);
        let lines = format!("{lines}{DRY}x-gateway-config: ");
        let config =
            format!(r#"{{"targets":[{{"provider":"@p"}},{{"custom_host":"{url}/own/v1"}}]}}"#);
        let response = gateway.exchange(chat(&format!("{lines}{config}\r\n"), BODY));
        let plan = plan(&response);
        let paths: Vec<_> = targets(&plan).iter().map(|it| it["path"].clone()).collect();
        assert_eq!(paths, [expected, "/own/v1/chat/completions"]);
    }
}

#[test]
fn a_dry_run_refuses_what_the_request_would_be_refused_for() {
    let gateway = Gateway::start();
    gateway.refuses(chat(DRY, BODY), 400, "no_target");
    gateway.refuses(
        chat(&(config_line(r#"{"nonsense":1}"#) + DRY), BODY),
        400,
        "invalid_config",
    );
    for question in ["", "[]", "{", "{\"method\":7}"] {
        let asked =
            chat("", question).replace("/v1/chat/completions HTTP", "/gateway/explain HTTP");
        let response = gateway.exchange(asked);
        assert_eq!(response.status, 400, "{question}: {}", response.text());
        assert!(response.error().is_some(), "{question}");
    }
}

#[test]
fn a_dry_run_header_of_false_sends_the_request() {
    let upstream = Upstream::named("a");
    let lines = format!(
        "x-gateway-custom-host: {}\r\nx-gateway-dry-run: false\r\n",
        base(&upstream)
    );
    Gateway::start().exchange(chat(&lines, BODY));
    assert_eq!(upstream.count(), 1);
}

#[test]
fn plans_need_the_admin_token_where_others_can_reach_the_gateway() {
    // `explain`, dry runs and metrics need the admin token or a key when not on loopback.
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = Gateway::with(&format!(
        "listen: 0.0.0.0:0\nallow_unauthenticated: true\n\
         admin_token: an-admin-token-of-32-characters-xx\n\
         guard: {{ preset: self_hosted, allow: [\"{}\"] }}\ndefault_target: \"{host}\"\n",
        upstream.address
    ));
    let question = r#"{"method":"GET","path":"/v1/models","headers":{}}"#;
    let explain = |lines: &str| {
        chat(lines, question).replace("/v1/chat/completions HTTP", "/gateway/explain HTTP")
    };
    let token = "Authorization: Bearer an-admin-token-of-32-characters-xx\r\n";
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], gateway.address.port()));
    let ask = |request: String| {
        let mut client = crate::support::Client::connect(local);
        client.send(request);
        client.response()
    };
    for refused in [explain(""), chat(DRY, BODY)] {
        let response = ask(refused);
        assert!(matches!(response.status, 401 | 403), "{}", response.text());
    }
    assert_eq!(ask(explain(token)).status, 200);
    assert_eq!(upstream.connections(), 0);
}
