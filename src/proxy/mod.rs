//! What happens to a request, from its head to the last byte of its response. [`pipeline::run`] is
//! the order of it: admit → prepare → lookup → send → relay.

mod admit;
mod budgets_left;
mod endpoint_test;
mod exchange;
pub mod explain;
mod headers;
mod limits_left;
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
mod tokens;
mod trace_id;
mod url;
mod worker;
mod world;

use std::rc::Rc;

use actix_http::{Request, Response};

pub use self::{
    budgets_left::{ShownBudgets, shown_budgets},
    limits_left::{ShownLimits, shown_limits},
    plan::PlanCache,
    relay::ReplyBody,
    send::vet::Vetter,
    worker::Worker,
};
use crate::{
    directives::DirectiveError,
    downstream::ClientConnection,
    error::{Code, GatewayError},
    http::request_fields::TooManyNamed,
    machine::clock,
    upstream::Upstream,
};

impl<U: Upstream> Worker<U> {
    /// Serves one request of the client behind `connection`.
    pub async fn handle(
        &self,
        request: Request,
        connection: Rc<ClientConnection>,
    ) -> Response<ReplyBody> {
        pipeline::run(self, request, &connection).await
    }
}

impl From<DirectiveError> for GatewayError {
    fn from(error: DirectiveError) -> Self {
        GatewayError::new(Code::InvalidHeader, error.to_string())
    }
}

impl From<TooManyNamed> for GatewayError {
    fn from(_: TooManyNamed) -> Self {
        GatewayError::new(Code::InvalidHeader, "`connection` names too many fields")
    }
}
