//! Credentials of the operator at the send: what goes on the wire, and what is fetched for it.

mod signatures;
mod tokens;

use super::*;

const SETTINGS: &str = r#"
replay_limit: 64
providers:
  google: { custom_host: "http://127.0.0.1:1/v1",
    credential: { google: { metadata_server: "127.0.0.1:9" } } }
  queried: { custom_host: "http://127.0.0.1:2/v1?api-version=1",
    credential: { query: { key: "op/secret", "a b": "op second" } } }
  basic: { custom_host: "http://127.0.0.1:3/v1",
    credential: { basic: { user: op-user, password: op-password } } }
  headed: { custom_host: "http://127.0.0.1:4/v1",
    credential: { header: { api_token: op-token, x-second: op-second } } }
  bearer: { custom_host: "http://127.0.0.1:5/v1", headers: { authorization: lost },
    credential: { bearer: op-bearer } }
  aws: { custom_host: "http://127.0.0.1:6/v1",
    credential: { aws_sigv4: { access_key_id: AKOP, secret_access_key: op-secret-access,
      region: us-east-1, service: bedrock } } }
configs:
  two-aws:
    strategy: { mode: fallback }
    targets:
      - { provider: "@aws", retry: { attempts: 1 } }
      - custom_host: "http://127.0.0.1:7/v1"
        credential: { aws_sigv4: { access_key_id: AKTWO, secret_access_key: op-secret-two,
          session_token: op-session, region: eu-central-1, service: bedrock } }
"#;

/// A request to a provider of the settings, with credentials of the caller's everywhere.
fn to(provider: &str) -> Ask {
    let ask = chat("").header("x-gateway-provider", format!("@{provider}"));
    let own = [
        ("authorization", "Bearer callers"),
        ("api-key", "callers"),
        ("api_token", "callers"),
        ("x-second", "callers"),
        ("x-amz-date", "callers"),
        ("x-amz-security-token", "callers"),
        ("x-amz-content-sha256", "callers"),
    ];
    let ask = own
        .iter()
        .fold(ask, |ask, (name, value)| ask.header(name, *value));
    Ask {
        path: "/v1/chat/completions?key=callers&a%20b=callers&b=1&X-Amz-Signature=callers",
        ..ask
    }
}

/// The request line and the values of lines of this name, of one request as it was received.
fn line(head: &[u8], name: &str) -> (String, Vec<String>) {
    let head = std::str::from_utf8(head).expect("text");
    let mut lines = head.split("\r\n");
    let first = lines.next().expect("a request line").to_owned();
    let of_name = lines.filter_map(|line| line.split_once(": "));
    let of_name = of_name.filter(|(it, _)| *it == name);
    (first, of_name.map(|(_, value)| value.to_owned()).collect())
}

#[actix_rt::test]
async fn a_fixed_credential_replaces_those_of_the_caller_in_its_place() {
    tokio::time::pause();
    // Parameters that no table names are the caller's own business.
    const KEPT: &str = "a%20b=callers&b=1&X-Amz-Signature=callers";
    const OWN: &str = "api-version=1&b=1&X-Amz-Signature=callers&key=op%2Fsecret&a%20b=op%20second";
    for (provider, query, place, values) in [
        ("bearer", KEPT, "authorization", &["Bearer op-bearer"][..]),
        (
            "basic",
            KEPT,
            "authorization",
            &["Basic b3AtdXNlcjpvcC1wYXNzd29yZA=="],
        ),
        ("headed", KEPT, "api_token", &["op-token"]),
        ("headed", KEPT, "x-second", &["op-second"]),
        ("queried", OWN, "authorization", &[]),
    ] {
        let harness = Harness::with_settings(SETTINGS, [good()]);
        let got = harness.ask(to(provider)).await;
        assert_eq!(got.status, 200, "{provider}: {got:?}");
        let received = harness.worker.upstream.received();
        let (first, sent) = line(&received[0].head, place);
        let target = format!("POST /v1/chat/completions?{query} HTTP/1.1");
        assert_eq!(
            (first, sent),
            (target, values.iter().map(|it| it.to_string()).collect()),
            "{provider}"
        );
        for withheld in ["api-key", "authorization"] {
            let (_, values) = line(&received[0].head, withheld);
            assert!(
                !values.iter().any(|it| it.contains("callers")),
                "{provider}"
            );
        }
    }
}

#[actix_rt::test]
async fn no_redirect_tells_the_caller_the_credential_in_the_url() {
    tokio::time::pause();
    const MOVED: &[(&str, &str)] = &[
        ("content-length", "0"),
        (
            "location",
            "http://127.0.0.1:2/v1/x/?key=op%2Fsecret&a%20b=op%20second",
        ),
        ("link", "<http://h/?key=op/secret>; rel=next"),
    ];
    let harness = Harness::with_settings(SETTINGS, [Scene::responds(301, MOVED)]);
    let got = harness.ask(to("queried")).await;
    assert_eq!(got.status, 301);
    assert_eq!(
        got.header("location"),
        "http://127.0.0.1:2/v1/x/?key=hidden&a%20b=hidden"
    );
    assert_eq!(got.header("link"), "<http://h/?key=hidden>; rel=next");
}

#[actix_rt::test]
async fn an_explanation_names_the_place_and_fetches_nothing() {
    tokio::time::pause();
    for (provider, name) in [
        ("google", "authorization"),
        ("queried", "key"),
        ("aws", "authorization"),
        ("headed", "api_token"),
    ] {
        let harness = Harness::with_settings(SETTINGS, []);
        let got = harness
            .ask(to(provider).header("x-gateway-dry-run", "true"))
            .await;
        assert_eq!(got.status, 200, "{got:?}");
        let own = format!("\"own\": \"{name}\"");
        assert!(got.body.contains(&own), "{provider}: {}", got.body);
        assert!(!got.body.contains("op-"), "{provider}: {}", got.body);
        assert!(!got.body.contains("op%2F"), "{provider}: {}", got.body);
        assert_eq!(harness.sent(), []);
    }
}
