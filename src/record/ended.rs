//! The end of a request whose record is complete: it is counted, and the record handed over.

use std::sync::{
    Arc,
    atomic::{Ordering, fence},
};

use super::{
    details::{Details, End},
    facts::Facts,
};
use crate::{
    identity::Name,
    observe::metrics::{EndFacts, Metrics, Outcome},
};

/// Whether the response came to its end.
pub fn is_whole(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Relayed | Outcome::Unfinished | Outcome::Tunnelled | Outcome::Answered => true,
        Outcome::Refused | Outcome::Truncated | Outcome::ClientGone | Outcome::Aborted => false,
    }
}

/// A request that has ended, and its record, which lacks what was used.
pub struct Ended {
    pub metrics: Arc<Metrics>,
    pub facts: Facts,
    pub details: Box<Details>,
    pub end: End,
}

impl Ended {
    /// Completes the record as soon as prices are known, counts the request, and hands the record
    /// over. `is_whole`: the response came to its end.
    pub fn close(mut self, is_whole: bool) {
        let prices = self.details.prices().clone();
        prices.when_ready(move || {
            self.details.settle(is_whole);
            count(&self.metrics, &self.facts, Some(self.details), &self.end);
        });
    }
}

/// Counts a request whose record is complete, and hands the record over.
pub fn count(metrics: &Metrics, facts: &Facts, details: Option<Box<Details>>, end: &End) {
    let record = details.as_ref().map(|it| it.record());
    let key = record.and_then(|it| it.key.as_ref()).map(|it| &*it.name);
    metrics.note_end(&EndFacts {
        outcome: end.outcome,
        route: facts.route.into(),
        provider: facts.provider.as_ref().and_then(|it| it.to_str().ok()),
        duration: end.after,
        first_token: facts.first_token_after,
        own: end.own,
        usage: record.and_then(|it| it.usage.as_ref()),
        cost: record.and_then(|it| it.cost.as_ref()),
        key: key.or(facts.key.as_ref().map(Name::as_str)),
        team: record.and_then(|it| it.team.as_ref()).map(|it| &*it.name),
    });
    if let Some(details) = details {
        details.close();
    }
    // Decremented last: when no request is in flight, all are counted and logged.
    fence(Ordering::Release);
    metrics.in_flight.dec();
}
