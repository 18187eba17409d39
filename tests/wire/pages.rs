//! The gateway's own pages under `/gateway/`: who may see them, with which methods, and what they
//! say.

use crate::support::{
    Gateway, eventually,
    message::{assert_refusal, bare},
};

const PAGES: [(&str, &str); 4] = [
    ("/gateway/health/live", "text/plain; charset=utf-8"),
    ("/gateway/health/ready", "text/plain; charset=utf-8"),
    (
        "/gateway/metrics",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ),
    ("/gateway/openapi.yaml", "application/yaml"),
];

#[test]
fn pages_respond_to_get_and_head_and_refuse_the_rest() {
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for (page, kind) in PAGES {
        for target in [
            page.to_owned(),
            format!("{page}?a=%2F"),
            format!("http://localhost{page}"),
        ] {
            client.send(bare("GET", &target, ""));
            let got = client.response();
            assert_eq!(
                (got.status, got.all("content-type")),
                (200, vec![kind]),
                "{target}"
            );
            client.send(bare("HEAD", &target, ""));
            let head = client.head_response();
            assert_eq!(
                (head.status, head.all("content-type")),
                (200, vec![kind]),
                "{target}"
            );
            assert_eq!(head.all("content-length").len(), 1, "{target}");
        }
        for method in [
            "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CUSTOM", "TRACE",
        ] {
            client.send(bare(method, page, ""));
            let refused = client.response();
            assert_refusal(&refused, 405, "method_not_allowed", method);
            assert_eq!(refused.all("allow"), ["GET, HEAD"], "{method} {page}");
        }
    }
}

#[test]
fn unknown_pages_are_404() {
    let gateway = Gateway::start();
    for method in ["GET", "POST", "DELETE"] {
        for target in [
            "/gateway/",
            "/gateway/health",
            "/gateway/health/",
            "/gateway/health/live/",
            "/gateway/metrics/x",
            "/gateway//metrics",
            "/gateway/Metrics",
            "/gateway/v1/chat/completions",
            "/gateway/metrics;x",
        ] {
            let response = gateway.refuses(bare(method, target, ""), 404, "unknown_route");
            assert_eq!(response.all("allow").len(), 0, "{target}");
        }
    }
}

#[test]
fn a_page_asked_for_with_a_body_leaves_the_connection_clean() {
    let gateway = Gateway::start();
    for (method, status) in [("GET", 200), ("POST", 405)] {
        let mut client = gateway.client();
        client.send(bare(method, "/gateway/metrics", "Content-Length: 5\r\n"));
        client.send("hello");
        let response = client.response();
        assert_eq!(response.status, status);
        if response.header("connection") == Some("close") {
            assert!(client.is_closed());
        } else {
            client.send(bare("GET", "/gateway/health/live", ""));
            assert_eq!(client.response().text(), "ok\n");
        }
    }
}

#[test]
fn readiness_says_when_the_gateway_drains_and_liveness_does_not() {
    let mut gateway = Gateway::with("drain: { delay: 20s, budget: 1s }");
    let mut client = gateway.client();
    let mut ask = |page: &str| {
        client.send(bare("GET", page, ""));
        client.response()
    };
    assert_eq!(ask("/gateway/health/ready").status, 200);
    gateway.begin_drain();
    eventually("readiness is 503", || {
        ask("/gateway/health/ready").status == 503
    });
    assert_refusal(&ask("/gateway/health/ready"), 503, "draining", "draining");
    assert_eq!(ask("/gateway/health/live").text(), "ok\n");
}

/// A gateway that strangers reach, with these further settings.
fn wide(settings: &str) -> Gateway {
    let mut gateway = Gateway::with(&format!(
        "listen: 0.0.0.0:0\nallow_unauthenticated: true\n{settings}"
    ));
    gateway.address.set_ip([127, 0, 0, 1].into());
    gateway
}

#[test]
fn metrics_of_a_wide_listener_need_the_admin_token() {
    let gateway = wide("admin_token: s3cret-token");
    for lines in [
        "",
        "Authorization: Bearer wrong\r\n",
        "Authorization: Bearer s3cret-toke\r\n",
        "Authorization: Bearer s3cret-token2\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: s3cret-token\r\n",
        "Authorization: Basic s3cret-token\r\n",
        "x-gateway-api-key: s3cret-token\r\n",
        "Authorization: Bearer wrong\r\nAuthorization: Bearer s3cret-token\r\n",
    ] {
        let response = gateway.refuses(bare("GET", "/gateway/metrics", lines), 403, "not_allowed");
        assert!(!response.text().contains("s3cret"));
    }
    for lines in [
        "Authorization: Bearer s3cret-token\r\n",
        "authorization: bearer s3cret-token\r\n",
    ] {
        let response = gateway.exchange(bare("GET", "/gateway/metrics", lines));
        assert_eq!(response.status, 200, "{lines}");
        assert!(
            response.text().contains("throughway_requests"),
            "{}",
            response.text()
        );
    }
    for page in [
        "/gateway/health/live",
        "/gateway/health/ready",
        "/gateway/openapi.yaml",
    ] {
        assert_eq!(
            gateway.exchange(bare("GET", page, "")).status,
            200,
            "{page}"
        );
    }
}

#[test]
fn without_an_admin_token_a_wide_listener_shows_no_metrics() {
    let gateway = wide("");
    for lines in [
        "",
        "Authorization: Bearer \r\n",
        "Authorization: Bearer x\r\n",
    ] {
        gateway.refuses(bare("GET", "/gateway/metrics", lines), 403, "not_allowed");
    }
}

/// Everything that concerns the operator: metrics, explanations, dry runs.
fn for_operators(lines: &str) -> [String; 3] {
    let question = r#"{"method":"GET","path":"/v1/models","headers":{}}"#;
    let length = question.len();
    [
        bare("GET", "/gateway/metrics", lines),
        bare(
            "POST",
            "/gateway/explain",
            &format!("{lines}Content-Length: {length}\r\n"),
        ) + question,
        bare(
            "GET",
            "/v1/models",
            &format!("{lines}x-gateway-dry-run: true\r\n"),
        ),
    ]
}

#[test]
fn operator_pages_are_open_on_loopback_only_without_an_admin_token() {
    let target = "default_target: https://api.openai.com/v1\n";
    let token = format!("{target}admin_token: s3cret-token");
    for (settings, lines, is_open) in [
        (target, "", true),
        (target, "Authorization: Bearer wrong\r\n", true),
        (&token, "", false),
        (&token, "Authorization: Bearer wrong\r\n", false),
        (&token, "Authorization: Bearer s3cret-token\r\n", true),
    ] {
        let gateway = Gateway::with(settings);
        for request in for_operators(lines) {
            match is_open {
                true => assert_eq!(
                    gateway.exchange(&request).status,
                    200,
                    "{settings} {request}"
                ),
                false => drop(gateway.refuses(&request, 403, "not_allowed")),
            }
        }
    }
}
