//! Is this request one the gateway may look at at all? Framing, browsers and paths, before any header of ours is read.
//! Pure: the request's head and the settings in, a verdict out.

#[cfg(test)]
mod tests;

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
    /// Names besides loopback's that `Host` may have; `None` lifts the rule, and then no origin is
    /// the gateway's own.
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

    /// Checks the name that the client asked for. `None`: any name is let in, so that this one
    /// proves nothing.
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

/// An authority known to be this gateway's: a loopback name, or one that the settings list. Any
/// other `Host` is whatever name a stranger's page was loaded from (DNS rebinding), and says
/// nothing of whose page it is.
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
