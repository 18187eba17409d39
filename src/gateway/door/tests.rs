//! Who is let in, as tables: hosts and origins.

use actix_http::header;

use super::*;
use crate::http::sample::head;

fn admit(door: &Door, head: &RequestHead) -> Result<Visitor, GatewayError> {
    door.admit(head, &RequestFields::of(head.headers(), |_| false))
}

fn door() -> Door {
    Door {
        hosts: Some(vec!["gw.corp".into(), "[fd00::7]".into()]),
        any_host: false,
        origins: vec!["https://app.example".into()],
    }
}

#[test]
fn only_loopback_names_and_listed_hosts_are_let_in() {
    for (host, admitted) in [
        ("localhost:8787", true),
        ("LOCALHOST", true),
        ("a.localhost", true),
        ("127.0.0.1:1", true),
        ("[::1]:8787", true),
        ("gw.corp:80", true),
        ("localhost.:1", true),
        ("[::ffff:127.0.0.1]", true),
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("", false),
        ("10.0.0.1", false),
    ] {
        let verdict = admit(&door(), &head(Method::GET, "/", &[("host", host)]));
        assert_eq!(verdict.is_ok(), admitted, "{host}");
    }
}

#[test]
fn an_absolute_target_decides_instead_of_host() {
    let request = head(
        Method::GET,
        "http://evil.example/v1/x",
        &[("host", "localhost")],
    );
    assert_eq!(
        admit(&door(), &request).map_err(|error| error.code),
        Err(Code::WrongHost)
    );
}

#[test]
fn pages_of_other_origins_are_kept_out() {
    for (lines, verdict) in [
        (
            &[("origin", "https://app.example")][..],
            Ok(Visitor::ListedOrigin),
        ),
        (&[("origin", "http://localhost:8787")], Ok(Visitor::Direct)),
        (
            &[("access-control-request-method", "PUT")],
            Ok(Visitor::Direct),
        ),
        (&[("origin", "https://evil.example")], Err(Code::NotAllowed)),
        (&[("origin", "null")], Err(Code::NotAllowed)),
        (&[("sec-fetch-site", "cross-site")], Err(Code::NotAllowed)),
        (&[("sec-fetch-site", "same-site")], Err(Code::NotAllowed)),
        (&[("sec-fetch-site", "none")], Ok(Visitor::Direct)),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.example"),
            ],
            Ok(Visitor::ListedOrigin),
        ),
    ] {
        let mut request = head(Method::GET, "/", lines);
        request
            .headers
            .insert(header::HOST, "localhost:8787".parse().expect("a value"));
        assert_eq!(
            admit(&door(), &request).map_err(|error| error.code),
            verdict,
            "{lines:?}"
        );
    }
}

/// What the rules for browsers come to, told without the code's own functions.
fn expected(
    rule: HostRule,
    (host, is_known): (&str, bool),
    origin: Option<&str>,
    site: Option<&str>,
) -> Result<Visitor, Code> {
    if rule == HostRule::Holds && !is_known {
        return Err(Code::WrongHost);
    }
    match origin {
        Some("https://app.example") => Ok(Visitor::ListedOrigin),
        // Any other `Host` may be the name of a stranger's page.
        Some(origin)
            if rule != HostRule::Lifted && is_known && origin == format!("http://{host}") =>
        {
            Ok(Visitor::Direct)
        }
        Some(_) => Err(Code::NotAllowed),
        None if matches!(site, Some("cross-site" | "same-site")) => Err(Code::NotAllowed),
        None => Ok(Visitor::Direct),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostRule {
    Holds,
    /// A key is needed: other hosts are let in.
    Keys,
    /// Nobody needs a key, wherever the gateway listens.
    Lifted,
}

#[test]
fn an_own_origin_counts_only_where_the_host_is_known_to_be_ours() {
    let hosts = [
        ("localhost:8787", true),
        ("127.0.0.1:8787", true),
        ("gw.corp", true),
        ("[fd00::7]:8787", true),
        ("evil.com:8787", false),
        ("evil.com", false),
    ];
    let origins = [
        None,
        Some("https://app.example"),
        Some("http://localhost:8787"),
        Some("http://127.0.0.1:8787"),
        Some("http://gw.corp"),
        Some("http://evil.com:8787"),
        Some("http://evil.com"),
        Some("https://other.example"),
        Some("null"),
    ];
    let sites = ["none", "same-origin", "same-site", "cross-site"];
    let sites = [None].into_iter().chain(sites.map(Some));
    let rules = [HostRule::Holds, HostRule::Keys, HostRule::Lifted];
    for (rule, site) in sites.flat_map(|site| rules.map(|rule| (rule, site))) {
        let door = match rule {
            HostRule::Holds => door(),
            HostRule::Keys => Door {
                any_host: true,
                ..door()
            },
            HostRule::Lifted => Door {
                hosts: None,
                any_host: true,
                ..door()
            },
        };
        for (host, origin) in hosts.iter().flat_map(|host| origins.map(|it| (*host, it))) {
            let named = [("origin", origin), ("sec-fetch-site", site)];
            let named = named
                .iter()
                .filter_map(|(name, value)| Some((*name, (*value)?)));
            let mut lines = vec![("host", host.0)];
            lines.extend(named);
            let case = format!("{rule:?} {lines:?}");
            let wanted = expected(rule, host, origin, site);
            let verdict = admit(&door, &head(Method::GET, "/", &lines));
            assert_eq!(verdict.map_err(|error| error.code), wanted, "{case}");
            // A preflight is let in, and answered here, exactly where its request would be.
            lines.push(("access-control-request-method", "POST"));
            let verdict = admit(&door, &head(Method::OPTIONS, "/", &lines));
            let wanted = match origin {
                Some(_) => wanted.map(|_| Visitor::Preflight),
                None => wanted,
            };
            assert_eq!(verdict.map_err(|error| error.code), wanted, "{case}");
        }
    }
}
