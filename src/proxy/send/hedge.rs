//! Hedging: a second request beside a slow one. The first good response wins; the other is dropped,
//! which closes its connection.

use std::time::Duration;

use futures_util::future::{Either, select};

use super::{Sending, outcome::AttemptResult};
use crate::{route::attempts::Send, upstream::Upstream};

impl<U: Upstream> Sending<'_, '_, U> {
    /// Sends, and once more beside it if there is no response `after` so long. What comes back is
    /// the winner's, or the last failure.
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
        let two = self.attempt(second);
        let outcome = self.first_good((first, one), (second, Box::pin(two))).await;
        self.in_flight.set(0);
        let second_won = outcome.0.ticket == second.ticket;
        self.notes.borrow().recorder.count_hedge(second_won);
        outcome
    }

    /// What comes of the attempt that first succeeds, or else of the one that fails last.
    async fn first_good<A, B>(&self, one: (Send, A), two: (Send, B)) -> (Send, AttemptResult)
    where
        A: Future<Output = AttemptResult> + Unpin,
        B: Future<Output = AttemptResult> + Unpin,
    {
        let (send, tried, other_send, other) = match select(one.1, two.1).await {
            Either::Left((tried, other)) => (one.0, tried, two.0, Either::Right(other)),
            Either::Right((tried, other)) => (two.0, tried, one.0, Either::Left(other)),
        };
        self.in_flight.set(1);
        match tried {
            AttemptResult::Failed { failed, ending } => {
                ending.discard();
                // The state machine says `Join`: the other is still under way.
                self.next(send, failed);
                (other_send, other.await)
            }
            AttemptResult::Good(_) | AttemptResult::Over(_) => (send, tried),
        }
    }

    /// A body still on its way up cannot be sent beside itself.
    fn hedge(&self) -> Option<Send> {
        self.body.borrow().whole()?;
        self.attempts.borrow_mut().hedge(self.world)
    }
}
