//! The HTTP/1.1 engine of the awc client: an awc middleware that serves every request with an
//! exchange on a connection of ours, and never calls awc's own connector.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_http::header::HeaderMap;
use actix_service::Service;
use awc::{
    ClientResponse, ConnectRequest, ConnectResponse, error::SendRequestError,
    middleware::Transform, test::TestResponse,
};

use crate::upstream::{
    exchange::Exchange,
    failure::{Cause, Failure},
};

/// Holds the exchange while awc passes its request to the engine, since awc's types have no place
/// for it.
pub type InHand = Rc<Cell<Option<Exchange>>>;

/// The middleware, and the service that it makes.
pub struct Engine(pub InHand);

impl<Connector> Transform<Connector, ConnectRequest> for Engine {
    type Transform = Engine;

    fn new_transform(self, _connector: Connector) -> Engine {
        self
    }
}

impl Service<ConnectRequest> for Engine {
    type Response = ConnectResponse;
    type Error = SendRequestError;
    type Future = Sending;

    actix_service::always_ready!();

    fn call(&self, _frozen: ConnectRequest) -> Sending {
        Sending(self.0.take())
    }
}

/// Runs an exchange until its response has begun.
pub struct Sending(Option<Exchange>);

impl Future for Sending {
    type Output = Result<ConnectResponse, SendRequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(exchange) = &mut self.0 else {
            return Poll::Ready(Err(into_error(Failure::unsent(NO_EXCHANGE))));
        };
        ready!(exchange.poll_first_bytes(cx)).map_err(into_error)?;
        let (response, mut headers) = blank_response();
        let status = ready!(exchange.poll_head(&mut headers, cx)).map_err(into_error)?;
        let exchange = self.0.take();
        let response = response.map_body(|head, nothing| {
            head.status = status;
            head.headers = headers;
            exchange.map_or(nothing, Exchange::into_payload)
        });
        Poll::Ready(Ok(ConnectResponse::Client(response)))
    }
}

const NO_EXCHANGE: Cause = Cause::Internal("the engine was called without an exchange");

/// A response of awc's, and its header map to be filled. The map has room for 12 names, so that a
/// second map would cost more than its lines.
fn blank_response() -> (ClientResponse, HeaderMap) {
    let mut headers = HeaderMap::new();
    let response = TestResponse::default().finish();
    let response = response.map_body(|head, nothing| {
        headers = std::mem::take(&mut head.headers);
        nothing
    });
    (response, headers)
}

fn into_error(failure: Failure) -> SendRequestError {
    SendRequestError::Custom(Box::new(failure), Box::new(()))
}

/// The failure that the engine reported.
pub fn failure_of(error: SendRequestError) -> Failure {
    let failure = match error {
        SendRequestError::Custom(failure, _) => failure.downcast::<Failure>().ok(),
        _ => None,
    };
    match failure {
        Some(failure) => *failure,
        None => Failure::unsent(Cause::Internal("the client failed without a cause")),
    }
}
