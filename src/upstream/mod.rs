//! The network: sends one request to one vetted target and returns its response or a typed failure.
//! Retries a stale pooled connection; all other retries, timers and credentials belong to `proxy`.
//!
//! Beneath the trait: `awc` (pool, dial, retry, the client) → `exchange` → `connection` (framing)
//! → `socket`.

mod awc;
mod body;
mod connection;
mod dial;
mod exchange;
mod failure;
mod framing;
mod idle_time;
mod pool;
mod progress;
mod read_buffer;
mod request_body;
pub mod scripted;
mod socket;
pub mod tls;
mod write_buffer;

use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_http::{StatusCode, header::HeaderMap};
use bytes::Bytes;

pub use self::{
    awc::AwcUpstream,
    body::ResponseBody,
    failure::{Cause, Failure},
    framing::{Asked, Framing, Head, Malformed, read_head},
    pool::PoolLimits,
    progress::Progress,
    request_body::{BodyFault, BodyLength, Kept, RequestBody, Supply, Whole},
};
use crate::guard::VettedTarget;

/// Sends requests to upstreams.
pub trait Upstream {
    /// Returns the head of the final response, with the body to follow. The request body may still
    /// be on its way up: it moves while the response is polled. Dropping the future or the response
    /// closes the connection.
    fn send(&self, call: &Call) -> impl Future<Output = Result<UpstreamResponse, Failure>>;
}

impl<U: Upstream> Upstream for Rc<U> {
    async fn send(&self, call: &Call) -> Result<UpstreamResponse, Failure> {
        U::send(self, call).await
    }
}

/// One request to one target.
pub struct Call {
    pub target: VettedTarget,
    /// The head as it goes on the wire, framing included, with the empty line.
    pub head: Bytes,
    pub asked: Asked,
    pub body: Rc<RefCell<RequestBody>>,
    /// The request may reach the upstream twice without harm: a safe or idempotent method (RFC 9110
    /// §9.2.2), or an `Idempotency-Key`.
    pub idempotent: bool,
    /// Bounds TCP connect and TLS handshake together.
    pub connect_timeout: Duration,
    /// Noted while the request is sent.
    pub connecting: Cell<Connecting>,
}

/// How a request got its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connecting {
    /// It is one of the pool.
    pub is_reused: bool,
    /// A new one was there.
    pub connected: Option<Instant>,
    /// Its TLS handshake was over.
    pub tls_done: Option<Instant>,
}

impl Call {
    /// A pooled connection proved dead, and one transparent retry is allowed: the body can be sent
    /// again, and a second arrival does no harm or nothing was sent.
    fn may_be_sent_again(&self, failure: &Failure) -> bool {
        failure.is_stale_connection()
            && (self.idempotent || failure.sent == 0)
            && self.body.borrow_mut().rewind()
    }
}

/// An upstream's response: the final head, and the body that follows.
pub struct UpstreamResponse {
    pub head: ResponseHead,
    pub body: ResponseBody,
}

/// A final response head, as far as it is relayed.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    pub status: StatusCode,
    pub headers: HeaderMap,
}
