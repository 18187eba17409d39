//! Whom a request with a gateway key counts for: cache entries, limits, default configs, metadata
//! and breakers of one key are its own.

use serde_json::Value;

use crate::support::{
    Gateway, Response, Upstream,
    caching::{numbering, status},
    eventually,
    gateway_keys::{bearer, entry, key, upstream},
    routing::{base, chat, config_line},
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// Keys 1, 2 and 3; the first two are of one team.
fn keys(of_first: &str, of_team: &str) -> String {
    let team = |more: &str| match more {
        "" => "team: t".to_owned(),
        more => format!("team: t, {more}"),
    };
    let (first, second) = (entry("one", 1, &team(of_first)), entry("two", 2, &team("")));
    let third = entry("three", 3, "");
    format!("keys:\n{first}{second}{third}teams:\n  t: {{ {of_team} }}\n")
}

/// A request of this key to this upstream.
fn to(upstream: &Upstream, key: u64, lines: &str) -> String {
    let host = base(upstream);
    chat(
        &format!("x-gateway-custom-host: {host}\r\n{}{lines}", bearer(key)),
        BODY,
    )
}

#[test]
fn one_key_shares_its_entries_and_two_keys_share_none() {
    let gateway = Gateway::with(&keys("", ""));
    let upstream = numbering("200 OK", "");
    let own = |value: &str| format!("x-api-key: {value}\r\n");
    let (a, b) = (own("sk-a"), own("sk-b"));
    let elsewhere = format!("x-gateway-api-key: {}\r\n", key(1));
    let namespace = "x-gateway-cache-namespace: n\r\n";
    let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    for (key, lines, expected) in [
        (1, "", "MISS"),
        (1, "", "HIT"),
        (2, "", "MISS"),
        (2, "", "HIT"),
        (3, "", "MISS"),
        (1, a.as_str(), "MISS"),
        (1, &a, "HIT"),
        (1, &b, "MISS"),
        (2, &a, "MISS"),
        (1, namespace, "MISS"),
        (2, namespace, "MISS"),
        (1, namespace, "HIT"),
        (1, "", "HIT"),
    ] {
        let lines = format!("x-gateway-cache: true\r\n{lines}");
        let got = gateway.exchange(to(&upstream, key, &lines));
        assert_eq!(status(&got), expected, "{key} {lines}");
    }
    // Where it stands does not matter.
    let request = chat(&format!("{host}x-gateway-cache: true\r\n{elsewhere}"), BODY);
    assert_eq!(status(&gateway.exchange(request)), "HIT");
}

#[test]
fn a_namespace_of_the_settings_is_shared_by_keys_and_no_other() {
    let upstream = numbering("200 OK", "");
    let host = base(&upstream);
    let target = |cache: &str| {
        format!(
            "{{ targets: [{{ custom_host: \"{host}\", cache: {{ mode: simple, {cache} }} }}] }}"
        )
    };
    let configs = format!(
        "configs:\n  shared: {}\n  other: {}\n  own: {}\n",
        target("namespace: s"),
        target("namespace: o"),
        target("max_age: 60")
    );
    let gateway = Gateway::with(&format!("{configs}{}", keys("", "")));
    for (key, config, expected) in [
        (1, "shared", "MISS"),
        (2, "shared", "HIT"),
        (3, "shared", "HIT"),
        (1, "other", "MISS"),
        (1, "own", "MISS"),
        (2, "own", "MISS"),
        (1, "own", "HIT"),
    ] {
        let lines = format!("x-gateway-config: {config}\r\n{}", bearer(key));
        let got = gateway.exchange(chat(&lines, BODY));
        assert_eq!(status(&got), expected, "{key} {config}");
    }
}

#[test]
fn secrets_of_one_key_are_one_caller_and_a_request_without_a_key_is_another() {
    let (old, new) = (entry("x", 1, ""), entry("x", 2, ""));
    let digest = |entry: &str| entry.split('"').nth(1).expect("a digest").to_owned();
    let yaml = format!(
        "auth: open\nkeys:\n  app: {{ digest: \"{}\", previous_digests: [{{ digest: \"{}\", \
         until: \"2100-01-01T00:00:00Z\" }}] }}\n",
        digest(&new),
        digest(&old)
    );
    let gateway = Gateway::with(&yaml);
    let upstream = numbering("200 OK", "");
    let cached = "x-gateway-cache: true\r\n";
    let host = format!("x-gateway-custom-host: {}\r\n{cached}", base(&upstream));
    for (request, expected) in [
        (to(&upstream, 1, cached), "MISS"),
        (to(&upstream, 2, cached), "HIT"),
        (chat(&host, BODY), "MISS"),
    ] {
        assert_eq!(status(&gateway.exchange(request)), expected);
    }
    let unknown = gateway.exchange(to(&upstream, 3, cached));
    assert_eq!(
        (unknown.status, unknown.error()),
        (401, Some("invalid_gateway_key"))
    );
}

fn number(response: &Response, name: &str) -> u64 {
    let text = response
        .header(name)
        .unwrap_or_else(|| panic!("{name}: {}", response.head));
    text.parse().expect("a number")
}

#[test]
fn limits_count_by_caller_key_and_team() {
    let own = "x-api-key: sk-own\r\n";
    for (name, settings, of_key, of_team, expected) in [
        // Keys 1, 1 with another credential, 2, 3.
        (
            "caller",
            "limits: [{ LIMIT, by: caller }]\n",
            "",
            "",
            [200, 429, 200, 200],
        ),
        (
            "key",
            "limits: [{ LIMIT, by: key }]\n",
            "",
            "",
            [200, 429, 200, 200],
        ),
        (
            "team",
            "limits: [{ LIMIT, by: team }]\n",
            "",
            "",
            [200, 429, 429, 200],
        ),
        ("", "", "limits: [{ LIMIT }]", "", [200, 429, 200, 200]),
        (
            "key",
            "",
            "limits: [{ LIMIT, by: key }]",
            "",
            [200, 429, 200, 200],
        ),
        (
            "origin",
            "",
            "limits: [{ LIMIT, by: origin }]",
            "",
            [200, 429, 200, 200],
        ),
        ("", "", "", "limits: [{ LIMIT }]", [200, 429, 429, 200]),
        (
            "key",
            "",
            "",
            "limits: [{ LIMIT, by: key }]",
            [200, 429, 200, 200],
        ),
        (
            "team",
            "",
            "",
            "limits: [{ LIMIT, by: team }]",
            [200, 429, 429, 200],
        ),
    ] {
        let upstream = Upstream::ok();
        let fill = |text: &str| text.replace("LIMIT", "requests: 1, window: 1h");
        let case = format!("{settings}{of_key} {of_team}");
        let keys = keys(&fill(of_key), &fill(of_team));
        let gateway = Gateway::with(&format!("{}{keys}", fill(settings)));
        let requests = [(1, ""), (1, own), (2, ""), (3, "")];
        for ((key, lines), expected) in requests.into_iter().zip(expected) {
            let got = gateway.exchange(to(&upstream, key, lines));
            assert_eq!(got.status, expected, "{case}: {key} {}", got.text());
            if expected == 429 {
                assert_eq!(got.error(), Some("rate_limited"));
                assert!((1..=3600).contains(&number(&got, "retry-after")), "{case}");
                assert_eq!(number(&got, "x-gateway-ratelimit-limit"), 1);
                assert_eq!(number(&got, "x-gateway-ratelimit-remaining"), 0);
                assert!((1..=3600).contains(&number(&got, "x-gateway-ratelimit-reset")));
                let by = if name.is_empty() {
                    "(".to_owned()
                } else {
                    format!("by {name} (")
                };
                assert!(
                    got.text().contains(&format!("in 3600s {by}")),
                    "{}",
                    got.text()
                );
            }
        }
    }
}

#[test]
fn places_of_a_key_or_team_are_held_until_the_body_ends() {
    for (of_key, of_team, second) in [
        ("limits: [{ concurrent: 1 }]", "", 200),
        ("", "limits: [{ concurrent: 1 }]", 429),
        ("", "limits: [{ concurrent: 1, by: key }]", 200),
    ] {
        let gateway = Gateway::with(&keys(of_key, of_team));
        let slow = Upstream::playing(|peer| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{");
            peer.closed_after();
        });
        let fast = upstream();
        let mut holding = gateway.client();
        holding.send(to(&slow, 1, ""));
        holding.wait_for(b"\r\n\r\n{");
        let case = format!("{of_key}{of_team}");
        assert_eq!(gateway.exchange(to(&fast, 1, "")).status, 429, "{case}");
        assert_eq!(gateway.exchange(to(&fast, 2, "")).status, second, "{case}");
        assert_eq!(gateway.exchange(to(&fast, 3, "")).status, 200, "{case}");
        holding.reset();
        eventually("its place is free", || {
            gateway.exchange(to(&fast, 1, "")).status == 200
        });
    }
}

/// A caller cannot get around a limit by what it says of itself, unless its key trusts that.
#[test]
fn limits_by_metadata_count_by_what_key_and_team_say_or_trust() {
    for (of_first, of_team, expected) in [
        // Key 1 as ada, as bob, and as nobody; key 3 as ada.
        ("", "", [200, 429, 429, 200]),
        ("trust_metadata: [user]", "", [200, 200, 200, 200]),
        ("trust_metadata: [other]", "", [200, 429, 429, 200]),
        ("metadata: { user: fixed }", "", [200, 429, 429, 200]),
        ("", "metadata: { user: fixed }", [200, 429, 429, 200]),
    ] {
        let limits = "limits: [{ requests: 1, window: 1h, by: metadata.user }]\n";
        let gateway = Gateway::with(&format!("{limits}{}", keys(of_first, of_team)));
        let upstream = Upstream::ok();
        let user = |name: &str| format!("x-gateway-metadata: {{\"user\":\"{name}\"}}\r\n");
        let requests = [
            (1, user("ada")),
            (1, user("bob")),
            (1, String::new()),
            (3, user("ada")),
        ];
        for ((key, lines), expected) in requests.into_iter().zip(expected) {
            let got = gateway.exchange(to(&upstream, key, &lines));
            assert_eq!(got.status, expected, "{of_first}{of_team}: {key} {lines}");
        }
    }
}

#[test]
fn each_key_has_its_default_config_else_its_teams_else_the_settings() {
    let options = [1, 2, 3].map(|number| Upstream::named(&format!("c{number}")));
    let configs: String = options
        .iter()
        .zip(1..)
        .map(|(upstream, number)| {
            format!(
                "  c{number}: {{ targets: [{{ custom_host: \"{}\" }}] }}\n",
                base(upstream)
            )
        })
        .collect();
    // With providers the body is read before the default config is chosen.
    let provider = format!(
        "providers: {{ p: {{ custom_host: \"{}\" }} }}\n",
        base(&options[2])
    );
    for more in ["", &provider] {
        let keys = keys("default_config: c1", "default_config: c2");
        let settings = format!("default_config: c3\nconfigs:\n{configs}{more}{keys}");
        let gateway = Gateway::with(&settings);
        for (key, expected) in [
            (1, "c1"),
            (2, "c2"),
            (3, "c3"),
            (1, "c1"),
            (3, "c3"),
            (2, "c2"),
        ] {
            let got = gateway.exchange(chat(&bearer(key), BODY));
            let said: Value = serde_json::from_slice(&got.body).expect("JSON");
            assert_eq!(said["id"], expected, "{key} {more}");
        }
        let named = gateway.exchange(to(&options[2], 1, ""));
        assert!(named.text().contains("c3"), "a named host comes first");
    }
}

#[test]
fn metadata_of_key_and_team_route_requests_and_win_over_the_requests_own() {
    let (pro, free) = (Upstream::named("pro"), Upstream::named("free"));
    let config = format!(
        r#"{{"strategy":{{"mode":"conditional","conditions":
        [{{"query":{{"metadata.tier":"pro"}},"then":"p"}}],"default":"f"}},"targets":
        [{{"name":"p","custom_host":"{}"}},{{"name":"f","custom_host":"{}"}}]}}"#,
        base(&pro),
        base(&free)
    );
    for (of_first, of_team, expected) in [
        (
            "metadata: { tier: pro }",
            "metadata: { tier: free }",
            ["pro", "free", "free"],
        ),
        ("", "metadata: { tier: pro }", ["pro", "pro", "free"]),
        (
            "metadata: { tier: free }",
            "metadata: { tier: pro }",
            ["free", "pro", "free"],
        ),
        ("metadata: { other: x }", "", ["free", "free", "free"]),
    ] {
        let gateway = Gateway::with(&keys(of_first, of_team));
        for (key, expected) in (1..).zip(expected) {
            for said in ["", "x-gateway-metadata: {\"tier\":\"WRONG\"}\r\n"] {
                let said = said.replace("WRONG", if expected == "pro" { "free" } else { "none" });
                let lines = config_line(&config) + &bearer(key) + &said;
                let got = gateway.exchange(chat(&lines, BODY));
                assert!(
                    got.text().contains(expected),
                    "{of_first} {of_team} {key}: {said}"
                );
            }
        }
    }
}

#[test]
fn a_breaker_that_one_key_opens_is_closed_for_another() {
    let gateway = Gateway::with(&keys("", ""));
    let (bad, good) = (Upstream::failing("500 No"), upstream());
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback","cb_config":{{"failure_threshold":1,
        "minimum_requests":1,"cooldown_interval":60000}}}},"targets":
        [{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&bad),
        base(&good)
    );
    for (key, reached) in [(1, 1), (1, 1), (2, 2), (2, 2), (1, 2)] {
        let got = gateway.exchange(chat(&(config_line(&config) + &bearer(key)), BODY));
        assert_eq!(got.status, 200);
        assert_eq!(bad.requests().len(), reached, "key {key}");
    }
}
