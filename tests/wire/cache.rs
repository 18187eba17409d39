//! The cache: which requests and which callers share a response, and what a hit looks like.

use crate::support::{
    Gateway,
    caching::{Ask, BODY, JSON, numbered, numbering, status, statuses},
    routing::base,
};

#[test]
fn a_repeated_request_is_a_hit_with_the_stored_head_and_body() {
    let upstream = numbering(
        "200 Fine",
        "Content-Type: application/json\r\nx-request-id: r1\r\nSet-Cookie: a=b\r\n\
         Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         x-many: 1\r\nx-many: 2\r\nConnection: x-hop\r\nx-hop: 1\r\nx-gateway-provider: forged\r\n",
    );
    let gateway = Gateway::start();
    let ask = Ask::of(&upstream);
    let first = ask.send(&gateway);
    assert_eq!(
        (status(&first), first.all("set-cookie")),
        ("MISS", vec!["a=b"])
    );
    let again = ask.send(&gateway);
    assert_eq!((status(&again), again.status), ("HIT", 200));
    assert_eq!(again.body, first.body);
    for name in ["content-type", "x-request-id", "x-many", "content-length"] {
        assert_eq!(again.all(name), first.all(name), "{name}");
    }
    assert_eq!(again.all("x-gateway-provider"), ["passthrough"]);
    assert_eq!(again.option(), "config");
    assert_eq!(again.all("age"), ["0"]);
    for gone in ["set-cookie", "x-hop"] {
        assert_eq!(again.header(gone), None, "{gone}");
    }
    assert_ne!(again.header("date"), first.header("date"));
    assert_ne!(
        again.all("x-gateway-trace-id"),
        first.all("x-gateway-trace-id")
    );
    assert_eq!(upstream.requests().len(), 1);
    for (status, count) in [("HIT", 1), ("MISS", 1)] {
        let name = format!("throughway_cache_requests_total{{status=\"{status}\"}}");
        assert_eq!(gateway.metric(&name), count, "{status}");
    }
}

#[test]
fn a_request_that_differs_is_a_miss() {
    let (upstream, other) = (numbering("200 OK", JSON), numbering("200 OK", JSON));
    let ask = Ask::of(&upstream);
    let changes: [(&str, Ask); 13] = [
        (
            "credential",
            Ask {
                credential: "sk-b",
                ..ask.clone()
            },
        ),
        (
            "port",
            Ask {
                host: base(&other),
                ..ask.clone()
            },
        ),
        (
            "host",
            Ask {
                host: base(&upstream).replace("127.0.0.1", "localhost"),
                ..ask.clone()
            },
        ),
        (
            "path",
            Ask {
                path: "/v1/completions",
                ..ask.clone()
            },
        ),
        (
            "base path",
            Ask {
                host: base(&upstream) + "/x",
                ..ask.clone()
            },
        ),
        (
            "query",
            Ask {
                path: "/v1/chat/completions?a=1",
                ..ask.clone()
            },
        ),
        (
            "body byte",
            Ask {
                body: r#"{"model":"m","messages":[] }"#,
                ..ask.clone()
            },
        ),
        (
            "accept",
            Ask {
                lines: "Accept: text/plain\r\n",
                ..ask.clone()
            },
        ),
        (
            "unknown header",
            Ask {
                lines: "x-tenant: a\r\n",
                ..ask.clone()
            },
        ),
        (
            "another credential",
            Ask {
                lines: "x-api-key: k\r\n",
                ..ask.clone()
            },
        ),
        (
            "cookie",
            Ask {
                lines: "Cookie: a=b\r\n",
                ..ask.clone()
            },
        ),
        (
            "namespace",
            Ask {
                lines: "x-gateway-cache-namespace: n\r\n",
                ..ask.clone()
            },
        ),
        (
            "a header's second line",
            Ask {
                lines: "x-tenant: a\r\nx-tenant: b\r\n",
                ..ask.clone()
            },
        ),
    ];
    for (name, changed) in &changes {
        let gateway = Gateway::start();
        assert_eq!(
            statuses(&gateway, [&ask, changed, &ask, changed]),
            ["MISS", "MISS", "HIT", "HIT"],
            "{name}"
        );
    }
    let gateway = Gateway::start();
    let get = Ask {
        method: "PUT",
        ..ask.clone()
    };
    assert_eq!(statuses(&gateway, [&ask, &get]), ["MISS", "DISABLED"]);
}

