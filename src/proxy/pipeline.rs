//! A request's life, top to bottom: arrive → plan → vet → send → relay. Every step may end it with a [`GatewayError`].
//! No other file calls two of these steps.

use std::{cell::RefCell, rc::Rc};

use actix_http::{Method, Request, Response};
use bytes::Bytes;

use super::{
    Line, arrival, cors,
    headers::{Hop, RequestHead},
    plan::Plan,
    relay::Relaying,
    url, watched,
};
use crate::{
    directives::{DirectiveError, Directives},
    downstream::Link,
    error::{Code, GatewayError},
    record::Recorder,
    upstream::{Asked, BodyLength, Call, RequestBody, Upstream},
};

/// Bodies up to this many bytes are kept until the first byte of an answer, for the one retry on a pooled connection that
/// proved dead.
const KEPT_FOR_STALE_RETRY: usize = 64 * 1024;

/// What the client gets.
pub enum Reply {
    /// An upstream's answer, as it comes.
    Relay(Relaying),
    /// An answer of the gateway's own that is no error.
    Own(Response<Bytes>),
}

/// Serves one request.
pub async fn run<U: Upstream>(
    line: &Line<U>,
    request: Request,
    directives: Result<Directives, DirectiveError>,
    recorder: &mut Recorder,
    link: &Rc<Link>,
) -> Result<Reply, GatewayError> {
    let gateway = &line.gateway;
    let (head, payload) = request.into_parts();

    // Arrive: is it one we may look at, and what does it ask of us?
    arrival::check_method(&head.method)?;
    let visitor = gateway.door.admit(&head)?;
    if visitor == arrival::Visitor::Preflight {
        return Ok(Reply::Own(cors::preflight(&head)));
    }
    let length = arrival::body_length(&head)?;
    gateway.check_body_length(length)?;
    let directives = directives?;

    // Plan: where does it go, and what is the path there?
    let raw_target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let (path, query) = url::split(raw_target);
    let rest = arrival::unified_path(path)?;
    arrival::check_path(path)?;
    let plan = Plan::choose(directives, gateway.default_target.as_deref())?;
    recorder.note_provider(plan.provider());

    // Vet: resolve once, judge every address. Only what comes out can be dialled.
    link.set_deadline(None);
    let mut timeout = watched::RequestTimeout::start(plan.request_timeout());
    let vetting = line.targets.vet(&plan);
    let target = watched::dropped_when_gone(link, &mut timeout, vetting).await??;
    recorder.note_origin(target.vetted.origin());

    // Send: the head with our framing, the body as it comes.
    let hop = Hop::of(head.headers(), gateway.portkey).map_err(|_| {
        GatewayError::new(Code::InvalidHeader, "`connection` names too many fields")
    })?;
    let added = gateway.added_lines(&head, link.peer())?;
    let wire_head = RequestHead {
        method: &head.method,
        target: &url::request_target(&target.base, rest, query),
        authority: target.vetted.authority(),
        headers: head.headers(),
        hop,
        length,
        withheld: gateway.placeholder_credential(head.headers()),
        added: &added,
    }
    .encode();
    let body = RequestBody::new(payload, length, KEPT_FOR_STALE_RETRY).limited_to(gateway.max_body);
    let call = Call {
        target: target.vetted.clone(),
        head: wire_head,
        asked: asked(&head.method, length),
        body: Rc::new(RefCell::new(body)),
        idempotent: head.method.is_idempotent() || head.headers().contains_key("idempotency-key"),
        connect_timeout: gateway.timeouts.connect,
    };
    let answer = watched::for_head(
        link,
        &call,
        gateway,
        &mut timeout,
        recorder.ends_at(gateway.timeouts.total),
        line.upstream.send(&call),
    )
    .await
    .inspect_err(|_| recorder.note_bytes_in(call.body.borrow().bytes_read()))?;
    recorder.note_head(answer.head.status.as_u16());

    // Relay: the head with our reply headers, the body chunk by chunk; `relay` sees it to its end.
    Ok(Reply::Relay(Relaying {
        answer,
        request_body: call.body,
        asked: call.asked,
        http10: head.version == actix_http::Version::HTTP_10,
        provider: plan.provider().clone(),
        wants_upgrade: length == BodyLength::Tunnel,
        server_timing: gateway.server_timing,
    }))
}

fn asked(method: &Method, length: BodyLength) -> Asked {
    match (method, length) {
        (_, BodyLength::Tunnel) => Asked::Upgrade,
        (&Method::HEAD, _) => Asked::Head,
        _ => Asked::Ordinary,
    }
}
