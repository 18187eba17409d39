//! Which requests may see or do what concerns the operator? Those with the admin token.

use actix_http::header::{self, HeaderMap};

use super::Gateway;
use crate::{
    error::{Code, GatewayError},
    identity::Identity,
};

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

    /// Lets only requests with the admin token pass; none, where the settings have no token.
    ///
    /// # Errors
    /// `not_allowed` for all others.
    pub fn check_admin(&self, headers: &HeaderMap) -> Result<(), GatewayError> {
        match (&self.admin_token, presented(headers)) {
            (Some(token), Some(presented)) if token.matches(presented) => Ok(()),
            (Some(_), _) => {
                let message = "administration needs the admin token as Authorization: Bearer";
                Err(GatewayError::new(Code::NotAllowed, message))
            }
            (None, _) => {
                let message = "administration is closed: the settings have no `admin_token`";
                Err(GatewayError::new(Code::NotAllowed, message))
            }
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
