//! Request headers that the cache key leaves out because the settings say so, or because proxies
//! add them.

use std::path::Path;

use throughway::config::{Environment, Flags, Settings};

use crate::support::{
    Gateway,
    caching::{Ask, JSON, numbering, playing, statuses},
    routing::raw_response,
};

const PROXIES: &str = "trusted_proxies: [127.0.0.1]\n";
const IGNORING: &str = "cache: { ignore_headers: [X-Request-Start, cf-ray] }\n";
const SHARED: &str = "trusted_proxies: [127.0.0.1]\ncache: { default: { namespace: everybody } }\n";

#[test]
fn a_header_is_ignored_where_the_settings_say_so_and_counts_elsewhere() {
    let upstream = numbering("200 OK", JSON);
    // (settings, two lines of one name with different values, whether they are the same to the
    // cache)
    for (settings, one, two, same) in [
        ("", "x-request-start: 1", "x-request-start: 2", false),
        (IGNORING, "x-request-start: 1", "x-request-start: 2", true),
        (IGNORING, "CF-Ray: 1", "CF-Ray: 2", true),
        (IGNORING, "cf-rays: 1", "cf-rays: 2", false),
        (
            IGNORING,
            "x-forwarded-for: 1.1.1.1",
            "x-forwarded-for: 2.2.2.2",
            false,
        ),
        (
            "",
            "x-forwarded-for: 1.1.1.1",
            "x-forwarded-for: 2.2.2.2",
            false,
        ),
        ("", "x-amzn-trace-id: a", "x-amzn-trace-id: b", false),
        (
            PROXIES,
            "x-forwarded-for: 1.1.1.1",
            "x-forwarded-for: 2.2.2.2",
            true,
        ),
        (
            PROXIES,
            "x-forwarded-proto: http",
            "x-forwarded-proto: https",
            true,
        ),
        (PROXIES, "x-forwarded-host: a", "x-forwarded-host: b", true),
        (PROXIES, "x-amzn-trace-id: a", "x-amzn-trace-id: b", true),
        // Proxies that authenticate people name the user to upstreams in this header.
        (PROXIES, "x-forwarded-user: a", "x-forwarded-user: b", false),
        (
            PROXIES,
            "x-forwarded-email: a",
            "x-forwarded-email: b",
            false,
        ),
        (
            PROXIES,
            "x-forwarded-access-token: a",
            "x-forwarded-access-token: b",
            false,
        ),
        (
            PROXIES,
            "x-forwarded-client-cert: a",
            "x-forwarded-client-cert: b",
            false,
        ),
        // Where callers share, none of them says which address the others' responses link to.
        (
            SHARED,
            "x-forwarded-for: 1.1.1.1",
            "x-forwarded-for: 2.2.2.2",
            true,
        ),
        (SHARED, "x-amzn-trace-id: a", "x-amzn-trace-id: b", true),
        (SHARED, "x-forwarded-host: a", "x-forwarded-host: b", false),
        (
            SHARED,
            "x-forwarded-proto: a",
            "x-forwarded-proto: b",
            false,
        ),
        (SHARED, "x-forwarded-port: 1", "x-forwarded-port: 2", false),
    ] {
        let gateway = Gateway::with(settings);
        let with = |line: &'static str| Ask {
            lines: Box::leak(format!("{line}\r\n").into_boxed_str()),
            ..Ask::of(&upstream)
        };
        let expected = if same { "HIT" } else { "MISS" };
        let got = statuses(&gateway, [&with(one), &with(two)]);
        assert_eq!(got, ["MISS", expected], "{settings} {one} {two}");
    }
}

#[test]
fn a_response_that_varies_by_an_ignored_header_is_not_stored() {
    for (settings, varies, line) in [
        (IGNORING, "Vary: cf-ray\r\n", "cf-ray: 1\r\n"),
        (
            PROXIES,
            "Vary: X-Forwarded-For\r\n",
            "x-forwarded-for: 1.1.1.1\r\n",
        ),
    ] {
        let lines = format!("{JSON}{varies}");
        let upstream = playing(raw_response("200 OK", &lines, r#"{"choices":[]}"#));
        let ask = Ask {
            lines: line,
            ..Ask::of(&upstream)
        };
        for (settings, again) in [(settings, "MISS"), ("", "HIT")] {
            let gateway = Gateway::with(settings);
            assert_eq!(
                statuses(&gateway, [&ask, &ask]),
                ["MISS", again],
                "{settings} {varies}"
            );
        }
    }
}

#[test]
fn headers_that_identify_callers_or_requests_cannot_be_ignored() {
    for name in [
        "authorization",
        "Authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "proxy-authorization",
        "x-my-token",
        "x-gateway-cache-namespace",
        "x-portkey-config",
        "x-amz-security-token",
        "x-forwarded-user",
        "x-forwarded-access-token",
        "openai-organization",
        "openai-project",
        "content-type",
        "content-encoding",
        "accept",
        "accept-encoding",
        "range",
        "anthropic-version",
        "anthropic-beta",
        "two words",
        "",
    ] {
        let text = format!(
            "credentials: {{ headers: [x-my-token] }}\n\
             cache: {{ ignore_headers: [cf-ray, \"{name}\"] }}\n"
        );
        let (environment, flags) = (Environment::default(), Flags::default());
        let read = Settings::parse(&text, Path::new("s.yaml"), &environment, &flags);
        let error = read.map(|_| ()).expect_err(name).to_string();
        assert!(error.contains("cache.ignore_headers[1]"), "{name}: {error}");
    }
}
