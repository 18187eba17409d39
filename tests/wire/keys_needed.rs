//! Which requests need a gateway key, under which `Host`, and how the gateway's own pages read a
//! key.

use std::time::Duration;

use crate::support::{
    Gateway,
    gateway_keys::{bearer, entry, key, upstream},
    routing::{base, chat},
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// Settings, and what a request gets without a key, with one, with one that is unknown, and with
/// the admin token.
#[test]
fn who_needs_a_key_on_loopback() {
    let one = format!("keys:\n{}", entry("one", 1, ""));
    let admin = "admin_token: secret\n";
    for (auth, has_key, has_token, expected) in [
        // Without keys in the settings a key is no key: it crosses.
        ("auto", false, false, [200, 200, 200, 200]),
        ("auto", false, true, [200, 200, 200, 200]),
        ("auto", true, false, [401, 200, 401, 401]),
        ("auto", true, true, [401, 200, 401, 401]),
        ("required", false, false, [401, 401, 401, 401]),
        ("required", false, true, [401, 401, 401, 401]),
        ("required", true, false, [401, 200, 401, 401]),
        ("required", true, true, [401, 200, 401, 401]),
        ("open", false, false, [200, 200, 200, 200]),
        ("open", true, false, [200, 200, 401, 200]),
        ("open", true, true, [200, 200, 401, 200]),
    ] {
        let mut settings = format!("auth: {auth}\n");
        settings += if has_key { &one } else { "" };
        settings += if has_token { admin } else { "" };
        let gateway = Gateway::with(&settings);
        let upstream = upstream();
        let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
        let token = "Authorization: Bearer secret\r\n".to_owned();
        let asked = [String::new(), bearer(1), bearer(2), token];
        let got = asked.map(|lines| {
            gateway
                .exchange(chat(&(host.clone() + &lines), BODY))
                .status
        });
        assert_eq!(got, expected, "{settings}");
    }
}

#[test]
fn the_host_rule_is_lifted_where_a_key_is_needed_but_not_for_own_pages() {
    let one = format!("keys:\n{}", entry("one", 1, ""));
    for (settings, lines, expected) in [
        (String::new(), String::new(), [421, 421]),
        (one.clone(), bearer(1), [200, 421]),
        (one.clone(), String::new(), [401, 421]),
        (format!("auth: required\n{one}"), bearer(1), [200, 421]),
        (format!("hosts: [gw.example]\n{one}"), bearer(1), [200, 200]),
        (format!("auth: open\n{one}"), bearer(1), [200, 200]),
    ] {
        let gateway = Gateway::with(&settings);
        let upstream = upstream();
        let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
        for ((path, expected), more) in ["/v1/models", "/gateway/metrics"]
            .into_iter()
            .zip(expected)
            .zip([host.as_str(), ""])
        {
            let request = format!("GET {path} HTTP/1.1\r\nHost: gw.example\r\n{more}{lines}\r\n");
            let got = gateway.exchange(request);
            assert_eq!(got.status, expected, "{settings} {path}: {}", got.text());
        }
        // Pages of strangers are refused in any case.
        let origin = format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\
             Origin: http://evil.example\r\n{host}{lines}\r\n"
        );
        assert_eq!(
            gateway.exchange(origin).error(),
            Some("not_allowed"),
            "{settings}"
        );
    }
}

/// It needs no key, but none that is wrong is believed.
#[test]
fn own_pages_read_the_key_like_the_routes() {
    let gateway = Gateway::with(&format!(
        "admin_token: secret\nkeys:\n{}{}{}",
        entry("one", 1, ""),
        entry("viewer", 2, "role: viewer"),
        entry("old", 3, "blocked: true")
    ));
    let token = "Authorization: Bearer secret\r\n".to_owned();
    for (path, expected) in [
        ("/gateway/health/live", [200, 200, 200, 200, 200]),
        ("/gateway/metrics", [403, 403, 200, 401, 200]),
        ("/gateway/key", [401, 200, 200, 401, 401]),
    ] {
        let asked = [
            String::new(),
            bearer(1),
            bearer(2),
            bearer(3),
            token.clone(),
        ];
        let got = asked.map(|lines| {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
            gateway.exchange(request).status
        });
        assert_eq!(got, expected, "{path}");
    }
    let upstream = upstream();
    let dry = "x-gateway-dry-run: true\r\n";
    for (lines, expected) in [
        (format!("{dry}{}", bearer(1)), 403),
        (format!("{dry}{}", bearer(2)), 200),
        (format!("{dry}{token}"), 200),
        (
            format!("{dry}{token}x-gateway-api-key: {}\r\n", key(1)),
            200,
        ),
        (
            format!("{dry}{token}x-gateway-api-key: {}\r\n", key(3)),
            401,
        ),
        (dry.to_owned(), 403),
    ] {
        let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
        let got = gateway.exchange(chat(&(host + &lines), BODY));
        assert_eq!(got.status, expected, "{lines}: {}", got.text());
    }
    crate::support::stays("nothing is sent", Duration::from_millis(50), || {
        upstream.requests().is_empty()
    });
}
