//! The first step: is this a request that the gateway serves, what does it ask for, and whose is
//! it? Reads the head only.

pub mod caller;
pub mod checks;
pub mod cors;
pub mod route;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use actix_http::{
    Method, Payload, RequestHead, Response,
    header::{CONTENT_TYPE, HeaderValue},
};
use bytes::Bytes;

use self::{
    caller::{CallerCredentials, Peer},
    route::Routed,
};
use crate::{
    dialect::Generates,
    directives::{DirectiveError, Directives},
    downstream::{AbortReason, ClientConnection},
    error::GatewayError,
    gateway::{Gateway, Visitor},
    http::request_fields::RequestFields,
    identity::{Identity, allow::Arrival},
    memory::Share,
    upstream::{Asked, BodyLength, RequestBody},
    usage::RequestReader,
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
    pub routed: Routed<'a>,
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

/// What a request brings besides its head.
pub struct Brought<'a> {
    pub payload: Payload,
    pub routed: Result<Routed<'a>, GatewayError>,
    pub directives: Result<Directives, DirectiveError>,
    /// The holder of its gateway key, or why it may not come in.
    pub holder: Result<Option<&'a Identity>, GatewayError>,
    /// The connection that it came on, if it did.
    pub connection: Option<&'a Rc<ClientConnection>>,
    /// It needs no key: an operator tests an endpoint.
    pub is_test: bool,
}

/// Lets a request in.
///
/// # Errors
/// What the gateway does not serve: see [`Admitted::of`], pages of strangers, too many requests.
pub fn admit<'a>(
    gateway: &'a Gateway,
    head: &'a RequestHead,
    fields: &'a RequestFields<'a>,
    brought: Brought<'a>,
) -> Result<Admission<'a>, GatewayError> {
    gateway.check_in_flight()?;
    if let Some(connection) = brought.connection {
        check_body_at_hand(connection)?;
    }
    checks::check_method(&head.method)?;
    // Where nobody needs a key, nothing else keeps the pages of other sites out.
    let door = match &brought.routed {
        Ok(routed) if routed.is_open() => &gateway.open_door,
        Ok(_) | Err(_) => &gateway.door,
    };
    if door.admit(head, fields)? == Visitor::Preflight {
        return Ok(Admission::Preflight(cors::preflight(head)));
    }
    let asks_dry_run = brought.directives.as_ref().is_ok_and(|it| it.dry_run);
    if asks_dry_run {
        let holder = brought.holder.as_ref().ok().copied().flatten();
        gateway.check_operator(head.headers(), holder, "dry runs")?;
    }
    let admitted = Admitted::of(gateway, head, fields, brought)?;
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

/// Reads what a request says of itself, for its record.
fn reader(head: &RequestHead) -> RequestReader {
    let target = head.uri.path_and_query();
    let content_type = head.headers().get(CONTENT_TYPE);
    RequestReader::new(
        target.map_or("/", |target| target.as_str()),
        content_type.map(HeaderValue::as_bytes).unwrap_or_default(),
    )
}

impl<'a> Admitted<'a> {
    /// Reads what a request says.
    ///
    /// # Errors
    /// What the gateway does not take: framing, size, headers of its own, paths, keys that do not
    /// open it or may not do this.
    pub fn of(
        gateway: &'a Gateway,
        head: &'a RequestHead,
        fields: &'a RequestFields<'a>,
        brought: Brought<'a>,
    ) -> Result<Self, GatewayError> {
        let Brought {
            payload,
            routed,
            directives,
            holder,
            connection,
            is_test,
        } = brought;
        let length = checks::body_length(head, fields.framing)?;
        gateway.check_body_length(length)?;
        let mut directives = directives?;
        let routed = routed?;
        let (path, query) = (routed.path, routed.query);
        checks::check_path(path)?;
        fields.check_named()?;
        let holder = holder?;
        let is_dry = directives.dry_run && gateway.has_operators_token(head.headers());
        let is_excused = is_test || is_dry;
        if !routed.is_open() && !is_excused {
            gateway.access.check_needed(holder)?;
        }
        let placeholder = gateway.placeholder_credential(head.headers());
        let peer = connection.and_then(|connection| connection.peer());
        let peer = Peer {
            address: peer.map(|peer| peer.ip()),
            trusted_proxies: &gateway.trusted_proxies,
        };
        let names = &gateway.known.credentials;
        let presented = CallerCredentials::new(names, head, query, holder, placeholder, peer);
        if let Some(holder) = holder {
            holder.check_arrival(&Arrival {
                method: head.method.as_str(),
                path,
                endpoint: routed.endpoint().map(|it| it.path.as_str()),
                client: presented.client(),
            })?;
            let metadata = directives.metadata.get_or_insert_default();
            holder.merge_metadata(metadata);
        }
        let account = gateway.process.body_memory.account(presented.client());
        let body = RequestBody::new(payload, length, KEPT_FOR_STALE_RETRY, account)
            .read_by(gateway.process.records.is_on().then(|| reader(head)))
            .limited_to(gateway.max_body)
            .supplied_by(connection.map(|connection| connection.supply()));
        Ok(Admitted {
            gateway,
            head,
            fields,
            directives,
            routed,
            presented,
            length,
            body: Rc::new(RefCell::new(body)),
            says_stream: Cell::new(None),
        })
    }

    /// The holder of its gateway key.
    pub fn holder(&self) -> Option<&'a Identity> {
        self.presented.holder
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
            Method::POST => Generates::of(self.routed.path),
            _ => None,
        }
    }
}
