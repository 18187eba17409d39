//! Waiting within one attempt, for as long as its timers and the client allow.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use super::{
    Sending,
    blame::{Awaited, Stopped},
    timeouts::AttemptTimers,
};
use crate::{
    downstream::AbortReason,
    proxy::{clock, plan::Target},
    upstream::{Call, Failure, Upstream, UpstreamResponse},
};

impl<U: Upstream> Sending<'_, '_, U> {
    /// Waits for the head. The wait starts anew while the upload moves.
    pub(super) async fn await_head(
        &self,
        call: &Call,
        target: &Target,
        clocks: &mut AttemptTimers,
    ) -> Result<Result<UpstreamResponse, Failure>, Stopped> {
        let sent_at = clock::now();
        clocks.await_head(self.connection);
        let mut sending = pin!(self.worker.upstream.send(call));
        let mut uploaded = 0;
        let mut unarmed = target.timeouts.first_token;
        self.watch_polling(clocks, |clocks, cx| {
            if let Poll::Ready(response) = sending.as_mut().poll(cx) {
                return Poll::Ready(response);
            }
            let mut body = call.body.borrow_mut();
            self.connection.await_body(body.is_waiting());
            if body.bytes_read() != uploaded {
                uploaded = body.bytes_read();
                clocks.await_head(self.connection);
            }
            if let Some(limit) = unarmed
                && let Poll::Ready(asked) = self.poll_asks_for_stream(&mut body, cx)
            {
                unarmed = None;
                if asked {
                    clocks.arm_first_token(limit, sent_at);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Waits for something until a timer runs out or the client's side ends it.
    pub(super) async fn watch<T>(
        &self,
        clocks: &mut AttemptTimers,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        let mut waiting = pin!(waiting);
        self.watch_polling(clocks, |_, cx| waiting.as_mut().poll(cx))
            .await
    }

    /// The same for what changes the timers it is watched by.
    pub(super) async fn watch_polling<T>(
        &self,
        clocks: &mut AttemptTimers,
        mut poll: impl FnMut(&mut AttemptTimers, &mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Stopped> {
        poll_fn(|cx| match poll(clocks, cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_stopped(clocks, cx).map(Err),
        })
        .await
    }

    /// A timer ran out, or the client's side ended it.
    fn poll_stopped(&self, clocks: &mut AttemptTimers, cx: &mut Context<'_>) -> Poll<Stopped> {
        let awaited = match self.connection.is_body_awaited() {
            true => Awaited::Caller,
            false => Awaited::Upstream,
        };
        if let Poll::Ready(expiry) = clocks.poll_expired(cx) {
            return Poll::Ready(Stopped::Timer(expiry, awaited));
        }
        match self.connection.expired() {
            None => Poll::Pending,
            Some(AbortReason::Deadline) => Poll::Ready(Stopped::Timer(clocks.deadline(), awaited)),
            Some(expired) => Poll::Ready(Stopped::Client(expired.into())),
        }
    }
}
