//! What a request under way has reserved. A guard: whatever becomes of the request, what it used
//! is counted, and what it did not use is free again.

use std::{fmt, sync::Arc};

use super::{
    Claim, Kind, Learner, Place, Spend,
    redis::{Part, SharedLease},
};
use crate::{
    budget::{Amount, OnUnknownUsage, Unit},
    money::Usd,
};

/// What a request has used, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent<'s> {
    /// What it cost. An explicit zero is zero; `None` is unknown.
    pub usd: Option<Usd>,
    /// Its tokens, those of the request and of the response.
    pub tokens: Option<u64>,
    /// The response's tokens alone, by which later requests are estimated.
    pub output: Option<u64>,
    /// The origin that responded.
    pub origin: Option<&'s str>,
    /// Attempts besides, whose input is owed.
    pub given_up: &'s [GivenUp],
}

/// An attempt whose response had begun when it was given up for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    pub origin: Arc<str>,
    /// What its input cost; `None`: there is no price.
    pub usd: Option<Usd>,
    /// The tokens of its input, if they are known.
    pub tokens: Option<u64>,
}

/// What a request has reserved of its budgets, until it is settled. Dropped without that, it counts
/// nothing if no response came, and the request's own part of the estimate if one did.
pub struct Reservation(Option<Box<Held>>);

struct Held {
    spend: Arc<Spend>,
    kept: Vec<Kept>,
    /// What Redis has reserved.
    lease: Option<SharedLease>,
    learner: Option<Learner>,
    has_head: bool,
}

/// What is reserved at one place.
pub struct Kept {
    kind: Kind,
    place: Place,
    end: Option<i64>,
    unit: Unit,
    on_unknown_usage: OnUnknownUsage,
    amount: u64,
    /// What of `amount` is reserved in this process.
    here: u64,
    input: u64,
    origins: Vec<Box<str>>,
}

impl Kept {
    /// Reserved in this process.
    pub(super) fn here((claim, place): (&Claim<'_>, Place)) -> Self {
        Kept {
            here: claim.amount,
            ..Self::elsewhere((claim, place))
        }
    }

    /// Reserved in Redis, or nowhere.
    pub(super) fn elsewhere((claim, place): (&Claim<'_>, Place)) -> Self {
        Kept {
            kind: claim.kind,
            place,
            end: claim.end.map(|end| end.as_millisecond()),
            unit: claim.unit,
            on_unknown_usage: claim.on_unknown_usage,
            amount: claim.amount,
            here: 0,
            input: claim.input,
            origins: claim.origins.clone(),
        }
    }

    fn part(&self, spent: u64) -> Part {
        Part {
            kind: self.kind,
            place: self.place,
            end: self.end,
            amount: 0,
            spent,
        }
    }

    /// What was spent of it.
    fn spent(&self, spent: &Spent<'_>, has_head: bool) -> u64 {
        let given_up = spent.given_up.iter().map(|it| self.owed_for(it));
        let given_up = given_up.fold(0_u64, u64::saturating_add);
        let own = self.spent_at_last(spent, has_head);
        own.saturating_add(given_up).min(Amount::MOST)
    }

    /// Whether what this origin responds counts here.
    fn counts_of(&self, origin: &str) -> bool {
        self.origins.is_empty() || self.origins.iter().any(|own| **own == *origin)
    }

    /// What is owed for an attempt that was given up.
    fn owed_for(&self, attempt: &GivenUp) -> u64 {
        let is_here = self.counts_of(&attempt.origin);
        let owed = match self.unit {
            Unit::Usd => attempt.usd.map(Usd::nano),
            Unit::Tokens => attempt.tokens,
        };
        match self.on_unknown_usage {
            OnUnknownUsage::Estimate | OnUnknownUsage::Deny if is_here => owed.unwrap_or(0),
            OnUnknownUsage::Estimate | OnUnknownUsage::Deny | OnUnknownUsage::Allow => 0,
        }
    }

    /// What was spent of it by the attempt whose response was relayed.
    fn spent_at_last(&self, spent: &Spent<'_>, has_head: bool) -> u64 {
        if spent.origin.is_some_and(|origin| !self.counts_of(origin)) {
            return 0;
        }
        let known = match self.unit {
            Unit::Usd => spent.usd.map(Usd::nano),
            Unit::Tokens => spent.tokens,
        };
        match (known, self.on_unknown_usage) {
            (Some(known), _) => known.min(Amount::MOST),
            (None, OnUnknownUsage::Estimate | OnUnknownUsage::Deny) if has_head => self.amount,
            (None, _) => 0,
        }
    }

    /// What is owed of it if nobody says what was used.
    fn owed(&self) -> u64 {
        match self.on_unknown_usage {
            OnUnknownUsage::Estimate | OnUnknownUsage::Deny => self.input,
            OnUnknownUsage::Allow => 0,
        }
    }
}

impl Reservation {
    pub(super) fn new(
        spend: Arc<Spend>,
        kept: Vec<Kept>,
        lease: Option<SharedLease>,
        learner: Option<Learner>,
    ) -> Self {
        spend.counts.outstanding.inc();
        Reservation(Some(Box::new(Held {
            spend,
            kept,
            lease,
            learner,
            has_head: false,
        })))
    }

    /// A response has come that is no error: from here on the request's own part is owed.
    pub fn note_head(&mut self) {
        if let Some(held) = &mut self.0 {
            held.has_head = true;
        }
    }

    /// Counts what was used. What is unknown of it is counted as the budget says: by default as it
    /// was estimated, if a response came.
    pub fn settle(mut self, spent: &Spent<'_>) {
        if let Some(held) = self.0.take() {
            if let (Some(learner), Some(origin), Some(output)) =
                (held.learner, spent.origin, spent.output)
            {
                held.spend.learned.note(learner.at(origin), output);
            }
            let has_head = held.has_head;
            held.end(|kept| kept.spent(spent, has_head));
        }
    }

    /// Counts nothing: no upstream was asked.
    pub fn release(mut self) {
        if let Some(held) = self.0.take() {
            held.end(|_| 0);
        }
    }
}

impl Held {
    fn end(self, spent: impl Fn(&Kept) -> u64) {
        let spent: Vec<u64> = self.kept.iter().map(spent).collect();
        for (kept, spent) in self.kept.iter().zip(&spent) {
            self.spend.memory.settle(&kept.place, kept.here, *spent);
        }
        match (self.lease, &self.spend.shared) {
            (Some(lease), _) => lease.settle(spent.into_iter()),
            (None, Some(shared)) => {
                let parts = self.kept.iter().zip(spent);
                shared.note_spent(parts.map(|(kept, spent)| kept.part(spent)).collect());
            }
            (None, None) => {}
        }
        self.spend.counts.outstanding.dec();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            match held.has_head {
                true => held.end(Kept::owed),
                false => held.end(|_| 0),
            }
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.0.as_ref().map_or(0, |held| held.kept.len());
        write!(f, "Reservation({places})")
    }
}
