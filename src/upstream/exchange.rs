//! One request and its response on one connection, from the request's first byte to the response's
//! last. When it ends or is dropped, the connection goes back to the pool or is closed.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_http::{Payload, StatusCode, error::PayloadError, header::HeaderMap};
use bytes::Bytes;
use futures_core::Stream;

use super::{
    connection::{Connection, Outgoing},
    failure::{Cause, Failure},
    pool::{Lent, Pool},
    progress::Progress,
};

/// A connection for the length of one exchange. As a stream it yields the response's body.
pub struct Exchange {
    /// `None` once the exchange has ended.
    connection: Option<Lent>,
    pool: Rc<Pool>,
    progress: Rc<Cell<Progress>>,
}

impl Exchange {
    /// Begins an exchange; nothing is sent before it is polled.
    pub fn begin(mut lent: Lent, outgoing: Outgoing, pool: Rc<Pool>) -> Self {
        let progress = Rc::<Cell<Progress>>::default();
        lent.connection.begin(outgoing, progress.clone());
        Exchange {
            connection: Some(lent),
            pool,
            progress,
        }
    }

    /// The progress, which stays readable when the exchange itself is given away.
    pub fn progress(&self) -> Rc<Cell<Progress>> {
        self.progress.clone()
    }

    /// Sends what can be sent and waits for the first bytes of the response.
    pub fn poll_first_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.connection()?.poll_first_bytes(cx)
    }

    /// The status of the final response; its header lines are added to `headers`.
    pub fn poll_head(
        &mut self,
        headers: &mut HeaderMap,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StatusCode, Failure>> {
        let status = ready!(self.connection()?.poll_head(headers, cx));
        self.release_if_over();
        Poll::Ready(status)
    }

    /// The body, as actix-http's type.
    pub fn into_payload(self) -> Payload {
        match self.connection {
            None => Payload::None,
            Some(_) => Payload::Stream {
                payload: Box::pin(self),
            },
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, Failure> {
        match &mut self.connection {
            Some(lent) => Ok(&mut lent.connection),
            None => Err(Failure::unsent(Cause::Internal("the exchange has ended"))),
        }
    }

    fn release_if_over(&mut self) {
        let over = self.connection.as_ref();
        if over.is_some_and(|lent| lent.connection.is_at_rest()) {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(lent) = self.connection.take() {
            self.pool.give_back(lent);
        }
    }
}

impl Stream for Exchange {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(lent) = &mut self.connection else {
            return Poll::Ready(None);
        };
        let data = ready!(lent.connection.poll_data(cx));
        self.release_if_over();
        Poll::Ready(data.map(|data| data.map_err(into_payload_error)))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.release();
    }
}

/// A failure as actix-http's type; [`failure_of`] converts it back.
pub fn into_payload_error(failure: Failure) -> PayloadError {
    PayloadError::Io(io::Error::other(failure))
}

/// The failure that a payload ended with.
pub fn failure_of(error: PayloadError) -> Failure {
    let failure = match error {
        PayloadError::Io(error) => error.downcast::<Failure>().ok(),
        _ => None,
    };
    failure.unwrap_or_else(|| Failure::unsent(Cause::Truncated))
}
