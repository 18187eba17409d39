//! What a request used and cost, and what becomes of its reservation.

use std::num::NonZeroU64;

use super::Details;
use crate::{
    money::Usd,
    price::{Cost, PriceSource, Sold},
    record::{CacheNote, given_up},
    spend::{GivenUp, Spent},
    usage::{Usage, UsageSource, estimated_input},
};

impl Details {
    /// What the response used, as far as it says so.
    pub(super) fn note_usage(&mut self, is_whole: bool) {
        let Some(reader) = self.reader.take() else {
            return;
        };
        let reading = reader.finish(is_whole);
        let record = &mut self.record;
        let mut usage = reading.usage;
        if !self.trusts_cost {
            usage.upstream_cost = None;
        }
        // What was generated came of some input, although nothing says of how much.
        if usage.output.is_some() && usage.input.is_none() {
            usage.input = Some(estimated_input(record.bytes_in));
            usage.source = UsageSource::Estimated;
        }
        record.usage = (usage != Usage::default()).then_some(usage);
        record.usage_flaw = reading.flaw;
        record.response_model = reading.model;
        record.response_id = reading.response_id;
        record.finish_reason = reading.finish_reason;
        record.service_tier = reading.service_tier;
        record.chunks = reading.chunks.map(NonZeroU64::get);
        self.longest_input = reading.longest_input;
    }

    /// By the origin's prices. A stored response cost nothing.
    pub(super) fn note_cost(&mut self) {
        let record = &mut self.record;
        if matches!(record.cache, CacheNote::Hit | CacheNote::Joined) {
            record.cost = Some(Cost {
                usd: Usd::ZERO,
                source: PriceSource::Cache,
                table_date: None,
                parts: Box::default(),
            });
            return;
        }
        let has_response = self.delivered.is_some() && record.status < 400;
        let nothing = Usage::default();
        let usage = record.usage.as_ref();
        let Some(usage) = usage.or_else(|| has_response.then_some(&nothing)) else {
            return;
        };
        let model = record.model.as_deref().or(record.response_model.as_deref());
        record.cost = self.accounts.prices.cost(&Sold {
            origin: record.origin.as_deref().unwrap_or_default(),
            model,
            usage,
            longest_input: self.longest_input,
            service_tier: record.service_tier.as_deref(),
            at: jiff::Timestamp::from_microsecond(record.received).unwrap_or_default(),
            cost_per_request: self.cost_per_request.filter(|_| has_response),
        });
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
        let delivered = self.delivered;
        let delivered = self.tickets.iter().position(|it| Some(*it) == delivered);
        let prices = &self.accounts.prices;
        given_up::note(&mut self.record, delivered, self.cost_per_request, prices)
    }
}
