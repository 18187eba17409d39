//! The gateway's own pages, and `POST /gateway/explain`, which is one of them.

use std::{cell::RefCell, rc::Rc};

use actix_http::{Method, Request, Response, body::BoxBody};

use super::{
    admit::{self, checks, cors},
    explain::{self, DescribedRequest},
    offload,
    prepare::buffer_body,
    relay::{ReplyBody, reply_headers},
    trace_id,
    worker::Worker,
};
use crate::{
    directives::Directives,
    downstream::{ClientConnection, Extent},
    error::GatewayError,
    gateway::Visitor,
    upstream::{RequestBody, Upstream},
};

/// Bytes that a question for `explain` may have besides the body it tells of.
const QUESTION_AROUND_BODY: usize = 1 << 20;

impl<U: Upstream> Worker<U> {
    /// `POST /gateway/explain`: what would be done with a request that is only told of.
    pub async fn explain(
        &self,
        request: Request,
        connection: &Rc<ClientConnection>,
    ) -> Response<ReplyBody> {
        let explain = async |request: Request| {
            let (head, payload) = request.into_parts();
            let framing = self.gateway.sort(head.headers()).framing;
            let holder = self.gateway.access.holder_of_page(&head)?;
            self.gateway
                .check_operator(head.headers(), holder, "explanations")?;
            if head.method != Method::POST {
                return Ok(explain::only_post().map_into_boxed_body());
            }
            let account = self
                .gateway
                .process
                .body_memory
                .account(connection.peer().map(|it| it.ip()));
            let client = account.share();
            let body = RequestBody::new(payload, checks::body_length(&head, framing)?, 0, account);
            let body = RefCell::new(body);
            // Bodies over the replay limit can be told of, too.
            let limit = self
                .gateway
                .replay_limit
                .saturating_add(QUESTION_AROUND_BODY);
            buffer_body::read(connection, &body, limit).await?;
            let text = buffer_body::joined(&body)?;
            let length = text.len();
            let parse = move || DescribedRequest::parse(&text);
            let imagined = offload::by_size(client, length, parse).await??;
            if imagined.key.is_some() {
                // It tells what the rules of somebody's key are.
                self.gateway.check_admin(&head, false)?;
            }
            let response = imagined.explain(&self.gateway, &self.plans, &self.targets, true);
            Ok(response.await?.map_into_boxed_body())
        };
        self.page(request, connection, false, explain).await
    }

    /// Serves one of the gateway's own pages, made by `page`, to whom the door lets in; `open`
    /// pages are for everybody.
    pub async fn page(
        &self,
        request: Request,
        connection: &Rc<ClientConnection>,
        open: bool,
        page: impl AsyncFnOnce(Request) -> Result<Response<BoxBody>, GatewayError>,
    ) -> Response<ReplyBody> {
        let (head, gateway) = (request.head(), &self.gateway);
        let fields = gateway.sort(head.headers());
        let guard = connection.begin(Extent::of(&head.method, fields.framing));
        connection.body_at_hand().await;
        let trace_id = trace_id::of(&fields.ours, &Directives::parse(&fields.ours));
        let origin = gateway.door.listed_origin(&fields);
        let admitted = admit::check_body_at_hand(connection).and_then(|()| match open {
            true => Ok(Visitor::Direct),
            false => gateway.page_door.admit(head, &fields),
        });
        let response = match admitted {
            Ok(Visitor::Preflight) => Err(cors::preflight(request.head())),
            Ok(Visitor::Direct | Visitor::ListedOrigin) => {
                page(request).await.map_err(|error| error.response())
            }
            Err(error) => Err(error.response()),
        };
        let mut response = match response {
            Ok(page) => page.map_body(|_, page| ReplyBody::page(page, guard)),
            Err(own) => own.map_body(|_, bytes| ReplyBody::own(bytes, guard)),
        };
        reply_headers::trace(response.headers_mut(), trace_id);
        reply_headers::finish(&mut response, origin.as_ref(), connection, gateway.portkey);
        response
    }
}
