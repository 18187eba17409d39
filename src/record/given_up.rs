//! What is owed for attempts whose responses no client got? Their upstreams had begun to respond
//! and were left for another target, or with the request: they charge for the request itself.

use super::{Attempt, Record, details::Tried};
use crate::{
    money::Usd,
    price::{Cost, Prices, Sold},
    route::attempts::Fault,
    spend::GivenUp,
    usage::{Usage, UsageSource, estimated_input},
};

/// The attempts whose input is owed, by their places in the record. `delivered`: the place of the
/// one whose response was relayed.
fn owing(record: &Record, delivered: Option<usize>) -> impl Iterator<Item = usize> {
    let attempts = record.attempts.iter().enumerate();
    attempts
        .filter(move |(at, attempt)| delivered != Some(*at) && has_begun(attempt))
        .map(|(at, _)| at)
}

/// Whether the upstream had begun to respond with something else than an error.
fn has_begun(attempt: &Attempt) -> bool {
    let is_error = attempt.fault.as_deref() == Some(Fault::UnusableResponse.as_str());
    attempt.status.is_some_and(|status| status < 400) && !is_error
}

/// By what it is computed.
pub(super) struct Owed<'d> {
    /// The place of the attempt whose response was relayed.
    pub delivered: Option<usize>,
    /// More of each attempt.
    pub tried: &'d [Tried],
    pub cost_per_request: Option<Usd>,
    pub prices: &'d Prices,
}

impl Owed<'_> {
    /// Notes what the attempts cost that were given up, and adds it to the record's cost; returns
    /// it for the budgets. Nothing is done for a request that had one attempt and was relayed.
    pub fn note(&self, record: &mut Record) -> Vec<GivenUp> {
        if self.delivered.is_some() && record.attempts.len() == 1 {
            return Vec::new();
        }
        let places: Vec<usize> = owing(record, self.delivered).collect();
        let input = places.first().and_then(|_| input(record));
        let mut all = Vec::with_capacity(places.len());
        for at in places {
            let cost = self.cost(record, at, input);
            let attempt = &mut record.attempts[at];
            attempt.cost = cost.as_ref().map(|it| it.usd);
            all.push(GivenUp {
                origin: attempt.origin.clone(),
                usd: attempt.cost,
                tokens: input,
            });
            if let Some(cost) = cost {
                add(record, cost, self.delivered.is_some());
            }
        }
        all
    }

    /// What the input cost at one attempt.
    fn cost(&self, record: &Record, at: usize, input: Option<u64>) -> Option<Cost> {
        if input.is_none() && self.cost_per_request.is_none() {
            return None;
        }
        let usage = Usage {
            source: UsageSource::Estimated,
            input,
            ..Usage::default()
        };
        let asked = record.model.as_deref();
        let change = self.tried.get(at).and_then(|tried| tried.model.as_ref());
        self.prices.cost(&Sold {
            origin: &record.attempts[at].origin,
            model: change.map_or(asked, |change| change.of(asked)),
            response_model: None,
            usage: &usage,
            longest_input: None,
            service_tier: None,
            at: jiff::Timestamp::from_microsecond(record.received).unwrap_or_default(),
            cost_per_request: self.cost_per_request,
        })
    }
}

/// The request's tokens: as the response that was relayed says, else estimated. `None`: the body
/// is none of a model, or one of files.
fn input(record: &Record) -> Option<u64> {
    let told = record.usage.as_ref().and_then(|it| it.input);
    told.or_else(|| {
        let names_model = record.model.is_some();
        names_model.then(|| estimated_input(record.bytes_in))
    })
}

/// A response without a known price leaves the whole unknown.
fn add(record: &mut Record, cost: Cost, is_relayed: bool) {
    match &mut record.cost {
        Some(whole) => {
            let sum = whole.usd.nano().saturating_add(cost.usd.nano());
            whole.usd = Usd::from_nano(sum);
        }
        None if is_relayed => {}
        None => {
            record.cost = Some(Cost {
                parts: Box::default(),
                ..cost
            })
        }
    }
}
