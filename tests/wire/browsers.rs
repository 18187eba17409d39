//! Web pages cannot use the gateway of a local user: what a browser may send while no key is
//! needed, and what pages of listed origins can read.

use crate::support::{
    Gateway, Response, Upstream,
    message::{bare, request},
};

const LISTED: &str = "cors: { origins: [\"https://app.example\", \"http://localhost:3000\"] }";
const PREFLIGHT: &str = "Access-Control-Request-Method: POST\r\n\
                         Access-Control-Request-Headers: x-gateway-custom-host, content-type\r\n";

/// A request with this `Host` and these lines.
fn to_host(host: &str, upstream: &Upstream, lines: &str) -> String {
    let raw = request("GET", "/v1/x", upstream, lines, "");
    String::from_utf8(raw)
        .expect("ASCII")
        .replacen("Host: localhost", &format!("Host: {host}"), 1)
}

#[test]
fn only_loopback_names_and_listed_hosts_are_let_in() {
    let (gateway, upstream) = (Gateway::with("hosts: [gw.corp]"), Upstream::ok());
    for host in [
        "localhost",
        "LocalHost:8787",
        "a.localhost",
        "127.0.0.1",
        "127.9.9.9:1",
        "[::1]:80",
        "[::1]",
        "gw.corp",
        "GW.Corp:8080",
        "localhost.",
    ] {
        gateway.forwards(&upstream, to_host(host, &upstream, ""));
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "notlocalhost",
        "x.gw.corp",
        "gw.corp.evil.example",
        "",
    ] {
        gateway.refuses(to_host(host, &upstream, ""), 421, "wrong_host");
    }
}

#[test]
fn a_strangers_page_is_kept_out_and_a_listed_one_let_in() {
    let (gateway, upstream) = (Gateway::with(LISTED), Upstream::ok());
    let before = upstream.count();
    for lines in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: https://app.example.evil\r\n",
        "Origin: https://app.example:444\r\n",
        "Origin: http://app.example\r\n",
        "Origin: http://localhost:3001\r\n",
        "Origin: \u{e9}\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: https://evil.example\r\nSec-Fetch-Site: same-origin\r\n",
    ] {
        gateway.refuses(
            request("POST", "/v1/x", &upstream, lines, ""),
            403,
            "not_allowed",
        );
        gateway.refuses(bare("GET", "/gateway/metrics", lines), 403, "not_allowed");
    }
    assert_eq!(upstream.count(), before);
    for lines in [
        "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n",
        "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n",
        "Origin: http://localhost\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: none\r\n",
    ] {
        let sent = gateway.forwards(&upstream, request("POST", "/v1/x", &upstream, lines, ""));
        // Even these lines are end-to-end.
        assert_eq!(
            sent.all("origin").len() + sent.all("sec-fetch-site").len(),
            lines.lines().count()
        );
    }
}

#[test]
fn without_a_list_every_foreign_origin_is_a_stranger() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let own = format!("Origin: http://{}\r\n", gateway.address);
    gateway.forwards(
        &upstream,
        to_host(&gateway.address.to_string(), &upstream, &own),
    );
    for origin in ["https://app.example", "http://localhost:3000"] {
        let lines = format!("Origin: {origin}\r\n");
        gateway.refuses(
            request("POST", "/v1/x", &upstream, &lines, ""),
            403,
            "not_allowed",
        );
        let lines = lines + PREFLIGHT;
        gateway.refuses(
            request("OPTIONS", "/v1/x", &upstream, lines, ""),
            403,
            "not_allowed",
        );
    }
}

