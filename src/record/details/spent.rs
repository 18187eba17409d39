//! What a request used and cost, and what becomes of its reservation.

use std::num::NonZeroU64;

use super::Details;
use crate::{
    money::Usd,
    price::{Cost, PriceSource, Sold},
    record::{CacheNote, Operation, given_up},
    spend::{GivenUp, Spent},
    usage::{Usage, UsageSource, estimated_input},
};

impl Details {
    /// What the response used, as far as it says so.
    pub(super) fn note_usage(&mut self, is_whole: bool) {
        let Some(reader) = self.reader.take() else {
            self.record.usage = self.is_of_a_model().then(Usage::default);
            return;
        };
        let reading = reader.finish(is_whole);
        let trusts_cost = self
            .delivered()
            .is_some_and(|(_, tried)| tried.is_operators);
        let record = &mut self.record;
        let mut usage = reading.usage;
        // Only a target that the operator named is trusted to say what its response cost.
        if !trusts_cost {
            usage.upstream_cost = None;
        }
        // What was generated came of some input, although nothing says of how much.
        if usage.output.is_some() && usage.input.is_none() {
            usage.input = Some(estimated_input(record.bytes_in));
            usage.source = UsageSource::Estimated;
        }
        let is_known = usage != Usage::default();
        record.usage_flaw = reading.flaw;
        record.response_model = reading.model;
        record.response_id = reading.response_id;
        record.finish_reason = reading.finish_reason;
        record.service_tier = reading.service_tier;
        record.chunks = reading.chunks.map(NonZeroU64::get);
        self.longest_input = reading.longest_input;
        let is_told = is_known || self.is_of_a_model();
        self.record.usage = is_told.then_some(usage);
    }

    /// The response is one whose upstreams say what it used, or should.
    fn is_of_a_model(&self) -> bool {
        let is_billed = match self.record.operation {
            Operation::Chat
            | Operation::TextCompletion
            | Operation::GenerateContent
            | Operation::Embeddings => true,
            Operation::Rerank
            | Operation::Images
            | Operation::Speech
            | Operation::Transcription
            | Operation::Moderation
            | Operation::Realtime
            | Operation::Other => false,
        };
        is_billed && self.delivered.is_some() && matches!(self.record.status, 200..=299)
    }

    /// By the origin's prices. A stored response cost nothing.
    pub(super) fn note_cost(&mut self) {
        if matches!(self.record.cache, CacheNote::Hit | CacheNote::Joined) {
            self.record.cost = Some(Cost {
                usd: Usd::ZERO,
                source: PriceSource::Cache,
                table_date: None,
                parts: Box::default(),
            });
            return;
        }
        let record = &self.record;
        let has_response = self.delivered.is_some() && record.status < 400;
        let nothing = Usage::default();
        let usage = record.usage.as_ref();
        let Some(usage) = usage.or_else(|| has_response.then_some(&nothing)) else {
            return;
        };
        let asked = record.model.as_deref();
        let change = self.delivered().and_then(|(_, tried)| tried.model.as_ref());
        let cost = self.accounts.prices.cost(&Sold {
            origin: record.origin.as_deref().unwrap_or_default(),
            model: change.map_or(asked, |change| change.of(asked)),
            response_model: record.response_model.as_deref(),
            usage,
            longest_input: self.longest_input,
            service_tier: record.service_tier.as_deref(),
            at: jiff::Timestamp::from_microsecond(record.received).unwrap_or_default(),
            cost_per_request: self.cost_per_request.filter(|_| has_response),
        });
        self.record.cost = cost;
    }

    /// `own`: what the response cost that was relayed.
    pub(super) fn settle_reservation(&mut self, own: Option<Usd>, given_up: &[GivenUp]) {
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        let record = &self.record;
        if matches!(record.cache, CacheNote::Hit | CacheNote::Joined) {
            return reservation.release();
        }
        let usage = record.usage.as_ref();
        let tokens = usage.and_then(|it| match (it.input, it.output) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        });
        reservation.settle(&Spent {
            usd: own,
            tokens,
            output: usage.and_then(|it| it.output),
            origin: record.origin.as_deref(),
            given_up,
        });
    }

    pub(super) fn note_given_up(&mut self) -> Vec<GivenUp> {
        let delivered = self.delivered().map(|(place, _)| place);
        let owed = given_up::Owed {
            delivered,
            tried: &self.tried,
            cost_per_request: self.cost_per_request,
            prices: &self.accounts.prices,
        };
        owed.note(&mut self.record)
    }
}
