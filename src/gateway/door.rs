//! Who may come in while no key is needed: the rules for `Host` and for browsers. Pure: a request's
//! head and the settings in, a verdict out.

use actix_http::{
    Method, RequestHead,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use crate::error::{Code, GatewayError};

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

#[cfg(test)]
mod tests;