/// The `access-control-*` lines of a response, sorted.
fn cors(response: &Response) -> Vec<String> {
    let lines = response
        .head
        .lines()
        .filter(|line| line.starts_with("access-control-"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_listed_origins_preflight_is_answered_here_and_goes_nowhere() {
    let (gateway, upstream) = (Gateway::with(LISTED), Upstream::ok());
    let lines = format!("Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n{PREFLIGHT}");
    // A browser sends no header of ours with a preflight, so no target is known.
    for target in ["/v1/chat/completions", "/gateway/metrics"] {
        let response = gateway.exchange(bare("OPTIONS", target, &lines));
        assert_eq!(
            (response.status, response.error()),
            (204, None),
            "{}",
            response.head
        );
        assert_eq!(
            response.all("access-control-allow-origin"),
            ["https://app.example"]
        );
        assert_eq!(response.all("access-control-allow-methods"), ["POST"]);
        assert_eq!(
            response.all("access-control-allow-headers"),
            ["x-gateway-custom-host, content-type"]
        );
        assert_eq!(response.all("access-control-max-age").len(), 1);
        assert_eq!(response.all("access-control-allow-credentials").len(), 0);
        assert_eq!(response.all("vary"), ["origin"]);
        assert_eq!(response.all("x-gateway-trace-id").len(), 1);
        assert_eq!(response.header("content-length"), None);
    }
    let response = gateway.exchange(request("OPTIONS", "/v1/x", &upstream, &lines, ""));
    assert_eq!((response.status, upstream.connections()), (204, 0));
}

#[test]
fn no_preflight_is_ever_forwarded() {
    let (gateway, upstream) = (Gateway::with(LISTED), Upstream::ok());
    for (origin, status) in [
        ("https://app.example", 204),
        ("https://evil.example", 403),
        // Browsers send no preflight for a page's own origin; a client that does learns nothing.
        ("http://localhost", 204),
    ] {
        let lines = format!("Origin: {origin}\r\n{PREFLIGHT}");
        let response = gateway.exchange(request("OPTIONS", "/v1/x", &upstream, lines, ""));
        assert_eq!(response.status, status, "{origin}");
        let allowed = Vec::from_iter((origin == "https://app.example").then_some(origin));
        assert_eq!(response.all("access-control-allow-origin"), allowed);
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_plain_options_request_is_forwarded() {
    let (gateway, upstream) = (Gateway::with(LISTED), Upstream::ok());
    for lines in ["", "Origin: https://app.example\r\n", PREFLIGHT] {
        let sent = gateway.forwards(
            &upstream,
            request("OPTIONS", "/v1/x?a", &upstream, lines, ""),
        );
        assert_eq!(sent.line, "OPTIONS /v1/x?a HTTP/1.1");
    }
}

#[test]
fn our_cors_lines_replace_the_upstreams_for_listed_origins_only() {
    let gateway = Gateway::with(LISTED);
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\
         Access-Control-Expose-Headers: x-request-id\r\n\
         access-control-allow-credentials: true\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nok",
    );
    let plain = gateway.exchange(request("GET", "/v1/x", &upstream, "", ""));
    assert_eq!(
        cors(&plain),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: *",
            "access-control-expose-headers: x-request-id",
        ]
    );
    assert_eq!(plain.all("vary"), ["Accept"]);
    let lines = "Origin: https://app.example\r\n";
    let listed = gateway.exchange(request("GET", "/v1/x", &upstream, lines, ""));
    assert_eq!(
        listed.all("access-control-allow-origin"),
        ["https://app.example"]
    );
    let exposed = listed.all("access-control-expose-headers");
    assert_eq!((exposed.len(), cors(&listed).len()), (1, 2));
    assert_eq!(listed.all("vary"), ["Accept", "origin"]);
    for name in [
        "x-gateway-trace-id",
        "x-gateway-error",
        "x-gateway-cache-status",
        "x-gateway-provider",
        "retry-after",
    ] {
        assert!(
            exposed[0].split(", ").any(|exposed| exposed == name),
            "{name}"
        );
    }
}

#[test]
fn a_listed_origins_page_may_read_refusals_and_pages_too() {
    let (gateway, upstream) = (Gateway::with(LISTED), Upstream::ok());
    let lines = "Origin: http://localhost:3000\r\n";
    for raw in [
        bare("GET", "/v1/x", lines),
        bare("GET", "/nowhere", lines),
        bare("GET", "/gateway/nowhere", lines),
        bare("GET", "/gateway/metrics", lines),
        bare("GET", "/gateway/health/live", lines),
        to_host(
            "localhost",
            &upstream,
            &format!("{lines}x-gateway-cache-ttl: x\r\n"),
        ),
    ] {
        let response = gateway.exchange(&raw);
        assert_eq!(
            response.all("access-control-allow-origin"),
            ["http://localhost:3000"],
            "{raw}"
        );
        assert_eq!(response.all("vary"), ["origin"], "{raw}");
    }
}

#[test]
fn an_unlisted_origin_gets_no_cors_headers() {
    let gateway = Gateway::with(LISTED);
    let response = gateway.exchange(bare("GET", "/v1/x", "Origin: https://evil.example\r\n"));
    assert_eq!((response.status, cors(&response)), (403, Vec::new()));
}

#[test]
fn health_pages_need_no_listed_host_or_origin() {
    let gateway = Gateway::start();
    for page in ["/gateway/health/live", "/gateway/health/ready"] {
        for (host, lines) in [
            ("evil.example", ""),
            ("10.1.2.3:8787", ""),
            ("localhost", "Origin: https://evil.example\r\n"),
            ("pod.cluster.local", "Sec-Fetch-Site: cross-site\r\n"),
        ] {
            let raw = format!("GET {page} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
            let response = gateway.exchange(raw);
            assert_eq!(
                (response.status, cors(&response)),
                (200, Vec::new()),
                "{page} {host} {lines}"
            );
        }
    }
}

#[test]
fn allow_unauthenticated_lifts_the_host_rule_and_no_other() {
    let gateway = Gateway::with("allow_unauthenticated: true");
    let upstream = Upstream::ok();
    for host in ["evil.example", "10.0.0.1:8787", "gw.corp"] {
        gateway.forwards(&upstream, to_host(host, &upstream, ""));
        for lines in [
            "Origin: https://other.example\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
        ] {
            gateway.refuses(to_host(host, &upstream, lines), 403, "not_allowed");
        }
    }
}
