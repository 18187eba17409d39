//! A response body as it comes from upstream: chunks, then an end or a failure.

use std::{
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::Payload;
use bytes::Bytes;

use super::{
    awc,
    exchange::{Exchange, Progress},
    failure::Failure,
};

/// The body of an [`Answer`](super::Answer). Dropping it before its end closes the upstream connection.
pub struct AnswerBody(Source);

enum Source {
    Awc {
        payload: Payload,
        exchange: Rc<Exchange>,
    },
    Scripted {
        chunks: VecDeque<Result<Bytes, Failure>>,
    },
}

impl AnswerBody {
    pub(super) fn awc(payload: Payload, exchange: Rc<Exchange>) -> Self {
        AnswerBody(Source::Awc { payload, exchange })
    }

    pub(super) fn scripted(chunks: VecDeque<Result<Bytes, Failure>>) -> Self {
        AnswerBody(Source::Scripted { chunks })
    }

    /// The next bytes, the end, or why there is none. Also moves what is left of the request body.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        match &mut self.0 {
            Source::Awc { payload, exchange } => awc::poll_payload(payload, exchange, cx),
            Source::Scripted { chunks } => Poll::Ready(chunks.pop_front()),
        }
    }

    /// How far the exchange has got.
    pub fn progress(&self) -> Progress {
        match &self.0 {
            Source::Awc { exchange, .. } => exchange.progress(),
            Source::Scripted { chunks } => Progress {
                upload_done: true,
                complete: chunks.is_empty(),
                ..Progress::default()
            },
        }
    }
}
