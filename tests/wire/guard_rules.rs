//! The guard's rules allow what they should and nothing more: listed origins, the operator's own
//! target, redirects, idle connections.

use crate::{
    guard::{Canary, WAYS_IN, ask, denied, get, verdict},
    support::{
        Gateway, Upstream,
        caching::{JSON, numbering},
        dns::{FakeDns, Reply},
        routing::{base, chat, config_line},
    },
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn expect(gateway: &Gateway, url: &str, expected: &str) {
    assert_eq!(verdict(&ask(gateway, &get(url))), expected, "{url}");
}

#[test]
fn self_hosted_serves_listed_targets_only() {
    let canary = Canary::everywhere();
    let upstream = Upstream::responding(OK);
    let (port, other) = (upstream.address.port(), canary.port);
    let dns = FakeDns::start();
    for name in ["name.test", "a.suffix.test", "scoped.test", "stranger.test"] {
        dns.answer(name, Reply::addresses(&["127.0.0.1"]));
    }
    dns.answer("far.suffix.test", Reply::addresses(&["127.0.0.2"]));
    dns.answer("elsewhere.test", Reply::addresses(&["127.0.0.2"]));
    let gateway = Gateway::with(&format!(
        "guard: {{ preset: self_hosted, allow: [\"127.0.0.1:{port}\", \"name.test:{port}\", \
         \"*.suffix.test:{port}\",
                  \"scoped.test:{port}/v1\"] }}\n\
         dns: {{ servers: [\"{}\"] }}",
        dns.address()
    ));
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}"), "200 -"),
        (format!("http://127.0.0.1:{port}/v1"), "200 -"),
        (format!("http://127.1:{port}/v1"), "200 -"),
        (format!("http://[::ffff:127.0.0.1]:{port}/v1"), "200 -"),
        (format!("http://name.test:{port}/v1"), "200 -"),
        (format!("http://NAME.test.:{port}/v1"), "200 -"),
        (format!("http://a.suffix.test:{port}/v1"), "200 -"),
        (format!("http://scoped.test:{port}/v1"), "200 -"),
        (format!("http://scoped.test:{port}/v1/x"), "200 -"),
        (format!("http://127.0.0.1:{other}/v1"), &denied("port")),
        (format!("http://name.test:{other}/v1"), &denied("port")),
        ("http://127.0.0.1".to_owned(), &denied("port")),
        (format!("http://127.0.0.2:{port}/v1"), &denied("loopback")),
        (format!("http://[::1]:{port}/v1"), &denied("loopback")),
        (format!("http://localhost:{port}/v1"), &denied("mixed")),
        (
            format!("http://far.suffix.test:{port}"),
            &denied("loopback"),
        ),
        // A listed network is listed under any name; what is beside it is not.
        (format!("http://stranger.test:{port}"), "200 -"),
        (format!("http://elsewhere.test:{port}"), &denied("loopback")),
    ] {
        expect(&gateway, &url, expected);
    }
    assert_eq!(canary.visits(), 0);
}

