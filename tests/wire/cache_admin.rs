//! The admin page of the cache: purges, who may use it, and what it reports.

use crate::support::{
    Gateway, Response,
    caching::{Ask, JSON, numbering, playing, statuses},
    routing::{completion, raw_response},
};

fn admin(gateway: &Gateway, method: &str, query: &str, token: &str) -> Response {
    gateway.exchange(format!(
        "{method} /gateway/admin/v1/cache{query} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    ))
}

#[test]
fn the_operator_purges_by_namespace_by_key_or_everything() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::with("admin_token: secret\ncache: { max_bytes: 1MiB }");
    let plain = Ask::of(&upstream);
    let named = Ask {
        lines: "x-gateway-cache-namespace: team\r\n",
        ..plain.clone()
    };
    let filled = || {
        assert_eq!(
            statuses(&gateway, [&plain, &named, &plain, &named])[2..],
            ["HIT", "HIT"]
        )
    };
    filled();
    let stats = admin(&gateway, "GET", "", "secret").text();
    assert!(stats.contains(r#""entries":2"#), "{stats}");
    assert_eq!(
        admin(&gateway, "DELETE", "?namespace=team", "secret").status,
        200
    );
    assert_eq!(statuses(&gateway, [&plain, &named]), ["HIT", "MISS"]);
    let plan = Ask {
        lines: "x-gateway-cache-ttl: 60\r\n",
        ..plain.clone()
    }
    .plan(&gateway);
    let cache = &plan["cache"];
    assert_eq!(
        (&cache["cacheable"], &cache["ttl"], &cache["shared"]),
        (&true.into(), &60.into(), &false.into())
    );
    let key = cache["key"].as_str().expect("a key");
    let removed = admin(&gateway, "DELETE", &format!("?key={key}"), "secret").text();
    assert!(removed.contains(r#""found":true"#), "{removed}");
    assert_eq!(statuses(&gateway, [&plain, &named]), ["MISS", "HIT"]);
    assert_eq!(admin(&gateway, "DELETE", "?all=true", "secret").status, 200);
    assert_eq!(statuses(&gateway, [&plain, &named]), ["MISS", "MISS"]);
    for query in [
        "",
        "?all=false",
        "?key=x",
        "?namespace=a&all=true",
        "?nonsense=1",
        "?namespace=",
        "?namespace=%zz",
        "?namespace=%ff",
    ] {
        let refused = admin(&gateway, "DELETE", query, "secret");
        assert_eq!(
            (refused.status, refused.error()),
            (400, Some("invalid_query")),
            "{query}"
        );
    }
    assert_eq!(admin(&gateway, "POST", "", "secret").status, 405);
}

#[test]
fn cache_administration_needs_the_admin_token() {
    for (settings, token) in [("", "secret"), ("", ""), ("admin_token: secret", "wrong")] {
        let gateway = Gateway::with(settings);
        for method in ["GET", "DELETE"] {
            let refused = admin(&gateway, method, "?all=true", token);
            assert_eq!(
                (refused.status, refused.error()),
                (403, Some("not_allowed")),
                "{settings}"
            );
        }
    }
}

#[test]
fn stored_responses_stay_under_max_bytes() {
    let body: &'static str =
        Box::leak(raw_response("200 OK", JSON, &completion(&"x".repeat(50_000))).into_boxed_str());
    let upstream = playing(body);
    let gateway = Gateway::with("admin_token: secret\ncache: { max_bytes: 1MiB }");
    let mut client = gateway.client();
    for number in 0..200 {
        let lines: &'static str = Box::leak(format!("x-n: {number}\r\n").into_boxed_str());
        client.send(
            Ask {
                lines,
                ..Ask::of(&upstream)
            }
            .text(),
        );
        assert_eq!(client.response().status, 200);
    }
    let stats: serde_json::Value =
        serde_json::from_slice(&admin(&gateway, "GET", "", "secret").body).expect("JSON");
    let bytes = stats["bytes"].as_u64().expect("bytes");
    assert!((500_000..=1 << 20).contains(&bytes), "{stats}");
    let latest = Ask {
        lines: "x-n: 199\r\n",
        ..Ask::of(&upstream)
    };
    assert_eq!(statuses(&gateway, [&latest]), ["HIT"]);
}
