//! The line: what happens to a request, from its head to the last byte of its answer. [`pipeline::run`] is the order of it.

pub mod arrival;
mod body;
mod body_text;
mod caching;
mod cors;
mod drive;
pub mod explain;
mod facts;
mod headers;
mod incoming;
mod limits;
mod offload;
mod pipeline;
pub mod plan;
mod planning;
mod plans;
mod prepare;
mod presented;
mod relay;
mod reply;
mod subprotocol;
mod targets;
mod url;
mod websocket;
mod whole;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use actix_http::{
    ConnectionType, Method, Request, Response,
    body::BoxBody,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use uuid::{NoContext, Timestamp, Uuid};

use self::{arrival::Visitor, explain::Imagined};
pub use self::{body::ReplyBody, plans::Plans, targets::Targets};
use crate::{
    directives::{DirectiveError, Directives},
    downstream::{ExchangeGuard, Extent, Link},
    error::{Code, GatewayError},
    gateway::Gateway,
    observe::metrics::Outcome,
    record::Recorder,
    upstream::{RequestBody, Upstream},
};

/// Bytes that a question for `explain` may have besides the body it tells of.
const QUESTION_AROUND_BODY: usize = 1 << 20;

/// One worker's line: what all workers share, and its own connections and targets.
pub struct Line<U> {
    pub gateway: Arc<Gateway>,
    pub upstream: U,
    pub plans: Plans,
    pub targets: Targets,
}

impl<U: Upstream> Line<U> {
    /// Serves one request of the client behind `link`.
    pub async fn handle(&self, request: Request, link: Rc<Link>) -> Response<ReplyBody> {
        let guard = link.begin(Extent::of(request.head()));
        link.body_at_hand().await;
        let directives = Directives::parse(request.head().headers(), self.gateway.portkey);
        let mut recorder = Recorder::open(
            self.gateway.metrics.clone(),
            self.gateway.access_log,
            trace_id(request.head().headers(), self.gateway.portkey, &directives),
            request.head().method.clone(),
            request.uri().path(),
            link.clone(),
        );
        let origin = self.gateway.door.listed_origin(request.head());
        let mut response =
            match pipeline::run(self, request, directives, &mut recorder, &link).await {
                Ok(pipeline::Reply::Relay(relay)) => relay.begin(recorder, guard, &self.gateway),
                Ok(pipeline::Reply::Again { answer, leases }) => {
                    caching::hit(&answer, leases, recorder, guard)
                }
                Ok(pipeline::Reply::Own(response)) => {
                    recorder.note_status(response.status().as_u16());
                    reply::own(response, recorder, guard, Outcome::answered)
                }
                Err(error) => refuse(&error, recorder, guard),
            };
        reply::finish(&mut response, origin.as_ref(), &link, self.gateway.portkey);
        response
    }

    /// `POST /gateway/explain`: what would be done with a request that is only told of.
    pub async fn explain(&self, request: Request, link: &Rc<Link>) -> Response<ReplyBody> {
        let explain = async |request: Request| {
            let (head, payload) = request.into_parts();
            self.gateway
                .check_operator(head.headers(), "explanations")?;
            if head.method != Method::POST {
                return Ok(explain::only_post().map_into_boxed_body());
            }
            let account = self
                .gateway
                .body_memory
                .account(link.peer().map(|it| it.ip()));
            let client = account.share();
            let body = RequestBody::new(payload, arrival::body_length(&head)?, 0, account);
            let body = RefCell::new(body);
            // Bodies over the replay limit can be told of, too.
            let limit = self
                .gateway
                .replay_limit
                .saturating_add(QUESTION_AROUND_BODY);
            whole::read(link, &body, limit).await?;
            let text = whole::joined(&body)?;
            let length = text.len();
            let parse = move || Imagined::parse(&text);
            let imagined = offload::by_size(client, length, parse).await??;
            let answer = imagined.explain(&self.gateway, &self.plans, &self.targets);
            Ok(answer.await?.map_into_boxed_body())
        };
        self.page(request, link, false, explain).await
    }

