//! Which requests are let in while no key is needed? The rules for `Host` and for browsers. Pure: a
//! request's head and the settings in, a verdict out.

use std::net::IpAddr;

use actix_http::{Method, RequestHead, header::HeaderValue};

use crate::{
    error::{Code, GatewayError},
    http::request_fields::RequestFields,
};

/// The rules for requests while no key is needed.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Names that are the gateway's besides loopback's. `None`: no origin is the gateway's own.
    pub hosts: Option<Vec<String>>,
    /// Other names are let in, too; pages that come from them are not the gateway's own.
    pub any_host: bool,
    /// Origins whose pages may use the gateway.
    pub origins: Vec<String>,
}

/// What kind of client sent the request, as far as browsers' rules are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// Not a browser, or one of the gateway's own pages.
    Direct,
    /// A page of a listed origin: responses carry our `access-control-*` headers.
    ListedOrigin,
    /// A CORS preflight of a listed origin, to which the gateway responds itself.
    Preflight,
}

impl Door {
    /// The listed origin whose page sent the request, if one did.
    pub fn listed_origin(&self, fields: &RequestFields<'_>) -> Option<HeaderValue> {
        let origin = fields.origin?;
        let listed = self
            .origins
            .iter()
            .any(|listed| listed.as_bytes() == origin.as_bytes());
        listed.then(|| origin.clone())
    }

    /// Lets the request in.
    pub fn admit(
        &self,
        head: &RequestHead,
        fields: &RequestFields<'_>,
    ) -> Result<Visitor, GatewayError> {
        let own_host = self.check_host(authority(head, fields))?;
        let Some(origin) = fields.origin else {
            return check_fetch_site(fields.sec_fetch_site).map(|()| Visitor::Direct);
        };
        let origin = origin.to_str().unwrap_or_default();
        let preflight = head.method == Method::OPTIONS && fields.asks_preflight;
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
                "requests from web pages of this origin are not allowed; list it under \
                 `cors.origins`",
            ))
        }
    }

    /// Checks the name that the client asked for. `None`: it is let in, and proves nothing.
    fn check_host<'h>(&self, authority: &'h str) -> Result<Option<OwnHost<'h>>, GatewayError> {
        let name = host_of(authority);
        let is_listed = |listed: &String| host_of(listed).eq_ignore_ascii_case(name);
        let is_own = |hosts: &Vec<String>| is_loopback_name(name) || hosts.iter().any(is_listed);
        if self.hosts.as_ref().is_some_and(is_own) {
            return Ok(Some(OwnHost(authority)));
        }
        if self.any_host {
            return Ok(None);
        }
        Err(GatewayError::new(
            Code::WrongHost,
            "this Host is neither a loopback name nor listed under `hosts`",
        ))
    }
}

/// An authority known to be this gateway's: a loopback name, or one that the settings list. Any
/// other `Host` may be the name of a foreign page (DNS rebinding), so it does not tell whose page
/// sent the request.
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

/// The authority that the client asked for. An absolute-form target takes precedence over `Host`
/// (RFC 9112 §3.2.2).
fn authority<'h>(head: &'h RequestHead, fields: &RequestFields<'h>) -> &'h str {
    match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => fields
            .host
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
        None => {
            let colon = memchr::memchr(b':', authority.as_bytes());
            &authority[..colon.unwrap_or(authority.len())]
        }
    };
    host.strip_suffix('.').unwrap_or(host)
}

fn is_loopback_name(name: &str) -> bool {
    const LOCALHOST: &str = ".localhost";
    let ending = name.len().checked_sub(LOCALHOST.len());
    let ending = ending.and_then(|at| name.get(at..));
    name.eq_ignore_ascii_case(&LOCALHOST[1..])
        || ending.is_some_and(|it| it.eq_ignore_ascii_case(LOCALHOST))
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn check_fetch_site(site: Option<&HeaderValue>) -> Result<(), GatewayError> {
    match site.map(HeaderValue::as_bytes) {
        Some(b"cross-site" | b"same-site") => Err(GatewayError::new(
            Code::NotAllowed,
            "requests that another site's page makes a browser send are not allowed",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
