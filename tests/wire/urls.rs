//! Paths and queries reach the upstream as the raw bytes the caller sent, after the target's own
//! path. Paths that could leave the target's path are refused, and paths that are no route are not
//! forwarded.

use crate::support::{Gateway, Upstream, message::request};

/// A request for this target, with this after the upstream's origin as custom host.
fn raw(upstream: &Upstream, base: &str, target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {}{base}\r\n\r\n",
        upstream.url()
    )
}

#[test]
fn path_and_query_cross_byte_for_byte() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for after_v1 in [
        "/",
        "/chat/completions",
        "/files/a%2Fb/content",
        "/files/a%2fb%2F%2f",
        "/models/org%2Fmodel:generateContent",
        "//",
        "//double//slashes//",
        "/x/",
        "/a+b%20c",
        "/a;v=1/b;w=2",
        "/%C3%A9%ff%00%FE",
        "/%zz%",
        "/...",
        "/.well-known/a..b/..c",
        "/a:b@c!d$e&f'g(h)i*j,k=l~m_n-o.p",
        "/[x]|{y}^\"z\"",
        "/back\\slash",
        "/x?",
        "/x??",
        "/x?a",
        "/x?a=",
        "/x?=b",
        "/x?a=1&a=2&a=1",
        "/x?&&a=1&&",
        "/x?a=b=c==",
        "/x?q=a+b%20c%2B",
        "/x?q=%ff%fe&%00=%0a",
        "/x?a;b;c",
        "/x?next=/../y&z=..",
        "/x?u=http://h/p?q",
        "/x?key=sk&alt=sse",
        "/x?j={'a':[1,2]}|^`~()*!\\",
        "/v1/v1",
    ] {
        let sent = gateway.forwards(&upstream, raw(&upstream, "/v1", &format!("/v1{after_v1}")));
        assert_eq!(sent.line, format!("GET /v1{after_v1} HTTP/1.1"));
    }
}

#[test]
fn the_base_comes_first_and_keeps_its_own_bytes() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (base, target, line) in [
        ("", "/v1/x", "/x"),
        ("/", "/v1/x", "/x"),
        ("", "/v1/", "/"),
        ("/v1", "/v1/x", "/v1/x"),
        ("/v1/", "/v1/x", "/v1/x"),
        ("/v1//", "/v1/x", "/v1//x"),
        ("/openai/v1", "/v1/x", "/openai/v1/x"),
        ("/a%2Fb/%C3%A9;p", "/v1/x", "/a%2Fb/%C3%A9;p/x"),
        ("/v1", "/v1/", "/v1/"),
        ("/v1?api-version=1", "/v1/x", "/v1/x?api-version=1"),
        ("/v1?api-version=1", "/v1/x?a=2", "/v1/x?api-version=1&a=2"),
        ("/v1/?a=1&a=", "/v1/x?a=1&b", "/v1/x?a=1&a=&a=1&b"),
        ("/v1?a=%2F+", "/v1/x?b=%2F+", "/v1/x?a=%2F+&b=%2F+"),
        ("?k=v", "/v1/x", "/x?k=v"),
        ("/v1?", "/v1/x?a", "/v1/x?a"),
        // Nothing behind the prefix: the base itself.
        ("/v1", "/v1", "/v1"),
        ("/v1/", "/v1", "/v1"),
        ("/v1/chat/completions", "/v1", "/v1/chat/completions"),
        ("/v1", "/v1?x=1", "/v1?x=1"),
        ("/v1", "/v1?", "/v1?"),
        ("/a?api-version=1", "/v1?x=1", "/a?api-version=1&x=1"),
        ("/a?api-version=1", "/v1", "/a?api-version=1"),
        ("", "/v1", "/"),
        ("/", "/v1", "/"),
        ("", "/v1?x=1", "/?x=1"),
        ("?k=v", "/v1?x=1", "/?k=v&x=1"),
    ] {
        let sent = gateway.forwards(&upstream, raw(&upstream, base, target));
        assert_eq!(sent.line, format!("GET {line} HTTP/1.1"), "{base} {target}");
    }
}

