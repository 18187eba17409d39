//! What happens to a request, from its head to the last byte of its response. [`pipeline::run`] is
//! the order of it: admit → prepare → lookup → send → relay.

mod admit;
mod clock;
mod exchange;
pub mod explain;
mod headers;
mod lookup;
mod notes;
mod offload;
mod pages;
mod pipeline;
mod plan;
mod prepare;
mod relay;
mod send;
mod sender;
mod subprotocol;
#[cfg(test)]
mod tests;
mod trace_id;
mod url;
mod worker;
mod world;

use std::rc::Rc;

use actix_http::{Request, Response};

pub use self::{plan::PlanCache, relay::ReplyBody, send::vet::Vetter, worker::Worker};
use crate::{
    directives::DirectiveError,
    downstream::ClientConnection,
    error::{Code, GatewayError},
    upstream::Upstream,
};

impl<U: Upstream> Worker<U> {
    /// Serves one request of the client behind `connection`.
    pub async fn handle(
        &self,
        request: Request,
        connection: Rc<ClientConnection>,
    ) -> Response<ReplyBody> {
        let origin = self.gateway.door.listed_origin(request.head());
        let mut response = pipeline::run(self, request, &connection).await;
        let portkey = self.gateway.portkey;
        relay::reply_headers::finish(&mut response, origin.as_ref(), &connection, portkey);
        response
    }
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
