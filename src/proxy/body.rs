//! The body of any reply, as actix-http sends it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::relay::{Aborted, Relay};
use crate::downstream::ExchangeGuard;

/// An upstream's body, bytes of our own, or a page of ours.
pub enum ReplyBody {
    Relay(Box<Relay>),
    Own {
        bytes: Bytes,
        /// The exchange lasts until the body is handed over.
        _guard: Option<ExchangeGuard>,
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

    /// The gateway made it.
    pub fn is_own(&self) -> bool {
        !matches!(self, ReplyBody::Relay(_))
    }
}

impl MessageBody for ReplyBody {
    type Error = Aborted;

    fn size(&self) -> BodySize {
        match self {
            ReplyBody::Relay(relay) => relay.size(),
            ReplyBody::Own { bytes, .. } => BodySize::Sized(bytes.len() as u64),
            ReplyBody::Page { page, .. } => page.size(),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Aborted>>> {
        match self.get_mut() {
            ReplyBody::Relay(relay) => relay.poll_chunk(cx),
            ReplyBody::Own { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Own { bytes, .. } => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            ReplyBody::Page { page, .. } => {
                let next = Pin::new(page).poll_next(cx);
                next.map(|next| next.map(|chunk| chunk.map_err(|_| Aborted)))
            }
        }
    }
}
