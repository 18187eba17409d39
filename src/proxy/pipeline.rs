//! A request's life, top to bottom: admit → prepare → lookup → send → relay. No other file calls
//! two of these steps; each may end the request with a [`GatewayError`].

use std::{rc::Rc, sync::Arc};

use actix_http::{Payload, Request, RequestHead, Response, header::HeaderName};
use bytes::Bytes;

use super::{
    admit::{self, Admission, Admitted, Brought, route::Routed},
    exchange::Exchange,
    explain,
    lookup::{self, Joined, Lookup},
    notes, prepare, relay,
    relay::{ReplyBody, reply_headers},
    send::{self, Fetched},
    worker::Worker,
};
use crate::{
    cache::stored_response::StoredResponse,
    directives::Directives,
    downstream::{ClientConnection, ExchangeGuard, Extent},
    error::GatewayError,
    http::request_fields::RequestFields,
    identity::Identity,
    record::Caller,
    upstream::Upstream,
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The response to a client, before its head is made ours.
pub enum Reply {
    /// An upstream's response, as it comes.
    Fetched(Fetched),
    /// The response to another request, as it comes.
    Joined(Joined),
    /// A stored response.
    Hit(Arc<StoredResponse>),
    /// A response of the gateway's own that is no error.
    Own(Response<Bytes>),
}

/// Serves one request of the client behind `connection`.
pub async fn run<U: Upstream>(
    worker: &Worker<U>,
    request: Request,
    connection: &Rc<ClientConnection>,
) -> Response<ReplyBody> {
    let gateway = &worker.gateway;
    let (mut head, payload) = request.into_parts();
    let taken = gateway.access.take(&mut head);
    let fields = gateway.sort(head.headers());
    let guard = connection.begin(Extent::of(&head.method, fields.framing));
    connection.body_at_hand().await;
    let holder = gateway.access.holder(&taken);
    let arrived = Arrived {
        head: &head,
        fields: &fields,
        holder,
        is_test: false,
    };
    let mut response = serve(worker, arrived, payload, guard).await;
    let origin = gateway.door.listed_origin(&fields);
    reply_headers::finish(&mut response, origin.as_ref(), connection, gateway.portkey);
    response
}

/// A request's head, and the holder of the key that was taken out of it.
pub struct Arrived<'a> {
    pub head: &'a RequestHead,
    pub fields: &'a RequestFields<'a>,
    pub holder: Result<Option<&'a Identity>, GatewayError>,
    /// An operator tests an endpoint.
    pub is_test: bool,
}

/// Admits a request and responds to it.
pub async fn serve<U: Upstream>(
    worker: &Worker<U>,
    arrived: Arrived<'_>,
    payload: Payload,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    let gateway = &worker.gateway;
    let Arrived {
        head,
        fields,
        holder,
        is_test,
    } = arrived;
    let directives = Directives::parse(&fields.ours);
    let mut notes = notes::open(gateway, head, fields, &directives, guard.connection());
    if let Ok(Some(holder)) = &holder {
        notes.recorder.note_holder(holder);
    }
    let connection = guard.connection().clone();
    let routed = Routed::of(&gateway.known, head);
    if let Ok(routed) = &routed {
        let (kind, name) = routed.kind_and_name();
        notes.recorder.note_route_kind(kind, name);
    }
    let brought = Brought {
        payload,
        routed,
        directives,
        holder,
        connection: Some(&connection),
        is_test,
    };
    let admitted = match admit::admit(gateway, head, fields, brought) {
        Ok(Admission::Admitted(admitted)) => admitted,
        Ok(Admission::Preflight(response)) => return relay::own(response, notes, guard),
        Err(error) => return relay::refuse(&error, notes, guard),
    };
    notes.recorder.note_caller(Caller {
        address: admitted.presented.client(),
        metadata: admitted.directives.metadata.as_ref(),
        traceparent: head.headers().get(TRACEPARENT),
    });
    if let Some(endpoint) = admitted.routed.endpoint() {
        notes.recorder.note_endpoint(endpoint);
    }
    let mut exchange = Exchange::new(&admitted, notes, guard);
    match fetch(worker, &admitted, &mut exchange).await {
        Ok(reply) => relay::begin(reply, exchange, gateway),
        Err(error) => relay::refuse(&error, exchange.notes, exchange.guard),
    }
}

/// Finds the response to a request that has been admitted.
async fn fetch<U: Upstream>(
    worker: &Worker<U>,
    admitted: &Admitted<'_>,
    exchange: &mut Exchange,
) -> Result<Reply, GatewayError> {
    let plan = prepare::plan(admitted, &worker.plans, exchange.connection()).await?;
    if plan.targets.len() > 1 {
        exchange.notes.recorder.note_plan(|| plan.order());
    }
    if !admitted.directives.dry_run {
        prepare::take_places(admitted, &plan, exchange).await?;
    }
    let received = exchange.notes.reply.received;
    let mut prepared = prepare::prepare(admitted, &plan, exchange.connection(), received).await?;
    if admitted.directives.dry_run {
        let plan = explain::explain(admitted, &prepared, &worker.targets, true).await;
        return Ok(Reply::Own(plan));
    }
    if prepare::budgets::concern(admitted, &plan) {
        // Boxed: most requests have no use for its state.
        Box::pin(prepare::budgets::reserve(admitted, &plan, exchange)).await?;
    }
    let store = match lookup::lookup(admitted, &mut prepared, exchange).await? {
        Lookup::Found(reply) => {
            exchange.notes.recorder.release_reservation();
            return Ok(reply);
        }
        Lookup::Missed(store) => store,
    };
    let sent = send::send(worker, admitted, &prepared, exchange).await;
    // From here on the shared response no longer depends on this client.
    exchange.connection().set_audience(None);
    match sent {
        Ok(opened) => {
            let status = opened.response.head.status.as_u16();
            exchange.notes.recorder.note_reserved_head(status);
            let target = plan.target(opened.send.target);
            Ok(Reply::Fetched(Fetched {
                store: lookup::of_target(store, target, admitted, exchange),
                strict_end: target.strict_end,
                opened,
            }))
        }
        Err(error) => {
            store.into_iter().for_each(|it| it.fail(&error));
            Err(error)
        }
    }
}