#[test]
fn allowlist_serves_listed_targets_only() {
    let canary = Canary::everywhere();
    let upstream = Upstream::responding(OK);
    let (port, other) = (upstream.address.port(), canary.port);
    let dns = FakeDns::start();
    for name in [
        "name.test",
        "a.suffix.test",
        "suffix.test",
        "notsuffix.test",
        "scoped.test",
    ] {
        dns.answer(name, Reply::addresses(&["127.0.0.1"]));
    }
    dns.answer("far.suffix.test", Reply::addresses(&["127.0.0.2"]));
    let gateway = Gateway::with(&format!(
        "guard: {{ preset: allowlist, allow: [\"http://127.0.0.1:{port}\", \
         \"http://name.test:{port}\",
                  \"http://*.suffix.test:{port}\", \"http://scoped.test:{port}/v1\"] }}\n\
         dns: {{ servers: [\"{}\"] }}",
        dns.address()
    ));
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}/v1"), "200 -"),
        (format!("http://0x7f.1:{port}/v1"), "200 -"),
        (format!("http://name.test:{port}"), "200 -"),
        (format!("http://a.suffix.test:{port}"), "200 -"),
        (
            format!("http://b.a.suffix.test:{port}"),
            "502 upstream_unreachable",
        ),
        (format!("http://scoped.test:{port}/v1"), "200 -"),
        (format!("http://scoped.test:{port}/v1/"), "200 -"),
        (format!("http://scoped.test:{port}/v1/x?y"), "200 -"),
        (format!("http://scoped.test:{port}/v1beta"), &denied("path")),
        (format!("http://scoped.test:{port}"), &denied("path")),
        (format!("http://scoped.test:{port}//v1"), &denied("path")),
        (format!("http://scoped.test:{port}/%761"), &denied("path")),
        (format!("http://suffix.test:{port}"), &denied("not_listed")),
        (
            format!("http://notsuffix.test:{port}"),
            &denied("not_listed"),
        ),
        (
            format!("http://name.test.evil.test:{port}"),
            &denied("not_listed"),
        ),
        (format!("http://127.0.0.2:{port}"), &denied("not_listed")),
        (format!("http://localhost:{port}"), &denied("not_listed")),
        (format!("http://127.0.0.1:{other}"), &denied("port")),
        (format!("http://name.test:{other}"), &denied("port")),
        (format!("https://name.test:{port}"), &denied("scheme")),
        (
            format!("http://far.suffix.test:{port}"),
            &denied("loopback"),
        ),
    ] {
        expect(&gateway, &url, expected);
    }
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_caller_cannot_name_the_operators_target() {
    let upstream = Upstream::responding(OK);
    let url = upstream.url();
    let gateway = Gateway::with(&format!(
        "guard: {{ preset: public }}\ndefault_target: \"{url}/v1\""
    ));
    let unnamed = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let named = [
        format!("{url}/v1"),
        url.clone(),
        url.replace("127.0.0.1", "localhost"),
    ];
    // Before the operator's target has an idle connection and a verdict, and after.
    for served in [0, 1, 2] {
        assert_eq!(upstream.requests().len(), served);
        for url in &named {
            for (way, request) in WAYS_IN {
                let response = ask(&gateway, &request(url));
                assert_eq!(
                    (response.status, response.error()),
                    (403, Some("target_denied")),
                    "{way} {url}"
                );
            }
        }
        assert_eq!(verdict(&ask(&gateway, unnamed)), "200 -");
    }
    assert_eq!(
        upstream.connections(),
        1,
        "the operator's requests share one"
    );
}

