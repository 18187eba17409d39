//! The network, as the line asks for it: one request to one vetted target, one answer back, or a
//! typed failure. Retries beyond a stale pooled connection, timers and credentials are the line's
//! business, not this module's.
//!
//! Beneath the trait: `awc` (pool, dial, retry, the client) → `exchange` → `connection` (framing)
//! → `socket`.

mod awc;
mod body;
mod chunks;
mod connection;
mod dial;
mod exchange;
mod failure;
mod framing;
mod idle_time;
mod kept;
mod pool;
mod read_buffer;
mod request_body;
pub mod scripted;
mod socket;
pub mod tls;
mod trailers;
mod write_buffer;

use std::{cell::RefCell, future::Future, rc::Rc, time::Duration};

use actix_http::{StatusCode, header::HeaderMap};
use bytes::Bytes;

pub use self::{
    awc::AwcUpstream,
    body::AnswerBody,
    chunks::{Broken, ChunkScanner, Scanned, Skipped},
    exchange::Progress,
    failure::{Cause, Failure},
    framing::{Asked, Framing, Head, Malformed, read_head},
    kept::Kept,
    pool::PoolLimits,
    request_body::{BodyFault, BodyLength, RequestBody, Supply, Whole},
};
use crate::guard::VettedTarget;

/// Sends requests to upstreams.
pub trait Upstream {
    /// The head of the final answer, with the body to follow. The request body may still be on its
    /// way up: it moves while the answer is polled. Dropping future or answer closes the
    /// connection.
    fn send(&self, call: &Call) -> impl Future<Output = Result<Answer, Failure>>;
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
}

impl Call {
    /// A pooled connection proved dead: the one transparent retry is allowed if the body can be had
    /// again and a second arrival does no harm, or there was no first one.
    fn may_be_sent_again(&self, failure: &Failure) -> bool {
        failure.is_stale_connection()
            && (self.idempotent || failure.sent == 0)
            && self.body.borrow_mut().rewind()
    }
}

/// An upstream's answer: the final response head, and the body behind it.
pub struct Answer {
    pub head: ResponseHead,
    pub body: AnswerBody,
}

/// A final response head, as far as it is relayed.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    pub status: StatusCode,
    pub headers: HeaderMap,
}
