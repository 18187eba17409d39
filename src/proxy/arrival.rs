//! Is this request one the gateway may look at at all? Framing, browsers and paths, before any header of ours is read.
//! Pure: the request's head and the settings in, a verdict out.

use actix_http::{
    Method, RequestHead, Version,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    egress::has_dot_segment,
    error::{Code, GatewayError},
    upstream::BodyLength,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who may come in while no key is needed (contract of the guard, "Browsers").
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Names besides loopback's that `Host` may have; `None` lifts the rule, and then no origin is the gateway's own.
    pub hosts: Option<Vec<String>>,
    /// Origins whose pages may use the gateway.
    pub origins: Vec<String>,
}

/// How the gateway is asked to treat a browser's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// No browser, or a page of our own.
    Direct,
    /// A page of a listed origin: answers carry our `access-control-*`.
    ListedOrigin,
    /// A CORS preflight of a page that is let in, which the gateway answers.
    Preflight,
}

impl Door {
    /// The listed origin whose page sent the request, if one did.
    pub fn listed_origin(&self, head: &RequestHead) -> Option<HeaderValue> {
        let origin = head.headers().get(header::ORIGIN)?;
        let listed = self
            .origins
            .iter()
            .any(|listed| listed.as_bytes() == origin.as_bytes());
        listed.then(|| origin.clone())
    }

    /// Lets the request in, or says why not.
    pub fn admit(&self, head: &RequestHead) -> Result<Visitor, GatewayError> {
        let own_host = self.check_host(authority(head))?;
        let Some(origin) = head.headers().get(header::ORIGIN) else {
            return check_fetch_site(head.headers()).map(|()| Visitor::Direct);
        };
        let origin = origin.to_str().unwrap_or_default();
        let preflight = head.method == Method::OPTIONS
            && head
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if self.origins.iter().any(|listed| listed == origin) {
            Ok(if preflight {
                Visitor::Preflight
            } else {
                Visitor::ListedOrigin
            })
        } else if own_host.is_some_and(|host| host.serves(origin)) {
            Ok(if preflight {
                Visitor::Preflight
            } else {
                Visitor::Direct
            })
        } else {
            Err(GatewayError::new(
                Code::NotAllowed,
                "requests from web pages of this origin are not allowed; list it under `cors.origins`",
            ))
        }
    }

    /// Checks the name that the client asked for. `None`: any name is let in, so that this one proves nothing.
    fn check_host<'h>(&self, authority: &'h str) -> Result<Option<OwnHost<'h>>, GatewayError> {
        let Some(listed) = &self.hosts else {
            return Ok(None);
        };
        let name = host_of(authority).to_ascii_lowercase();
        let is_listed = |listed: &String| host_of(listed) == name;
        if is_loopback_name(&name) || listed.iter().any(is_listed) {
            return Ok(Some(OwnHost(authority)));
        }
        Err(GatewayError::new(
            Code::WrongHost,
            "this Host is neither a loopback name nor listed under `hosts`",
        ))
    }
}

/// An authority known to be this gateway's: a loopback name, or one that the settings list. Any other `Host` is whatever name
/// a stranger's page was loaded from (DNS rebinding), and says nothing of whose page it is.
#[derive(Clone, Copy)]
struct OwnHost<'a>(&'a str);

impl OwnHost<'_> {
    /// Pages of this origin come from this authority.
    fn serves(self, origin: &str) -> bool {
        origin
            .split_once("://")
            .is_some_and(|(_, host)| host.eq_ignore_ascii_case(self.0))
    }
}

/// The authority the client asked for: an absolute-form target's wins over `Host` (RFC 9112 §3.2.2).
pub fn authority(head: &RequestHead) -> &str {
    match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => head
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    }
}

fn host_of(authority: &str) -> &str {
    let host = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((literal, _)) => literal,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.strip_suffix('.').unwrap_or(host)
}

