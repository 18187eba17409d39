//! A request's life, top to bottom: arrive → plan → limit → prepare (read) → cache → drive (vet →
//! send) → relay. Every step may end it with a [`GatewayError`]. No other file calls two of these
//! steps.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use actix_http::{Method, Request, RequestHead, Response, header::HeaderName};
use bytes::Bytes;

use super::{
    Line, arrival,
    caching::Looked,
    cors,
    drive::{self, Errand, StreamSaid},
    limits::Counted,
    prepare::{Arrived, Prepared},
    relay::{Answering, Expected, Relaying},
    whole,
};
use crate::{
    cache::answer::StoredAnswer,
    dialect::Generates,
    directives::{DirectiveError, Directives},
    downstream::Link,
    error::GatewayError,
    rate_limit::Lease,
    record::Recorder,
    upstream::{Asked, BodyLength, Upstream},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the client gets.
pub enum Reply {
    /// An upstream's answer, as it comes.
    Relay(Box<Relaying>),
    /// An answer that was kept. Its places among the requests under way are its own to hold.
    Again {
        answer: Arc<StoredAnswer>,
        leases: Vec<Lease>,
    },
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
    let head: &RequestHead = &head;

    // Arrive: is it one we may look at, and what does it ask of us?
    gateway.check_in_flight()?;
    whole::check_body_at_hand(link)?;
    arrival::check_method(&head.method)?;
    let visitor = gateway.door.admit(head)?;
    if visitor == arrival::Visitor::Preflight {
        return Ok(Reply::Own(cors::preflight(head)));
    }
    let arrived = Arrived::of(gateway, head, payload, Some(link), directives)?;
    let (directives, body, length) = (&arrived.directives, &arrived.body, arrived.length);
    if directives.dry_run {
        gateway.check_operator(head.headers(), "dry runs")?;
    }

    // Plan: which targets, in which order? The body is read first only where it decides, or is edited.
    link.set_deadline(None);
    let plan = arrived.plan(&line.plans, link).await?;

    // Limit: is there room for one more of the kind?
    let counted = Counted {
        limiter: &gateway.limits.limiter,
        presented: &arrived.presented,
        metadata: directives.metadata.as_ref(),
    };
    let leases = match directives.dry_run {
        true => Vec::new(),
        false => {
            let limits = gateway.limits.requests.iter().chain(&plan.limits);
            let (room, leases) = counted.admit(limits, "").await;
            recorder.note_room(room);
            leases?
        }
    };

    // Prepare: which target is the first, and under which key would the cache have it?
    let prepared = arrived.prepare(&plan, link, recorder.received()).await?;
    if directives.dry_run {
        let explained = prepared.explained(&arrived, &line.targets);
        return Ok(Reply::Own(explained.answer().await));
    }
    let Prepared {
        outside,
        attempts,
        first,
        cached,
    } = prepared;

    let asked = asked(&head.method, length);
    let route = Generates::of(arrived.rest).filter(|_| head.method == Method::POST);
    let relay = |answering, strict, leases| {
        Reply::Relay(Box::new(Relaying {
            answering,
            leases,
            request_body: body.clone(),
            asked,
            expected: Expected { route, strict },
            http10: head.version == actix_http::Version::HTTP_10,
            wants_upgrade: length == BodyLength::Tunnel,
            server_timing: gateway.server_timing,
        }))
    };
    // Cache: has the same been asked before?
    let mut keeping = None;
    if let Some((cacheable, key)) = cached {
        let refresh = directives.cache.force_refresh == Some(true);
        let looked = cacheable.look(key, directives, link).await?;
        recorder.note_cache(looked.status(refresh));
        if let Looked::Found(_) | Looked::Joined(_) = looked {
            // Who joins is told by the one who was sent.
            let given_by = match &looked {
                Looked::Found(answer) => answer.head().given_by(),
                _ => None,
            };
            let target = given_by.and_then(|it| plan.target_of(it));
            let target = target.unwrap_or_else(|| plan.target(first.target));
            recorder.note_route(target.route(outside.withheld(target)));
            let mut body = body.borrow_mut();
            recorder.note_bytes_in(body.bytes_read());
            body.discard();
        }
        match looked {
            Looked::Nowhere(_) => {}
            Looked::Found(answer) => return Ok(Reply::Again { answer, leases }),
            Looked::Joined(joined) => {
                let joined = joined?;
                let strict = plan.ends_strictly(joined.head.route.as_ref());
                return Ok(relay(Answering::Joined(joined), strict, leases));
            }
            Looked::Missed(Ok(it)) => {
                link.set_audience(Some(it.flight().clone()));
                keeping = Some(it);
            }
            Looked::Missed(Err(reason)) => recorder.note_not_kept(reason),
        }
    }

    // Drive: vet and send, until an answer is good or nothing is left to try.
    let waiting = (!directives.names_target()).then(|| gateway.loops.wait(head, length));
    let errand = Errand {
        line,
        link,
        plan: &plan,
        head,
        rest: arrived.rest,
        query: arrived.query,
        hop: &arrived.hop,
        added: gateway.added_lines(head, link.peer(), waiting.as_ref())?,
        asked,
        idempotent: head.method.is_idempotent() || head.headers().contains_key(&IDEMPOTENCY_KEY),
        body: body.clone(),
        request_timeout: directives.request_timeout,
        stream_said: RefCell::new(StreamSaid::of(arrived.says_stream.get())),
        outside,
        counted,
        attempts: RefCell::new(attempts),
        recorder: RefCell::new(recorder),
        in_flight: Cell::default(),
        told: Cell::default(),
    };
    let opened = errand.run(first).await;
    drop(waiting);
    // From here on the answer goes its own way, with or without this client.
    link.set_audience(None);
    let ends_at = opened
        .as_ref()
        .ok()
        .and_then(|opened| errand.outside.ends_at(plan.target(opened.send.target)));
    drop(errand);
    recorder.note_bytes_in(body.borrow().bytes_read());
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            keeping.into_iter().for_each(|it| it.fail(&error));
            return Err(error);
        }
    };

    let answering = plan.target(opened.send.target);
    let keeping = match keeping.map(|it| it.of_target(answering, &directives.cache)) {
        Some(Err(reason)) => {
            recorder.note_not_kept(reason);
            None
        }
        Some(Ok(keeping)) => Some(keeping),
        None => None,
    };

    let strict = answering.strict_end;
    // Relay: the head with our reply headers, the body chunk by chunk; `relay` sees it to its end.
    let answering = Answering::Own {
        first_token: drive::first_token(&mut opened, asked, arrived.rest),
        idle: answering.timeouts.idle.time,
        ends_at,
        keeping,
        opened,
    };
    Ok(relay(answering, strict, leases))
}

fn asked(method: &Method, length: BodyLength) -> Asked {
    match (method, length) {
        (_, BodyLength::Tunnel) => Asked::Upgrade,
        (&Method::HEAD, _) => Asked::Head,
        _ => Asked::Ordinary,
    }
}