#[test]
fn headers_left_out_of_the_key_make_no_difference() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::start();
    let ask = Ask::of(&upstream);
    ask.send(&gateway);
    for lines in [
        "User-Agent: other\r\n",
        "x-stainless-retry-count: 3\r\n",
        "traceparent: 00-1-2-00\r\nx-request-id: 7\r\n",
        "Idempotency-Key: k\r\n",
        "x-gateway-trace-id: t\r\n",
    ] {
        let noisy = Ask {
            lines,
            ..ask.clone()
        };
        assert_eq!(statuses(&gateway, [&noisy]), ["HIT"], "{lines}");
    }
}

#[test]
fn callers_share_only_in_a_namespace_of_the_settings() {
    let upstream = numbering("200 OK", JSON);
    let shared = Gateway::with("cache: { default: { namespace: all } }");
    let (a, b) = (
        Ask::of(&upstream),
        Ask {
            credential: "sk-b",
            ..Ask::of(&upstream)
        },
    );
    assert_eq!(statuses(&shared, [&a, &b]), ["MISS", "HIT"]);
    // A caller's own namespace never lets it in to others' entries, nor others to its own.
    let own = Ask {
        lines: "x-gateway-cache-namespace: all\r\n",
        ..b.clone()
    };
    let others = Ask {
        lines: "x-gateway-cache-namespace: all\r\n",
        ..a.clone()
    };
    assert_eq!(
        statuses(&shared, [&own, &others, &own]),
        ["MISS", "MISS", "HIT"]
    );
    let inline = r#"x-gateway-config: {"cache":{"namespace":"mine"}}"#;
    let line: &'static str = Box::leak(format!("{inline}\r\n").into_boxed_str());
    let configured = [a.clone(), b.clone()].map(|ask| Ask { lines: line, ..ask });
    assert_eq!(
        statuses(&shared, [&configured[0], &configured[1]]),
        ["MISS", "MISS"]
    );
    // Where callers share, a cookie in the response is a reason not to.
    let cookies = numbering("200 OK", "Set-Cookie: a=b\r\n");
    let ask = Ask::of(&cookies);
    assert_eq!(statuses(&shared, [&ask, &ask]), ["MISS", "MISS"]);
    assert_eq!(statuses(&Gateway::start(), [&ask, &ask]), ["MISS", "HIT"]);
}

#[test]
fn the_cache_is_off_by_default_and_the_header_decides() {
    let upstream = numbering("200 OK", JSON);
    let base = base(&upstream);
    let silent = |more: &str| {
        let lines = format!(
            "x-gateway-custom-host: {base}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{more}",
            BODY.len()
        );
        format!("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{BODY}")
    };
    let plain = Gateway::start();
    let of = |gateway: &Gateway, more: &str| status(&gateway.exchange(silent(more))).to_owned();
    assert_eq!([of(&plain, ""), of(&plain, "")], ["DISABLED", "DISABLED"]);
    let config = "x-gateway-config: {\"cache\":{\"mode\":\"simple\",\"max_age\":60}}\r\n";
    assert_eq!([of(&plain, config), of(&plain, config)], ["MISS", "HIT"]);
    assert_eq!(
        of(&plain, &format!("{config}x-gateway-cache: false\r\n")),
        "DISABLED"
    );
    assert_eq!(
        of(
            &plain,
            &format!("{config}x-gateway-cache-force-refresh: true\r\n")
        ),
        "REFRESH"
    );
    let refreshed = plain.exchange(silent(config));
    assert_eq!((status(&refreshed), refreshed.text()), ("HIT", numbered(4)));
    let everybody = Gateway::with("cache: { default: true }");
    assert_eq!([of(&everybody, ""), of(&everybody, "")], ["MISS", "HIT"]);
    assert_eq!(
        of(&everybody, "x-gateway-config: {\"cache\":false}\r\n"),
        "DISABLED"
    );
}

#[test]
fn a_provider_of_the_settings_has_a_cache_of_its_own() {
    let upstream = numbering("200 OK", JSON);
    let host = base(&upstream);
    let gateway = Gateway::with(&format!(
        "providers:\n  kept: {{ custom_host: \"{host}\", cache: {{ mode: simple, namespace: team \
         }} }}\n  \
         sent: {{ custom_host: \"{host}\" }}\n"
    ));
    let of = |provider: &str, key: &str| {
        let length = BODY.len();
        let response = gateway.exchange(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\n\
             x-gateway-provider: @{provider}\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {length}\r\n\r\n{BODY}"
        ));
        status(&response).to_owned()
    };
    assert_eq!([of("kept", "a"), of("kept", "b")], ["MISS", "HIT"]);
    assert_eq!([of("sent", "a"), of("sent", "a")], ["DISABLED", "DISABLED"]);
}
