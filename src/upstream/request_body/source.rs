//! What the caller still sends: pieces as actix-http has decoded them, small ones joined.

use std::{
    pin::Pin,
    rc::Weak,
    task::{Context, Poll},
};

use actix_http::{Payload, error::PayloadError};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::Supply;

/// Pieces shorter than this are joined with those that follow at once: each piece that goes up costs
/// a system call, and each chunk of a body may be one byte.
const SMALL: usize = 512;
/// Bytes joined at most.
const JOINED: usize = 8 * 1024;

type Piece = Option<Result<Bytes, PayloadError>>;

pub struct Source {
    payload: Payload,
    /// The body may outlive the connection, whose socket must not wait for that.
    pub supply: Option<Weak<dyn Supply>>,
    /// What came behind pieces that were joined.
    next: Option<Piece>,
}

impl Source {
    pub fn new(payload: Payload) -> Self {
        Source {
            payload,
            supply: None,
            next: None,
        }
    }

    /// The next bytes. `complete`: whether nothing more is to come once so many are read.
    pub fn poll_next(
        &mut self,
        complete: impl Fn(usize) -> bool,
        cx: &mut Context<'_>,
    ) -> Poll<Piece> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(next);
        }
        let piece = match self.poll_piece(cx) {
            Poll::Ready(Some(Ok(piece))) => piece,
            other => return other,
        };
        if piece.len() >= SMALL || complete(piece.len()) {
            return Poll::Ready(Some(Ok(piece)));
        }
        Poll::Ready(Some(Ok(self.join(piece, complete, cx))))
    }

    fn join(
        &mut self,
        first: Bytes,
        complete: impl Fn(usize) -> bool,
        cx: &mut Context<'_>,
    ) -> Bytes {
        let mut joined = None::<BytesMut>;
        let mut length = first.len();
        while length < JOINED && !complete(length) {
            match self.poll_piece(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(piece))) if piece.len() < SMALL => {
                    let joined = joined.get_or_insert_with(|| first[..].into());
                    joined.extend_from_slice(&piece);
                    length += piece.len();
                }
                Poll::Ready(next) => {
                    self.next = Some(next);
                    break;
                }
            }
        }
        joined.map_or(first, BytesMut::freeze)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        let next = Pin::new(&mut self.payload).poll_next(cx);
        if next.is_pending()
            && let Some(supply) = self.supply.as_ref().and_then(Weak::upgrade)
        {
            supply.taken();
        }
        next
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(supply) = self.supply.as_ref().and_then(Weak::upgrade) {
            supply.unwanted();
        }
    }
}
