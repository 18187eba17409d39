//! By what budgets and limits of tokens count, and which requests they are for.

use super::*;

/// By what each budget counts, and which requests it is for.
#[actix_rt::test]
async fn budgets_count_by_what_they_say() {
    tokio::time::pause();
    let secrets: [GatewayKey; 3] = std::array::from_fn(|_| GatewayKey::generate(&mut rand::rng()));
    let digests = secrets.each_ref().map(|it| serde_json::json!(it.digest()));
    let keys = format!(
        "
keys:
  one: {{ digest: {}, team: ml, trust_metadata: [user] }}
  two: {{ digest: {}, team: ml, trust_metadata: [user] }}
  other: {{ digest: {} }}
teams: {{ ml: {{}} }}
default_target: http://127.0.0.1:1/v1
endpoints: [{{ path: /own, target: \"http://127.0.0.1:3/v1\" }}]
",
        digests[0], digests[1], digests[2]
    );
    // Whose request, with which metadata, on which path: the first exhausts its budget.
    let requests = [
        (0, r#"{"user":"ada"}"#, "/v1/chat/completions"),
        (0, r#"{"user":"bob"}"#, "/v1/chat/completions"),
        (1, r#"{"user":"ada"}"#, "/v1/chat/completions"),
        (2, r#"{"user":"ada"}"#, "/v1/chat/completions"),
        (2, r#"{"user":"eve"}"#, "/v1/chat/completions"),
        (0, r#"{"user":"ada"}"#, "/own/x"),
    ];
    for (by, expected) in [
        ("by: none", [200, 402, 402, 402, 402, 402]),
        ("by: key", [200, 402, 200, 200, 402, 402]),
        ("by: team", [200, 402, 402, 200, 402, 402]),
        // The third key is not trusted to say whose request it is.
        ("by: metadata.user", [200, 200, 402, 200, 402, 402]),
        ("by: origin", [200, 402, 402, 402, 402, 200]),
        ("by: endpoint", [200, 200, 200, 200, 200, 200]),
        ("match: { key: two }", [200, 200, 200, 200, 200, 200]),
        ("match: { key: one }", [200, 402, 200, 200, 200, 402]),
        ("match: { team: ml }", [200, 402, 402, 200, 200, 402]),
        ("match: { endpoint: /own }", [200, 200, 200, 200, 200, 200]),
        (
            "match: { origin: \"http://127.0.0.1:1\" }",
            [200, 402, 402, 402, 402, 200],
        ),
        (
            "match: { metadata: { user: ada } }",
            [200, 200, 402, 200, 200, 402],
        ),
    ] {
        let settings = format!("{keys}budgets: [{{ tokens: 1, window: day, {by} }}]\n");
        let harness = Harness::with_settings(&settings, std::iter::repeat_with(good).take(6));
        let mut statuses = Vec::new();
        for (key, metadata, path) in requests {
            let ask = Ask { path, ..chat("{}") }
                .header("x-gateway-api-key", secrets[key].expose())
                .header("x-gateway-metadata", metadata);
            statuses.push(harness.ask(ask).await.status);
        }
        assert_eq!(statuses, expected, "{by}");
    }
}

#[actix_rt::test]
async fn limits_of_tokens_are_counted_like_budgets() {
    tokio::time::pause();
    let target = "default_target: http://127.0.0.1:1/v1\n";
    let provider = "providers: { p: { custom_host: \"http://127.0.0.1:1/v1\", \
                    rate_limit: { tokens: 5, window: 1h } } }";
    let config = |limit: &str| format!(r#"{{"rate_limit":{limit}}}"#);
    for (name, settings, ask) in [
        (
            "limits[0]",
            format!("{target}limits: [{{ tokens: 5, window: 1h, by: client_address }}]"),
            chat("{}"),
        ),
        (
            "limits[0]",
            format!("{target}limits: [{{ tokens: 5, window: 1h, by: origin }}]"),
            chat("{}"),
        ),
        (
            "config.rate_limit",
            target.to_owned(),
            chat(config(r#"{"tokens":5,"window":"1h","requests":9}"#)),
        ),
        (
            "providers.p.rate_limit",
            provider.to_owned(),
            chat(r#"{"provider":"@p"}"#),
        ),
    ] {
        let harness = Harness::with_settings(&settings, [good(), good(), good()]);
        // What each owes of itself is more than the limit.
        assert_eq!(harness.ask(ask.clone()).await.status, 200, "{name}");
        let refused = harness.ask(ask.clone()).await;
        assert_eq!(
            (refused.status, refused.error()),
            (429, "rate_limited"),
            "{name}"
        );
        for part in ["5 tokens in 3600s", name] {
            assert!(refused.body.contains(part), "{part}: {}", refused.body);
        }
        let after: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=3600).contains(&after), "{after}");
        assert_eq!(harness.outstanding(), 0);
        tokio::time::advance(Duration::from_secs(after + 1)).await;
        assert_eq!(harness.ask(ask).await.status, 200, "{name}");
    }
}
