//! Which requests may see or do what concerns the operator? Those with the admin token.

use actix_http::{
    RequestHead,
    header::{self, HeaderMap, HeaderValue},
};

use super::Gateway;
use crate::{
    error::{Code, GatewayError},
    identity::{Identity, key::Role},
};

/// Who changes objects, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The admin token's holder, a key by id and name, or a user of this machine.
    pub name: String,
    /// `api` or `cli`.
    pub source: &'static str,
}

impl Actor {
    fn by_api(name: String) -> Self {
        let source = "api";
        Actor { name, source }
    }

    /// A user of this machine who runs a command.
    pub fn at_terminal(name: String) -> Self {
        let source = "cli";
        Actor { name, source }
    }
}

impl Gateway {
    /// The request may see what concerns the operator: it has the admin token or the key of a
    /// viewer, or there is no token and the gateway listens on loopback only.
    pub fn admits_operator(&self, headers: &HeaderMap, holder: Option<&Identity>) -> bool {
        let may_read = holder.is_some_and(|it| it.key.role.may_read_admin());
        let is_open = self.admin_token.is_none() && self.on_loopback;
        may_read || is_open || self.has_operators_token(headers)
    }

    /// The request has the admin token.
    pub fn has_operators_token(&self, headers: &HeaderMap) -> bool {
        let token = self.admin_token.as_ref();
        token.is_some_and(|token| presented(headers).is_some_and(|it| token.matches(it)))
    }

    /// The settings have an admin token, without which no operator's page is served.
    pub fn has_admin_token(&self) -> bool {
        self.admin_token.is_some()
    }

    /// Lets only requests pass that may use the admin API; `changes`: which also may change.
    ///
    /// # Errors
    /// `invalid_gateway_key` for keys that are no good, `not_allowed` for all others.
    pub fn check_admin(&self, head: &RequestHead, changes: bool) -> Result<Actor, GatewayError> {
        if self.has_operators_token(head.headers()) {
            return Ok(Actor::by_api("admin_token".to_owned()));
        }
        let refuse = |message| Err(GatewayError::new(Code::NotAllowed, message));
        let key = match self.access.holder_of_page(head)? {
            Some(holder) => &holder.key,
            None if self.admin_token.is_some() => {
                return refuse("administration needs the admin token as Authorization: Bearer");
            }
            None => {
                return refuse(
                    "administration is closed: the settings have no `admin_token`, and the \
                     request has no key with the role admin",
                );
            }
        };
        match (key.role, changes) {
            (Role::Admin, _) | (Role::Viewer, false) => {
                Ok(Actor::by_api(format!("{} ({})", key.id, key.name)))
            }
            (Role::Viewer, true) => {
                refuse("the gateway key has the role viewer, which may read and not change")
            }
            (Role::Member, _) => refuse(
                "the gateway key has the role member; administration needs a viewer or an admin",
            ),
        }
    }

    /// Lets only requests pass that may see what concerns the operator.
    ///
    /// # Errors
    /// `not_allowed` for all others.
    pub fn check_operator(
        &self,
        headers: &HeaderMap,
        holder: Option<&Identity>,
        what: &str,
    ) -> Result<(), GatewayError> {
        match self.admits_operator(headers, holder) {
            true => Ok(()),
            false => {
                let message = format!(
                    "{what} need the admin token (`admin_token` in the settings) as \
                     Authorization: Bearer, or the key of a viewer or an admin"
                );
                Err(GatewayError::new(Code::NotAllowed, message))
            }
        }
    }
}

/// Changes that a browser sends must be of our own pages (RFC 6454 calls them same-origin).
///
/// # Errors
/// `not_allowed` for those of other pages.
pub fn check_fetch_site(headers: &HeaderMap) -> Result<(), GatewayError> {
    let site = headers.get("sec-fetch-site");
    match site.map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => {
            let message = "web pages of other origins may not change anything here";
            Err(GatewayError::new(Code::NotAllowed, message))
        }
    }
}

/// The bearer token that a request has for the gateway itself.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?;
    bearer(value.as_bytes())
}

/// The token of `Authorization: Bearer`; the scheme in any case (RFC 9110 §11.1).
pub fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: usize = "Bearer ".len();
    let (scheme, token) = value.split_at_checked(SCHEME)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}