    /// Serves one of the gateway's own pages, made by `page`, to whom the door lets in; `open` pages are for everybody.
    pub async fn page(
        &self,
        request: Request,
        link: &Rc<Link>,
        open: bool,
        page: impl AsyncFnOnce(Request) -> Result<Response<BoxBody>, GatewayError>,
    ) -> Response<ReplyBody> {
        let guard = link.begin(Extent::of(request.head()));
        link.body_at_hand().await;
        let (head, gateway) = (request.head(), &self.gateway);
        let directives = Directives::parse(head.headers(), gateway.portkey);
        let trace_id = trace_id(head.headers(), gateway.portkey, &directives);
        let origin = gateway.door.listed_origin(head);
        let admitted = whole::check_body_at_hand(link).and_then(|()| match open {
            true => Ok(Visitor::Direct),
            false => gateway.door.admit(head),
        });
        let answer = match admitted {
            Ok(Visitor::Preflight) => Err(cors::preflight(head)),
            Ok(Visitor::Direct | Visitor::ListedOrigin) => {
                page(request).await.map_err(|error| error.response())
            }
            Err(error) => Err(error.response()),
        };
        let mut response = match answer {
            Ok(page) => page.map_body(|_, page| ReplyBody::page(page, guard)),
            Err(own) => own.map_body(|_, bytes| ReplyBody::own(bytes, guard)),
        };
        reply::trace(response.headers_mut(), trace_id);
        reply::finish(&mut response, origin.as_ref(), link, gateway.portkey);
        response
    }
}

/// The gateway's "no". A body that is stalled or broken has no end to wait for: the connection ends with the answer.
fn refuse(
    error: &GatewayError,
    mut recorder: Recorder,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    recorder.note_error(error.code, &error.message);
    let link = guard.link().clone();
    let outcome = match error.code {
        Code::ClientClosed => {
            link.hang_up();
            Outcome::client_gone
        }
        _ => Outcome::refused,
    };
    let mut response = reply::own(error.response(), recorder, guard, outcome);
    if error.code == Code::InvalidBody {
        link.finish();
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    response
}

/// The caller's trace id, or a new one (UUIDv7: sortable by time).
fn trace_id(
    headers: &HeaderMap,
    portkey: bool,
    directives: &Result<Directives, DirectiveError>,
) -> HeaderValue {
    let given = match directives {
        Ok(directives) => directives.trace_id.clone(),
        // Another header is at fault: the caller shall find the refusal under the id that was sent.
        Err(_) => only_trace_id(headers, portkey),
    };
    if let Some(Ok(given)) = given.as_deref().map(HeaderValue::from_str) {
        return given;
    }
    let mut text = Uuid::encode_buffer();
    // No context: one would be shared by all workers, behind a lock.
    let made = Uuid::new_v7(Timestamp::now(NoContext))
        .hyphenated()
        .encode_lower(&mut text);
    // A UUID is ASCII.
    HeaderValue::from_str(made).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

fn only_trace_id(headers: &HeaderMap, portkey: bool) -> Option<String> {
    let is_trace_id = |name: &HeaderName| name.as_str().ends_with("-trace-id");
    let lines = headers.iter().filter(|(name, _)| is_trace_id(name));
    let mut alone = HeaderMap::new();
    for (name, value) in lines {
        alone.append(name.clone(), value.clone());
    }
    Directives::parse(&alone, portkey).ok()?.trace_id
}

impl From<DirectiveError> for GatewayError {
    fn from(error: DirectiveError) -> Self {
        GatewayError::new(Code::InvalidHeader, error.to_string())
    }
}

impl From<headers::TooManyNamed> for GatewayError {
    fn from(_: headers::TooManyNamed) -> Self {
        GatewayError::new(Code::InvalidHeader, "`connection` names too many fields")
    }
}