#[test]
fn the_default_target_is_joined_the_same_way() {
    let upstream = Upstream::ok();
    let gateway = Gateway::with(&format!("default_target: \"{}/base/v1/\"", upstream.url()));
    let sent = gateway.forwards(
        &upstream,
        "GET /v1/a%2Fb?c HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert_eq!(sent.line, "GET /base/v1/a%2Fb?c HTTP/1.1");
    let sent = gateway.forwards(&upstream, "GET /v1?c HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(sent.line, "GET /base/v1?c HTTP/1.1");
}

#[test]
fn a_dot_segment_in_any_spelling_is_refused() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for path in [
        "/v1/..",
        "/v1/.",
        "/v1/../x",
        "/v1/./x",
        "/v1/x/..",
        "/v1/x/.",
        "/v1/x/../../y?q",
        "/v1//../x",
        "/v1/%2e%2e/x",
        "/v1/%2E%2E/x",
        "/v1/.%2e/x",
        "/v1/%2e/x",
        "/v1/%252e%252e/x",
        "/v1/%25252e%25252E/x",
        "/v1/%25%32%65%25%32%65/x",
        "/v1/%%32e%%32e/x",
        "/v1/x%2f..%2fy",
        "/v1/x%2F%2e%2e",
        "/v1/x%5c..%5cy",
        "/v1/x%255C..%255Cy",
        "/v1/x\\..\\y",
        "/v1/..\\x",
        "/v1/..;/x",
        "/v1/..;a=b/x",
        "/v1/..%3b/x",
        "/v1/.;/x",
        "/v1/%2e%2e%253bx/y",
        "http://localhost/v1/../x",
    ] {
        let response = gateway.refuses(raw(&upstream, "/v1", path), 400, "invalid_path");
        assert!(response.text().contains("segment"), "{path}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn only_the_raw_prefix_is_a_route() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for path in [
        "/",
        "/v1%3Fa=1",
        "/V1",
        "/V1/x",
        "/v1%2Fx",
        "/v1%2fx",
        "/%76%31/x",
        "//v1/x",
        "/v2/x",
        "/v10/x",
        "/v1;/x",
        "/v1\\x",
        "/v1;",
        "/v1.",
        "/v10",
        "/x/v1/",
        "/%67ateway/health/live",
        "/gateway%2Fhealth/live",
        "/gateway",
        "//gateway/health/live",
        "/Gateway/health/live",
        "/gateway/health%2Flive",
        "/gateway/%68ealth/live",
        "/gateway/../v1/x",
        "/gateway/%2e%2e/v1/x",
        "*",
    ] {
        gateway.refuses(raw(&upstream, "/v1", path), 404, "unknown_route");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_fragment_is_no_part_of_a_request_target() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let sent = gateway.forwards(&upstream, raw(&upstream, "/v1", "/v1/x?a=1#frag"));
    assert_eq!(sent.line, "GET /v1/x?a=1 HTTP/1.1");
}

#[test]
fn a_long_path_and_query_cross_whole() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let target = format!("/v1/{}?q={}", "p".repeat(20_000), "%41+".repeat(10_000));
    gateway.forwards(&upstream, request("GET", &target, &upstream, "", ""));
    let got = &upstream.requests()[0];
    assert!(got.starts_with(format!("GET {target} HTTP/1.1\r\n").as_bytes()));
}

/// The `http` crate's reading of a path or query. Clients have to encode these anyway (RFC 3986
/// section 2); what matters is that none of them crosses changed.
#[test]
fn what_no_uri_may_hold_is_refused_before_it_is_a_request() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for target in [
        &b"/v1/`x"[..],
        b"/v1/<x>",
        b"/v1/x?<y>",
        b"/v1/x?\"y\"",
        b"/v1/caf\xc3\xa9",
        b"/v1/\xff",
        b"/v1/x?\xe2\x82\xac",
        b"/v1/x y",
        b"/v1/x\ty",
        b"v1/x",
    ] {
        let whole = raw(&upstream, "/v1", "TARGET").into_bytes();
        let (before, after) = whole.split_at("GET ".len());
        let after = &after["TARGET".len()..];
        let response = gateway.exchange([before, target, after].concat());
        assert_eq!(response.status, 400, "{}", target.escape_ascii());
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn characters_that_must_be_encoded_are_those_that_the_limits_page_lists() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let is_refused = |target: &str| {
        let raw = request("GET", target, &upstream, "", "");
        gateway.exchange(raw).status == 400
    };
    let refused = |before: &str| -> String {
        // These two end the path, or the target.
        let characters = (0x21..=0x7e_u8).map(char::from);
        let characters = characters.filter(|it| !matches!(it, '?' | '#'));
        let each = characters.filter(|it| is_refused(&format!("{before}{it}b")));
        each.collect()
    };
    assert_eq!([refused("/v1/a"), refused("/v1/a?x=")], ["<>`", "\"<>"]);
    for other in ["\u{7f}", "\u{1}", "é"] {
        assert!(is_refused(&format!("/v1/a{other}b")), "{other:?}");
    }
}
