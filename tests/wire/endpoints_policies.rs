//! The policies of a config object on pass-through endpoints: retry, fallback, balance, cache,
//! limits and timeouts work as on the unified routes, under the config of the endpoint or of the
//! request.

use crate::support::{
    Gateway, Response, Upstream,
    caching::{numbered, numbering},
    routing::config_line,
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;

fn ask(path: &str, lines: &str) -> String {
    let length = BODY.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{lines}\r\n{BODY}"
    )
}

/// A gateway with endpoints in which `BAD` and `GOOD` stand for URLs of upstreams.
fn gateway(bad: &Upstream, good: &Upstream, endpoints: &str) -> Gateway {
    let filled = endpoints.replace("BAD", &bad.url());
    Gateway::with(&filled.replace("GOOD", &good.url()))
}

fn seen(response: &Response) -> (u16, &str, &str) {
    (response.status, response.option(), response.retries())
}

#[test]
fn retries_and_fallbacks_are_made_from_the_endpoints_own_target() {
    let (bad, good) = (Upstream::failing("503 Away"), Upstream::named("good"));
    let gateway = gateway(
        &bad,
        &good,
        r#"
configs:
  saved:
    strategy: { mode: fallback }
    targets: [{}, { custom_host: "GOOD/v9" }]
endpoints:
  - { path: /retried, target: "BAD/v1", config: { retry: { attempts: 1 } } }
  - path: /chained
    target: "BAD/v1"
    config:
      strategy: { mode: fallback }
      targets: [{}, { custom_host: "GOOD/v9" }]
  - { path: /saved, target: "BAD/v1", config: saved }
  - path: /elsewhere
    config: { targets: [{ custom_host: "GOOD/v8" }] }
"#,
    );
    let retried = gateway.exchange(ask("/retried/chat/completions", ""));
    assert_eq!(seen(&retried), (503, "config", "-1"));
    assert_eq!(bad.requests().len(), 2);
    for (path, base, option) in [
        ("/chained", "/v9", "config.targets[1]"),
        ("/saved", "/v9", "config.targets[1]"),
        ("/elsewhere", "/v8", "config.targets[0]"),
    ] {
        let response = gateway.exchange(ask(&format!("{path}/chat/completions?a=1"), ""));
        assert_eq!(seen(&response), (200, option, "0"), "{path}");
        let line = format!("POST {base}/chat/completions?a=1 HTTP/1.1");
        assert_eq!(good.last().line, line, "{path}");
    }
    assert_eq!(bad.requests().len(), 4);
}

#[test]
fn a_request_may_ask_for_policies_of_its_own() {
    let (bad, good) = (Upstream::failing("503 Away"), Upstream::named("good"));
    let gateway = gateway(&bad, &good, r#"endpoints: [{ path: /e, target: "BAD" }]"#);
    let lines = config_line(r#"{"retry":{"attempts":1}}"#);
    let response = gateway.exchange(ask("/e/x", &lines));
    assert_eq!(seen(&response), (503, "config", "-1"));
    assert_eq!(bad.requests().len(), 2);
}

#[test]
fn an_endpoints_responses_are_cached_and_its_requests_limited() {
    let upstream = numbering("200 OK", "");
    let limited = Upstream::named("limited");
    let gateway = gateway(
        &limited,
        &upstream,
        r#"
endpoints:
  - { path: /cached, target: "GOOD/v1", config: { cache: { max_age: 60 } } }
  - { path: /v1/rerank, target: "GOOD/v1/rerank", config: { cache: true } }
  - { path: /few, target: "BAD/v1", config: { rate_limit: { requests: 1, window: 1h } } }
  - { path: /more, target: "BAD/v1", config: { rate_limit: { requests: 1, window: 1h } } }
"#,
    );
    for status in ["MISS", "HIT"] {
        let response = gateway.exchange(ask("/cached/chat/completions", ""));
        assert_eq!(response.header("x-gateway-cache-status"), Some(status));
        assert_eq!(response.text(), numbered(0));
    }
    for status in [200, 429] {
        for path in ["/few/x", "/more/x"] {
            assert_eq!(gateway.exchange(ask(path, "")).status, status, "{path}");
        }
    }
    let response = gateway.exchange(ask("/v1/rerank", ""));
    assert_eq!(response.header("x-gateway-cache-status"), Some("MISS"));
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn two_paths_to_one_host_share_no_stored_response() {
    let upstream = numbering("200 OK", "");
    let gateway = gateway(
        &upstream,
        &upstream,
        r#"
endpoints:
  - { path: /a, target: "GOOD/v1", config: { cache: true } }
  - { path: /b, target: "GOOD/v1", config: { cache: true }, headers: { x-tenant: b } }
  - { path: /c, target: "GOOD/v1?tenant=c", config: { cache: true } }
"#,
    );
    for (number, path) in ["/a", "/b", "/c"].into_iter().enumerate() {
        let path = format!("{path}/chat/completions");
        assert_eq!(gateway.exchange(ask(&path, "")).text(), numbered(number));
        assert_eq!(gateway.exchange(ask(&path, "")).text(), numbered(number));
    }
}

#[test]
fn a_dry_run_tells_where_an_endpoint_leads_and_sends_nothing() {
    let upstream = Upstream::named("up");
    let gateway = gateway(
        &upstream,
        &upstream,
        r#"endpoints: [{ path: /bria, target: "GOOD/v1", headers: { authorization: operator } }]"#,
    );
    let dry = ask("/bria/chat/completions?a=1", "x-gateway-dry-run: true\r\n");
    let plan = gateway.exchange(dry).text();
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let target = &plan["targets"][0];
    assert_eq!(target["origin"], upstream.url());
    assert_eq!(
        target["path"], ".../chat/completions",
        "the base is the operator's"
    );
    assert!(!plan.to_string().contains("operator"), "{plan}");
    assert!(upstream.requests().is_empty());
}
