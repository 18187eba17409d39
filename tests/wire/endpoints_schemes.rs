//! Pass-through endpoints: the operator's credential in the place of the caller's.

use crate::{
    credentials_schemes::{service_account, token_server},
    endpoints::{ask, gateway},
    support::Upstream,
};

/// Every scheme, and what of it arrives besides `x-kept: 1`; `SIGNED` stands for a signature.
const SCHEMES: [(&str, &str, &str); 7] = [
    (
        "bearer",
        "{ bearer: operator-a }",
        "authorization: Bearer operator-a",
    ),
    (
        "header",
        "{ header: { api_token: operator-b, x-c: operator-c } }",
        "api_token: operator-b",
    ),
    ("query", "{ query: { code: operator-d } }", ""),
    (
        "basic",
        "{ basic: { user: u, password: p } }",
        "authorization: Basic dTpw",
    ),
    (
        "aws_sigv4",
        "{ aws_sigv4: { access_key_id: AKID, secret_access_key: s, region: r, service: v } }",
        "SIGNED",
    ),
    (
        "google",
        "{ google: { service_account: ACCOUNT } }",
        "authorization: Bearer op-token-0",
    ),
    ("none", "", "authorization: Bearer caller-own"),
];

#[test]
fn every_scheme_replaces_the_callers_credentials_whatever_lines_cross() {
    let upstream = Upstream::ok();
    let mut endpoints = "endpoints:\n".to_owned();
    for (name, scheme, _) in SCHEMES {
        for (forward, lines) in [("all", "true"), ("few", "[x-kept, authorization]")] {
            let credential = match scheme {
                "" => String::new(),
                scheme => format!(", credential: {scheme}"),
            };
            endpoints += &format!(
                "  - {{ path: /{name}/{forward}, target: \"UP/v1?own=1\", \
                 forward_headers: {lines}{credential} }}\n"
            );
        }
    }
    let tokens = token_server();
    let endpoints = endpoints.replace("ACCOUNT", &service_account(&tokens));
    let gateway = gateway(&upstream, &endpoints);
    let callers = "Authorization: Bearer caller-own\r\nx-kept: 1\r\nx-amz-date: caller\r\n\
                   api_token: caller\r\nContent-Type: a/b\r\n";
    for (name, _, expected) in SCHEMES {
        for forward in ["all", "few"] {
            let path = format!("/{name}/{forward}/x?a=%2F&code=caller");
            let sent = gateway.forwards(&upstream, ask("POST", &path, callers, "{}"));
            let query = match name {
                "query" => "own=1&a=%2F&code=operator-d",
                _ => "own=1&a=%2F&code=caller",
            };
            assert_eq!(sent.line, format!("POST /v1/x?{query} HTTP/1.1"), "{path}");
            let shown = sent.shown();
            assert!(shown.contains(&"x-kept: 1".to_owned()), "{path}: {shown:?}");
            let authorization = sent.all("authorization");
            match expected {
                "SIGNED" => {
                    let [signature] = &authorization[..] else {
                        panic!("{path}: {authorization:?}");
                    };
                    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
                    assert!(
                        !sent.all("x-amz-date").contains(&"caller".to_owned()),
                        "{path}"
                    );
                }
                "" => assert!(authorization.is_empty(), "{path}: {authorization:?}"),
                line => assert!(shown.contains(&line.to_owned()), "{path}: {shown:?}"),
            }
            let own = shown
                .iter()
                .filter(|line| line.contains("caller-own"))
                .count();
            assert_eq!(own, usize::from(name == "none"), "{path}: {shown:?}");
        }
    }
}
