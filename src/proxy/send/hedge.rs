//! Hedging: a second request beside a slow one. The first good answer wins, and the other is dropped, which closes its
//! connection.

use std::time::Duration;

use futures_util::future::{Either, select};

use super::{Sending, attempt::AttemptResult};
use crate::{route::attempts::Send, upstream::Upstream};

impl<U: Upstream> Sending<'_, U> {
    /// Sends, and once more beside it if there is no answer `after` so long. What comes back is the winner's, or the last
    /// failure.
    pub(super) async fn race(&self, first: Send, after: Duration) -> (Send, AttemptResult) {
        if let Some(ratio) = self.plan.hedge_ratio(first.target) {
            let target = self.plan.target(first.target);
            self.world.note_hedgeable(target, ratio);
        }
        let mut one = Box::pin(self.attempt(first));
        if let Ok(tried) = tokio::time::timeout(after, &mut one).await {
            return (first, tried);
        }
        let Some(second) = self.hedge() else {
            // Nothing to come any more: nothing is held back for it.
            self.in_flight.set(1);
            let tried = one.await;
            self.in_flight.set(0);
            return (first, tried);
        };
        self.in_flight.set(2);
        let two = Box::pin(self.attempt(second));
        let (send, tried, other_send, other) = match select(one, two).await {
            Either::Left((tried, other)) => (first, tried, second, Either::Right(other)),
            Either::Right((tried, other)) => (second, tried, first, Either::Left(other)),
        };
        self.in_flight.set(1);
        let outcome = match tried {
            AttemptResult::Failed { failed, ending } => {
                ending.discard();
                // The state machine says `Join`: the other is still under way.
                self.next(send, failed);
                let tried = match other {
                    Either::Left(other) => other.await,
                    Either::Right(other) => other.await,
                };
                (other_send, tried)
            }
            AttemptResult::Good(_) | AttemptResult::Over(_) => (send, tried),
        };
        self.in_flight.set(0);
        self.notes
            .borrow()
            .recorder
            .count_hedge(outcome.0.ticket == second.ticket);
        outcome
    }

    /// A body still on its way up cannot be sent beside itself.
    fn hedge(&self) -> Option<Send> {
        self.body.borrow().whole()?;
        self.attempts.borrow_mut().hedge(&self.world)
    }
}
