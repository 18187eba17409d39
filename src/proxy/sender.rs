//! Who sends a request, and waiting for as long as they do.

use std::{future::poll_fn, pin::pin, rc::Rc, task::Poll};

use crate::{
    downstream::{AbortReason, ClientConnection},
    error::GatewayError,
};

/// The sender of a request whose body is read.
pub trait Sender {
    /// The next bytes of the body are owed, or not any more.
    fn await_body(&self, awaited: bool);
    /// Why nothing is to be waited for any more, if there is a reason.
    fn expired(&self) -> Option<AbortReason>;
    fn is_gone(&self) -> bool;
}

impl Sender for ClientConnection {
    fn await_body(&self, awaited: bool) {
        ClientConnection::await_body(self, awaited);
    }

    fn expired(&self) -> Option<AbortReason> {
        ClientConnection::expired(self)
    }

    fn is_gone(&self) -> bool {
        ClientConnection::is_gone(self)
    }
}

impl<S: Sender> Sender for Rc<S> {
    fn await_body(&self, awaited: bool) {
        S::await_body(self, awaited);
    }

    fn expired(&self) -> Option<AbortReason> {
        S::expired(self)
    }

    fn is_gone(&self) -> bool {
        S::is_gone(self)
    }
}

/// The sender of a request that is only explained: all of its body is there.
pub struct AtHand;

impl Sender for AtHand {
    fn await_body(&self, _: bool) {}

    fn expired(&self) -> Option<AbortReason> {
        None
    }

    fn is_gone(&self) -> bool {
        false
    }
}

/// Waits for something that does not watch the sender itself.
///
/// # Errors
/// What ended the wait for this sender: 499 for a client that left, for example.
pub async fn while_present<T>(
    sender: &impl Sender,
    waiting: impl Future<Output = T>,
) -> Result<T, GatewayError> {
    let mut waiting = pin!(waiting);
    poll_fn(|cx| match waiting.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => match sender.expired() {
            Some(expired) => Poll::Ready(Err(expired.into())),
            None => Poll::Pending,
        },
    })
    .await
}
