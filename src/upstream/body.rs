//! A response body as it comes from upstream: chunks, then an end or a failure.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::Payload;
use bytes::Bytes;
use futures_core::Stream as _;

use super::{exchange::failure_of, failure::Failure, progress::Progress};

/// The body of an upstream's response. Dropping it before its end closes the upstream
/// connection.
pub struct ResponseBody {
    payload: Payload,
    progress: Rc<Cell<Progress>>,
}

impl ResponseBody {
    pub(super) fn new(payload: Payload, progress: Rc<Cell<Progress>>) -> Self {
        ResponseBody { payload, progress }
    }

    /// The next bytes, the end or a failure. Also moves on the rest of the request body.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        Pin::new(&mut self.payload)
            .poll_next(cx)
            .map(|next| next.map(|chunk| chunk.map_err(failure_of)))
    }

    /// How far the exchange has got.
    pub fn progress(&self) -> Progress {
        self.progress.get()
    }
}
