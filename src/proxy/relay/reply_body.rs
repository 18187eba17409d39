//! The body of any reply, as actix-http sends it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::{Aborted, Relay};
use crate::{downstream::ExchangeGuard, rate_limit::Lease};

/// Bytes that actix-http is given at once: it copies them, and holds the copy for as long as the
/// client does not read.
const PIECE: usize = 32 * 1024;
/// Pieces after which others on the worker have their turn.
const IN_A_ROW: u8 = 8;

/// A body that is all there, handed over piece by piece.
pub struct Pieces {
    left: Bytes,
    in_a_row: u8,
}

impl Pieces {
    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if self.in_a_row == IN_A_ROW {
            self.in_a_row = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.in_a_row += 1;
        let piece = self.left.split_to(self.left.len().min(PIECE));
        Poll::Ready((!piece.is_empty()).then_some(piece))
    }
}

impl From<Bytes> for Pieces {
    fn from(left: Bytes) -> Self {
        Pieces { left, in_a_row: 0 }
    }
}

/// An upstream's body, bytes of our own, or a page of ours.
pub enum ReplyBody {
    Relay(Box<Relay>),
    Own {
        bytes: Pieces,
        /// The exchange lasts until the body is handed over.
        _guard: Option<ExchangeGuard>,
    },
    /// An upstream's, all of it.
    Whole {
        bytes: Pieces,
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
            bytes: bytes.into(),
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
            bytes: bytes.into(),
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
                BodySize::Sized(bytes.left.len() as u64)
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
                bytes.poll_next(cx).map(|piece| piece.map(Ok))
            }
            ReplyBody::Page { page, .. } => {
                let next = Pin::new(page).poll_next(cx);
                next.map(|next| next.map(|chunk| chunk.map_err(|_| Aborted)))
            }
        }
    }
}