#[test]
fn stored_responses_of_the_operators_target_are_not_for_callers_who_name_it() {
    let upstream = numbering("200 OK", JSON);
    let url = base(&upstream);
    let gateway = Gateway::with(&format!(
        "guard: {{ preset: public }}\nproviders: {{ p: {{ custom_host: \"{url}\" }} }}"
    ));
    let ask = |naming: &str| {
        let lines = format!("x-gateway-cache: true\r\n{naming}");
        ask(&gateway, &chat(&lines, r#"{"model":"m","messages":[]}"#))
    };
    let inline = config_line(&format!(r#"{{"custom_host":"{url}"}}"#));
    for expected in ["MISS", "HIT"] {
        let kept = ask("x-gateway-provider: @p\r\n");
        assert_eq!(kept.all("x-gateway-cache-status"), [expected]);
        for naming in [&format!("x-gateway-custom-host: {url}\r\n"), &inline] {
            let response = ask(naming);
            assert_eq!(
                (response.status, response.error()),
                (403, Some("target_denied")),
                "{naming}"
            );
        }
    }
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_request_target_in_absolute_form_names_no_target() {
    let canary = Canary::everywhere();
    let upstream = Upstream::responding(OK);
    let target = format!("http://127.0.0.1:{}/v1/models", canary.port);
    let nowhere = Gateway::start();
    let configured = Gateway::with(&format!("default_target: \"{}/v1\"", upstream.url()));
    let line = |method: &str| format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(verdict(&ask(&nowhere, &line("GET"))), "400 no_target");
    assert_eq!(verdict(&ask(&configured, &line("GET"))), "200 -");
    assert!(
        upstream
            .request()
            .starts_with("GET /v1/models HTTP/1.1\r\n")
    );
    let connect = format!(
        "CONNECT 127.0.0.1:{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        canary.port
    );
    assert_eq!(ask(&configured, &connect).status, 405);
    let elsewhere = target.replace("127.0.0.1", "canary.test");
    let elsewhere = format!("GET {elsewhere} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(verdict(&ask(&configured, &elsewhere)), "421 wrong_host");
    assert_eq!(canary.visits(), 0);
}

#[test]
fn other_headers_that_name_hosts_name_no_target() {
    let canary = Canary::everywhere();
    let upstream = Upstream::responding(OK);
    let gateway = Gateway::with(&format!("default_target: \"{}/v1\"", upstream.url()));
    let there = format!("127.0.0.1:{}", canary.port);
    let request = format!(
        "GET /v1/models?x-gateway-custom-host=http://{there} HTTP/1.1\r\nHost: {there}\r\n\
         X-Forwarded-Host: {there}\r\nForwarded: host=\"{there}\"\r\n\
         X-Original-URL: http://{there}/\r\n\
         X-Rewrite-URL: http://{there}/\r\nx-portkey-custom-host: http://{there}\r\n\
         x-gateway-customhost: http://{there}\r\nx-gateway-custom-host:\r\n\
         x-gateway_custom-host: http://{there}\r\nProxy: http://{there}\r\n\r\n"
    );
    assert_eq!(verdict(&ask(&gateway, &request)), "200 -");
    assert_eq!(upstream.connections(), 1);
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_target_header_given_twice_is_refused() {
    let canary = Canary::everywhere();
    let upstream = Upstream::responding(OK);
    let gateway = Gateway::with("portkey: true");
    let twice = |first: &str, second: &str| {
        let (good, bad) = (upstream.url(), format!("http://127.0.0.1:{}", canary.port));
        format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{first}: {good}\r\n\
             {second}: {bad}\r\n\r\n"
        )
    };
    let (native, alias) = ("x-gateway-custom-host", "x-portkey-custom-host");
    assert_eq!(
        verdict(&ask(&gateway, &twice(native, native))),
        "400 invalid_header"
    );
    assert_eq!(
        verdict(&ask(&gateway, &twice(alias, alias))),
        "400 invalid_header"
    );
    assert_eq!(
        verdict(&ask(&gateway, &twice(native, "X-Gateway-Custom-Host"))),
        "400 invalid_header"
    );
    assert_eq!(
        verdict(&ask(&gateway, &twice(native, alias))),
        "200 -",
        "native wins"
    );
    assert_eq!(canary.visits(), 0);
}

#[test]
fn portkeys_host_header_is_guarded_too() {
    let canary = Canary::everywhere();
    let gateway =
        Gateway::with("portkey: true\nguard: { preset: self_hosted, allow: [\"10.0.0.0/8:*\"] }");
    for (way, request) in WAYS_IN {
        for (host, class) in [
            ("127.1", "loopback"),
            ("[::ffff:a9fe:a9fe]", "metadata"),
            ("0", "unspecified"),
        ] {
            let request = request(&format!("http://{host}:{}/v1", canary.port));
            let request = request
                .replace("x-gateway-", "x-portkey-")
                .replace("X-GATEWAY-", "X-PORTKEY-");
            let response = ask(&gateway, &request);
            assert_eq!(
                (response.status, response.error()),
                (403, Some("target_denied")),
                "{way} {host}"
            );
            assert!(
                *way == "HEAD" || response.text().contains(class),
                "{way} {host}"
            );
        }
    }
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_redirect_is_relayed_and_not_followed() {
    let canary = Canary::everywhere();
    let there = format!("http://127.0.0.1:{}/latest/meta-data", canary.port);
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let location = there.clone();
        let upstream = Upstream::playing(move |peer| {
            while peer.request().is_some() {
                peer.send(format!(
                    "HTTP/1.1 {status} Away\r\nLocation: {location}\r\n\
                     Refresh: 0; url={location}\r\n\
                     Alt-Svc: http/1.1=\"{}\"\r\nContent-Length: 4\r\n\r\naway",
                    location.trim_start_matches("http://")
                ));
            }
        });
        let gateway = Gateway::with(&format!(
            "guard: {{ preset: self_hosted, allow: [\"{}\"] }}",
            upstream.address
        ));
        for (way, request) in WAYS_IN {
            let response = ask(&gateway, &request(&upstream.url()));
            assert_eq!(response.status, status, "{way}");
            assert_eq!(response.header("location"), Some(&*there), "{way}");
            assert_eq!(response.error(), None, "{way}");
        }
        assert_eq!(upstream.requests().len(), WAYS_IN.len());
    }
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_pooled_connection_serves_only_requests_that_may_go_there() {
    let upstream = Upstream::responding(OK);
    let port = upstream.address.port();
    let dns = FakeDns::start();
    dns.answer("scoped.test", Reply::addresses(&["127.0.0.1"]));
    let gateway = Gateway::with(&format!(
        "guard: {{ preset: allowlist, allow: [\"http://scoped.test:{port}/v1\"] }}\n\
         dns: {{ servers: [\"{}\"] }}\ndefault_target: \"http://scoped.test:{port}/internal\"",
        dns.address()
    ));
    let unnamed = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // The rules the caller's address is judged by refuse loopback, whatever the operator's target
    // is connected to.
    for _ in 0..2 {
        assert_eq!(verdict(&ask(&gateway, unnamed)), "200 -");
        expect(
            &gateway,
            &format!("http://scoped.test:{port}/v1"),
            &denied("loopback"),
        );
        expect(
            &gateway,
            &format!("http://scoped.test:{port}/internal"),
            &denied("path"),
        );
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (2, 1));
}
