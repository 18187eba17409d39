//! Does the request's body ask for a stream? Looked for once, when the body has come whole, and
//! beside the worker if it is long.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{proxy::prepare::body_text, upstream::RequestBody};

/// What is known of it.
pub enum StreamSaid {
    Unread,
    Reading(Pin<Box<dyn Future<Output = bool>>>),
    Known(bool),
}

impl StreamSaid {
    /// With the result of an earlier step that has read the body.
    pub fn of(known: Option<bool>) -> Self {
        known.map_or(StreamSaid::Unread, StreamSaid::Known)
    }

    /// Ready when it is known; begins to look once the body has come.
    pub fn poll(&mut self, body: &mut RequestBody, cx: &mut Context<'_>) -> Poll<bool> {
        if matches!(self, StreamSaid::Unread) && body.is_complete() {
            *self = StreamSaid::Reading(Box::pin(says_stream(body)));
        }
        let said = match self {
            StreamSaid::Unread => return Poll::Pending,
            StreamSaid::Known(said) => return Poll::Ready(*said),
            StreamSaid::Reading(reading) => std::task::ready!(reading.as_mut().poll(cx)),
        };
        *self = StreamSaid::Known(said);
        Poll::Ready(said)
    }
}

/// Of a body that is not kept nobody knows, nor where there is no memory to look at it as one
/// piece: it counts as one that does not.
fn says_stream(body: &mut RequestBody) -> impl Future<Output = bool> + 'static {
    let client = body.account().share();
    let text = body.joined().ok().flatten().unwrap_or_default();
    async move {
        let said = body_text::said(client, text).await;
        said.is_ok_and(|said| said.stream)
    }
}
