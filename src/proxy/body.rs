//! The body of any reply, as actix-http sends it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::relay::{Aborted, Relay};
use crate::{downstream::ExchangeGuard, rate_limit::Lease};

/// An upstream's body, bytes of our own, or a page of ours.
pub enum ReplyBody {
    Relay(Box<Relay>),
    Own {
        bytes: Bytes,
        /// The exchange lasts until the body is handed over.
        _guard: Option<ExchangeGuard>,
    },
    /// An upstream's, all of it.
    Whole {
        bytes: Bytes,
        _leases: Vec<Lease>,
        _guard: ExchangeGuard,
    },
    Page {
        page: BoxBody,
        _guard: ExchangeGuard,
    },
}

impl ReplyBody {
    pub fn own(bytes: Bytes, guard: impl Into<Option<ExchangeGuard>>) -> Self {
        ReplyBody::Own {
            bytes,
            _guard: guard.into(),
        }
    }

    pub fn page(page: BoxBody, guard: ExchangeGuard) -> Self {
        ReplyBody::Page {
            page,
            _guard: guard,
        }
    }

    /// `leases`: places among the requests under way, held until the body is handed over.
    pub fn whole(bytes: Bytes, leases: Vec<Lease>, guard: ExchangeGuard) -> Self {
        ReplyBody::Whole {
            bytes,
            _leases: leases,
            _guard: guard,
        }
    }

    /// The gateway made it.
    pub fn is_own(&self) -> bool {
        matches!(self, ReplyBody::Own { .. } | ReplyBody::Page { .. })
    }
}

impl MessageBody for ReplyBody {
    type Error = Aborted;

    fn size(&self) -> BodySize {
        match self {
            ReplyBody::Relay(relay) => relay.size(),
            ReplyBody::Own { bytes, .. } | ReplyBody::Whole { bytes, .. } => {
                BodySize::Sized(bytes.len() as u64)
            }
            ReplyBody::Page { page, .. } => page.size(),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        match self.get_mut() {
            ReplyBody::Relay(relay) => relay.poll_chunk(cx),
            ReplyBody::Own { bytes, .. } | ReplyBody::Whole { bytes, .. } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            ReplyBody::Page { page, .. } => {
                let next = Pin::new(page).poll_next(cx);
                next.map(|next| next.map(|chunk| chunk.map_err(|_| Aborted)))
            }
        }
    }
}
