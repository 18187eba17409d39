//! The pieces of a request body as actix-http decodes them, small ones joined; and reports of what
//! has been taken, so that no more is read meanwhile than may wait.

use std::{
    pin::Pin,
    rc::Weak,
    task::{Context, Poll},
};

use actix_http::{Payload, error::PayloadError};
use bytes::{Bytes, BytesMut};
use futures_core::Stream as _;

/// Shorter pieces are joined with those that have come behind them: each piece that is sent costs a
/// system call, and a chunk may be one byte.
const SMALL: usize = 512;
/// Bytes joined at most.
const JOINED: usize = 8 * 1024;

type Piece = Option<Result<Bytes, PayloadError>>;

/// The client's side of a body; it bounds what has been read and is not taken yet.
pub trait Supply {
    /// Everything that has been read is taken: more may be read.
    fn taken(&self);
    /// The body is not taken any more: what still comes is thrown away.
    fn unwanted(&self);
}

/// What the caller still sends.
pub struct Pieces {
    payload: Payload,
    /// Weak, since the body may outlive the connection and must not hold its socket.
    supply: Option<Weak<dyn Supply>>,
    /// What came behind pieces that were joined.
    next: Option<Piece>,
}

impl Pieces {
    pub fn new(payload: Payload) -> Self {
        Pieces {
            payload,
            supply: None,
            next: None,
        }
    }

    pub fn report_to(&mut self, supply: Option<Weak<dyn Supply>>) {
        self.supply = supply;
    }

    /// The next bytes. `completes`: whether a body that goes on for so many bytes is at its end.
    pub fn poll_next(
        &mut self,
        completes: impl Fn(usize) -> bool,
        cx: &mut Context<'_>,
    ) -> Poll<Piece> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(next);
        }
        let piece = match self.poll_piece(cx) {
            Poll::Ready(Some(Ok(piece))) => piece,
            other => return other,
        };
        if piece.len() >= SMALL || completes(piece.len()) {
            return Poll::Ready(Some(Ok(piece)));
        }
        Poll::Ready(Some(Ok(self.join(piece, completes, cx))))
    }

    fn join(
        &mut self,
        first: Bytes,
        completes: impl Fn(usize) -> bool,
        cx: &mut Context<'_>,
    ) -> Bytes {
        let mut joined = None::<BytesMut>;
        let mut length = first.len();
        while length < JOINED && !completes(length) {
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

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(supply) = self.supply.as_ref().and_then(Weak::upgrade) {
            supply.unwanted();
        }
    }
}