fn is_loopback_name(name: &str) -> bool {
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn check_fetch_site(headers: &HeaderMap) -> Result<(), GatewayError> {
    let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
    match site {
        Some(b"cross-site" | b"same-site") => Err(GatewayError::new(
            Code::NotAllowed,
            "requests that another site's page makes a browser send are not allowed",
        )),
        _ => Ok(()),
    }
}

/// The method is one the gateway forwards.
pub fn check_method(method: &Method) -> Result<(), GatewayError> {
    match *method {
        Method::CONNECT | Method::TRACE => Err(GatewayError::new(
            Code::MethodNotAllowed,
            "CONNECT and TRACE are not forwarded; every other method is",
        )),
        _ => Ok(()),
    }
}

/// What follows the prefix of the unified routes; nothing, for the target's base URL itself. Raw
/// bytes are compared: an encoded prefix is no route.
pub fn unified_path(path: &str) -> Result<&str, GatewayError> {
    path.strip_prefix("/v1")
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .ok_or_else(|| {
            GatewayError::new(
                Code::UnknownRoute,
                "no such route: API paths are /v1 and what starts with /v1/, the gateway's own \
                 pages start with /gateway/",
            )
        })
}

/// The path cannot climb out of the target's base path, however an upstream decodes it.
pub fn check_path(path: &str) -> Result<(), GatewayError> {
    // Most paths hold none of the bytes a dot segment is spelled with.
    let suspicious = path.bytes().any(|byte| matches!(byte, b'.' | b'%'));
    if suspicious && has_dot_segment(path.as_bytes()) {
        return Err(GatewayError::new(
            Code::InvalidPath,
            "the path has a `.` or `..` segment, plain or encoded",
        ));
    }
    Ok(())
}

/// How the request's body is framed, and whether it is a WebSocket handshake (RFC 6455 §4.1).
///
/// actix-http has refused ambiguous framing already (RFC 9112 §6.3). It takes any `Upgrade: websocket` for a tunnel,
/// whatever the method, so that a body behind one would have no end: refused here.
pub fn body_length(head: &RequestHead) -> Result<BodyLength, GatewayError> {
    let headers = head.headers();
    let length = headers.get(header::CONTENT_LENGTH);
    let websocket = headers.get_all(header::UPGRADE).any(|upgrade| {
        upgrade
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"websocket")
    });
    let exact = |value: &HeaderValue| value.to_str().ok()?.trim().parse().ok();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        if websocket {
            return Err(upgrade_with_body());
        }
        return Ok(BodyLength::Chunked);
    }
    let length = match length.map(exact) {
        None => BodyLength::None,
        Some(Some(length)) => BodyLength::Exact(length),
        Some(None) => {
            return Err(GatewayError::new(
                Code::InvalidHeader,
                "content-length is not a number",
            ));
        }
    };
    if !websocket {
        return Ok(length);
    }
    let asks = headers.get_all(header::CONNECTION).any(|value| {
        let tokens = value.as_bytes().split(|byte| *byte == b',');
        tokens
            .into_iter()
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let may_upgrade = head.method == Method::GET && head.version == Version::HTTP_11;
    match (length, asks) {
        (BodyLength::None | BodyLength::Exact(0), true) if may_upgrade => Ok(BodyLength::Tunnel),
        (BodyLength::None, false) => Ok(BodyLength::None),
        _ => Err(upgrade_with_body()),
    }
}

fn upgrade_with_body() -> GatewayError {
    GatewayError::new(
        Code::InvalidHeader,
        "`Upgrade: websocket` goes with a GET over HTTP/1.1 without a body; leave it out of other requests",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, uri: &str, lines: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::default();
        head.method = method;
        head.uri = uri.parse().expect(uri);
        for (name, value) in lines {
            head.headers.append(
                name.parse().expect("a name"),
                value.parse().expect("a value"),
            );
        }
        head
    }

    fn door() -> Door {
        Door {
            hosts: Some(vec!["gw.corp".into(), "[fd00::7]".into()]),
            origins: vec!["https://app.example".into()],
        }
    }

    #[test]
    fn only_the_prefix_itself_and_whole_segments_behind_it_are_unified_routes() {
        for (path, rest) in [
            ("/v1", Some("")),
            ("/v1/", Some("/")),
            ("/v1/chat/completions", Some("/chat/completions")),
            ("/v1//", Some("//")),
            ("/v1/v1", Some("/v1")),
            ("/v10", None),
            ("/v1;a", None),
            ("/v1%2Fx", None),
            ("/V1", None),
            ("/", None),
            ("", None),
            ("*", None),
        ] {
            let found = unified_path(path).map_err(|error| error.code);
            assert_eq!(found, rest.ok_or(Code::UnknownRoute), "{path}");
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
            let verdict = door().admit(&head(Method::GET, "/", &[("host", host)]));
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
            door().admit(&request).map_err(|error| error.code),
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
                door().admit(&request).map_err(|error| error.code),
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
            // Nothing but the Host rule says that `Host` is not the name of a stranger's page.
            Some(origin) if rule == HostRule::Holds && origin == format!("http://{host}") => {
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
        Lifted,
    }

    #[test]
    fn an_own_origin_counts_only_while_the_host_rule_holds() {
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
        for (rule, site) in
            sites.flat_map(|site| [HostRule::Holds, HostRule::Lifted].map(|rule| (rule, site)))
        {
            let door = match rule {
                HostRule::Holds => door(),
                HostRule::Lifted => Door {
                    hosts: None,
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
                let verdict = door.admit(&head(Method::GET, "/", &lines));
                assert_eq!(verdict.map_err(|error| error.code), wanted, "{case}");
                // A preflight is let in, and answered here, exactly where its request would be.
                lines.push(("access-control-request-method", "POST"));
                let verdict = door.admit(&head(Method::OPTIONS, "/", &lines));
                let wanted = match origin {
                    Some(_) => wanted.map(|_| Visitor::Preflight),
                    None => wanted,
                };
                assert_eq!(verdict.map_err(|error| error.code), wanted, "{case}");
            }
        }
    }

    #[test]
    fn a_handshake_is_told_from_a_body() {
        let upgrade = ("upgrade", "websocket");
        let asks = ("connection", "keep-alive, Upgrade");
        for (method, lines, expected) in [
            (Method::GET, &[upgrade, asks][..], Ok(BodyLength::Tunnel)),
            (Method::GET, &[upgrade], Ok(BodyLength::None)),
            (Method::POST, &[upgrade, asks], Err(Code::InvalidHeader)),
            (
                Method::POST,
                &[upgrade, asks, ("content-length", "5")],
                Err(Code::InvalidHeader),
            ),
            (
                Method::GET,
                &[upgrade, asks, ("content-length", "5")],
                Err(Code::InvalidHeader),
            ),
            (
                Method::POST,
                &[("content-length", "5")],
                Ok(BodyLength::Exact(5)),
            ),
            (
                Method::POST,
                &[("transfer-encoding", "chunked")],
                Ok(BodyLength::Chunked),
            ),
            (Method::GET, &[], Ok(BodyLength::None)),
            (
                Method::GET,
                &[("upgrade", "h2c"), asks],
                Ok(BodyLength::None),
            ),
        ] {
            let result = body_length(&head(method, "/", lines)).map_err(|error| error.code);
            assert_eq!(result, expected, "{lines:?}");
        }
    }
}
