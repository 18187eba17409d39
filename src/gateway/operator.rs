//! Which requests may see or do what concerns the operator? Those with the admin token, with the
//! key of a viewer or an admin, or of a browser in which one of them signed in.

use actix_http::{
    RequestHead,
    header::{self, HeaderMap, HeaderValue},
};

use super::{
    Gateway,
    sessions::{SignedIn, digest},
};
use crate::{
    error::{Code, GatewayError},
    identity::{
        Identity,
        key::{Key, Role},
        token::GatewayKey,
    },
};

/// The cookie of a session.
pub const SESSION_COOKIE: &str = "throughway_session";

/// Who changes objects, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The admin token's holder, a key by id and name, or a user of this machine.
    pub name: String,
    /// `api` or `cli`.
    pub source: &'static str,
}

/// Who looks at or changes what concerns the operator.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub actor: Actor,
    pub role: Role,
    /// The session; `None`: the request itself has the token or the key.
    pub who: Option<SignedIn>,
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
        may_read
            || is_open
            || self.has_operators_token(headers)
            || self.session_viewer(headers).is_some()
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
        let viewer = self.viewer(head)?;
        if changes && viewer.who.is_some() {
            check_same_origin(head.headers())?;
        }
        match (viewer.role, changes) {
            (Role::Admin, _) | (Role::Viewer, false) => Ok(viewer.actor),
            (Role::Viewer, true) => Err(not_allowed(
                "the role viewer may read, and may not change anything",
            )),
            (Role::Member, _) => Err(not_allowed(NO_MEMBERS)),
        }
    }

    /// Who sends this request, if that is somebody who may read what concerns the operator.
    ///
    /// # Errors
    /// `invalid_gateway_key` for keys that are no good, `not_allowed` for all others.
    pub fn viewer(&self, head: &RequestHead) -> Result<Viewer, GatewayError> {
        if self.has_operators_token(head.headers()) {
            return Ok(Viewer::with_token(None));
        }
        if let Some(holder) = self.access.holder_of_page(head)? {
            return Viewer::with_key(&holder.key, None);
        }
        let of_session = self.session_viewer(head.headers());
        of_session.ok_or_else(|| match self.admin_token.is_some() {
            true => not_allowed("administration needs the admin token as Authorization: Bearer"),
            false => not_allowed(
                "administration is closed: the settings have no `admin_token`, and the request \
                 has no key with the role admin",
            ),
        })
    }

    /// Whom this token signs in: the admin token, the key of a viewer or an admin, or the code of a
    /// link, which is used up.
    ///
    /// # Errors
    /// `invalid_gateway_key` for keys that are no good, `not_allowed` for all others.
    pub fn who_signs_in(&self, token: &str) -> Result<SignedIn, GatewayError> {
        if let Some(admin_token) = &self.admin_token
            && admin_token.matches(token.as_bytes())
        {
            return Ok(SignedIn::Token(digest(token)));
        }
        if let Some(key) = GatewayKey::parse(token.as_bytes()) {
            let now = jiff::Timestamp::now();
            let holder = self.access.directory().resolve(&key, now)?;
            Viewer::with_key(&holder.key, None)?;
            return Ok(SignedIn::Key(holder.key.id));
        }
        match self.process.sessions.take_link(token) {
            true => Ok(SignedIn::Machine),
            false => Err(not_allowed(
                "this is neither the admin token, nor the key of a viewer or an admin, nor the \
                 code of a link that is still good",
            )),
        }
    }

    /// What a session may do now: a key may be blocked and a token changed since it began.
    ///
    /// # Errors
    /// `not_allowed`: nothing any more.
    pub fn viewer_of(&self, who: SignedIn) -> Result<Viewer, GatewayError> {
        let ended = || not_allowed("the session has ended: sign in again");
        match who {
            SignedIn::Token(of) => {
                let token = self.admin_token.as_ref();
                let is_same = token.is_some_and(|it| digest(it.expose()) == of);
                is_same
                    .then(|| Viewer::with_token(Some(who)))
                    .ok_or_else(ended)
            }
            SignedIn::Machine => Ok(Viewer {
                actor: Actor::by_api("console link".to_owned()),
                role: Role::Admin,
                who: Some(who),
            }),
            SignedIn::Key(id) => {
                let now = jiff::Timestamp::now();
                let holder = self.access.directory().key(id).ok_or_else(ended)?;
                let key = &holder.key;
                let is_past = key.expires.is_some_and(|it| it.is_past(now));
                match key.blocked || is_past {
                    true => Err(ended()),
                    false => Viewer::with_key(key, Some(who)),
                }
            }
        }
    }

    /// The session that a browser shows.
    pub fn session_id<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let lines = headers.get_all(header::COOKIE);
        let lines = lines.filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(|line| line.split(';'));
        cookies.find_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == SESSION_COOKIE).then_some(value)
        })
    }

    fn session_viewer(&self, headers: &HeaderMap) -> Option<Viewer> {
        let who = self.process.sessions.find(self.session_id(headers)?)?;
        self.viewer_of(who).ok()
    }

    /// Lets only those pass who may make links: with the admin token, or with the token that only
    /// the user of this machine can read who runs the gateway.
    ///
    /// # Errors
    /// `not_allowed` for all others.
    pub fn check_link_maker(&self, head: &RequestHead) -> Result<(), GatewayError> {
        let local = self.process.sessions.local_token();
        let is_local = presented(head.headers()).is_some_and(|it| local.matches(it));
        match is_local || self.has_operators_token(head.headers()) {
            true => Ok(()),
            false => Err(not_allowed("links are made by `throughway console`")),
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

const NO_MEMBERS: &str =
    "the gateway key has the role member; administration needs a viewer or an admin";

fn not_allowed(message: &'static str) -> GatewayError {
    GatewayError::new(Code::NotAllowed, message)
}

impl Viewer {
    fn with_token(who: Option<SignedIn>) -> Self {
        Viewer {
            actor: Actor::by_api("admin_token".to_owned()),
            role: Role::Admin,
            who,
        }
    }

    fn with_key(key: &Key, who: Option<SignedIn>) -> Result<Self, GatewayError> {
        match key.role {
            Role::Viewer | Role::Admin => Ok(Viewer {
                actor: Actor::by_api(format!("{} ({})", key.id, key.name)),
                role: key.role,
                who,
            }),
            Role::Member => Err(not_allowed(NO_MEMBERS)),
        }
    }
}

/// A change in a session must come from a page of our own, and a browser that says so: a cookie is
/// sent by itself.
fn check_same_origin(headers: &HeaderMap) -> Result<(), GatewayError> {
    let site = headers.get("sec-fetch-site");
    match site.map(HeaderValue::as_bytes) {
        Some(b"same-origin") => Ok(()),
        Some(_) | None => Err(not_allowed(
            "a change in a session must come from a page of the console",
        )),
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
