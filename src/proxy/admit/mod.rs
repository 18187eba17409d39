//! The first step: is this a request that the gateway serves, what does it ask for, and whose is
//! it? Reads the head only.

pub mod caller;
pub mod checks;
pub mod cors;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use actix_http::{Method, Payload, RequestHead, Response};
use bytes::Bytes;

use self::caller::{CallerCredentials, Peer};
use super::url;
use crate::{
    dialect::Generates,
    directives::{DirectiveError, Directives},
    downstream::{AbortReason, ClientConnection},
    error::GatewayError,
    gateway::{Gateway, Visitor},
    http::request_fields::RequestFields,
    memory::Share,
    upstream::{Asked, BodyLength, RequestBody},
};

/// Bodies up to this many bytes are kept until the first byte of a response, for the one retry on a
/// pooled connection that proved dead.
const KEPT_FOR_STALE_RETRY: usize = 64 * 1024;

/// A request that is served, and what it asks of the gateway.
pub struct Admitted<'a> {
    pub gateway: &'a Gateway,
    pub head: &'a RequestHead,
    pub fields: &'a RequestFields<'a>,
    pub directives: Directives,
    /// As the caller sent it.
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// The path after the gateway's prefix.
    pub rest: &'a str,
    pub presented: CallerCredentials<'a>,
    pub length: BodyLength,
    pub body: Rc<RefCell<RequestBody>>,
    /// The body asks for a stream, if a step has looked.
    pub says_stream: Cell<Option<bool>>,
}

/// How a request is served.
pub enum Admission<'a> {
    /// By a target.
    Admitted(Box<Admitted<'a>>),
    /// A CORS preflight, by the gateway itself.
    Preflight(Response<Bytes>),
}

/// Lets a request in.
///
/// # Errors
/// What the gateway does not serve: see [`Admitted::of`], pages of strangers, too many requests.
pub fn admit<'a>(
    gateway: &'a Gateway,
    head: &'a RequestHead,
    fields: &'a RequestFields<'a>,
    payload: Payload,
    directives: Result<Directives, DirectiveError>,
    connection: &Rc<ClientConnection>,
) -> Result<Admission<'a>, GatewayError> {
    gateway.check_in_flight()?;
    check_body_at_hand(connection)?;
    checks::check_method(&head.method)?;
    if gateway.door.admit(head, fields)? == Visitor::Preflight {
        return Ok(Admission::Preflight(cors::preflight(head)));
    }
    let admitted = Admitted::of(gateway, head, fields, payload, Some(connection), directives)?;
    if admitted.directives.dry_run {
        gateway.check_operator(head.headers(), "dry runs")?;
    }
    Ok(Admission::Admitted(Box::new(admitted)))
}

/// Refuses a request whose body is malformed as far as it came with the head, before anything is
/// made of it.
///
/// # Errors
/// 400 `invalid_body`.
pub fn check_body_at_hand(connection: &ClientConnection) -> Result<(), GatewayError> {
    match connection.malformed() {
        None => Ok(()),
        Some(why) => Err(AbortReason::BodyMalformed(why).into()),
    }
}

impl<'a> Admitted<'a> {
    /// Reads what a request says. `connection`: the connection that it came on, if it did.
    ///
    /// # Errors
    /// What the gateway does not take: framing, size, headers of its own, paths.
    pub fn of(
        gateway: &'a Gateway,
        head: &'a RequestHead,
        fields: &'a RequestFields<'a>,
        payload: Payload,
        connection: Option<&Rc<ClientConnection>>,
        directives: Result<Directives, DirectiveError>,
    ) -> Result<Self, GatewayError> {
        let length = checks::body_length(head, fields.framing)?;
        gateway.check_body_length(length)?;
        let directives = directives?;
        let (path, query) = url::split(raw_target(head));
        let rest = checks::unified_path(path)?;
        checks::check_path(path)?;
        fields.check_named()?;
        let placeholder = gateway.placeholder_credential(head.headers());
        let peer = connection.and_then(|connection| connection.peer());
        let peer = Peer {
            address: peer.map(|peer| peer.ip()),
            trusted_proxies: &gateway.trusted_proxies,
        };
        let presented =
            CallerCredentials::new(&gateway.known.credentials, head, query, placeholder, peer);
        let account = gateway.body_memory.account(presented.client());
        let body = RequestBody::new(payload, length, KEPT_FOR_STALE_RETRY, account)
            .limited_to(gateway.max_body)
            .supplied_by(connection.map(|connection| connection.supply()));
        Ok(Admitted {
            gateway,
            head,
            fields,
            directives,
            path,
            query,
            rest,
            presented,
            length,
            body: Rc::new(RefCell::new(body)),
            says_stream: Cell::new(None),
        })
    }

    /// Whose work it makes.
    pub fn client(&self) -> Share {
        self.body.borrow().account().share()
    }

    /// What of the request rules the framing of its response.
    pub fn asked(&self) -> Asked {
        match (&self.head.method, self.length) {
            (_, BodyLength::Tunnel) => Asked::Upgrade,
            (&Method::HEAD, _) => Asked::Head,
            _ => Asked::Ordinary,
        }
    }

    /// What it has generated, if its route is known to generate.
    pub fn generates(&self) -> Option<Generates> {
        match self.head.method {
            Method::POST => Generates::of(self.rest),
            _ => None,
        }
    }
}

fn raw_target(head: &RequestHead) -> &str {
    head.uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
}
