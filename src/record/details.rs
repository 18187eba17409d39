//! What is noted of a request for its record alone. Without records none of it is kept.

use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    Attempt, CacheNote, CacheStatus, Named, Queue, Record, RouteKind,
    clip::cut,
    facts::{Ending, Facts, LONGEST},
    given_up,
};
use crate::{
    dialect::Media,
    endpoint::{Endpoint, UsagePlaces},
    identity::{Identity, Name},
    machine::clock,
    money::Usd,
    observe::metrics::Outcome,
    price::{Cost, PriceSource, Prices, Sold},
    route::attempts::Failed,
    spend::{GivenUp, Reservation, Spent},
    upstream::Connecting,
    usage::{Expected, RequestFacts, Usage, UsageReader, UsageSource, estimated_input, operation},
};

/// The most attempts that a record lists.
const MOST_ATTEMPTS: usize = 32;
/// The most names of a request's metadata in its record.
const MOST_METADATA: usize = 32;
/// The most bytes of a name or a value of it.
const LONGEST_METADATA: usize = 128;
/// The most bytes of a name that a response gives.
const LONGEST_NAME: usize = 256;

/// The record of a request under way, as far as it is known.
pub(super) struct Details {
    accounts: Accounts,
    record: Box<Record>,
    /// The ticket of each attempt in the record.
    tickets: Vec<u32>,
    received: Instant,
    /// The attempt whose response is relayed.
    delivered: Option<u32>,
    /// What the operator says of the usage of an endpoint's responses.
    places: Option<Arc<UsagePlaces>>,
    cost_per_request: Option<Usd>,
    /// The operator named the target: it is trusted to say what its response cost.
    trusts_cost: bool,
    reader: Option<UsageReader>,
    /// What the request has reserved of its budgets.
    reservation: Option<Reservation>,
}

/// What the account of a request needs besides the request.
#[derive(Clone)]
pub struct Accounts {
    pub queue: Arc<Queue>,
    pub prices: Arc<Prices>,
}

impl Details {
    pub fn new(accounts: Accounts, received: Instant) -> Self {
        let now = Timestamp::now(NoContext);
        let (seconds, nanos) = now.to_unix();
        let micros = seconds.saturating_mul(1_000_000) + u64::from(nanos / 1000);
        let record = Record {
            id: Uuid::new_v7(now),
            received: i64::try_from(micros).unwrap_or(i64::MAX),
            ..Record::default()
        };
        Details {
            accounts,
            record: Box::new(record),
            tickets: Vec::new(),
            received,
            delivered: None,
            places: None,
            cost_per_request: None,
            trusts_cost: false,
            reader: None,
            reservation: None,
        }
    }

    pub fn note_holder(&mut self, holder: &Identity) {
        let ids = holder.id_texts();
        self.record.key = Some(named(&ids.key, &holder.key.name));
        let team = holder.team.as_ref().zip(ids.team.as_ref());
        self.record.team = team.map(|(team, id)| named(id, &team.name));
    }

    pub fn note_route(&mut self, kind: RouteKind, name: Option<&str>) {
        self.record.route = kind;
        self.record.route_name = name.map(|it| clipped(it, LONGEST));
    }

    pub fn note_caller(&mut self, caller: Caller<'_>) {
        self.record.client = caller.address;
        self.record.traceparent = caller.traceparent.and_then(traceparent);
        let metadata = caller.metadata.into_iter().flatten().take(MOST_METADATA);
        let entry = |(name, value): (&String, &String)| {
            let clip = |text: &str| clipped(text, LONGEST_METADATA);
            (clip(name), clip(value))
        };
        self.record.metadata = metadata.map(entry).collect();
    }

    pub fn note_endpoint(&mut self, endpoint: &Endpoint) {
        self.places.clone_from(&endpoint.usage);
        self.cost_per_request = endpoint.cost_per_request;
    }

    pub fn hold(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }

    /// A response has come. From here on the request's own part of its estimate is owed, unless
    /// the response is an error.
    pub fn note_reserved_head(&mut self, status: u16) {
        if let Some(reservation) = self.reservation.as_mut().filter(|_| status < 400) {
            reservation.note_head();
        }
    }

    /// Nothing is sent for the request.
    pub fn release_reservation(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            reservation.release();
        }
    }

    pub fn note_response(&mut self, facts: &Facts, response: Response<'_>) {
        let media = Media::of(response.headers);
        self.record.is_stream = matches!(media, Media::Events | Media::Lines);
        self.reader = UsageReader::new(&Expected {
            method: facts.method.as_str(),
            path: facts.places.path(),
            status: response.status,
            headers: response.headers,
            places: self.places.as_deref(),
            is_websocket: response.status == 101,
        });
    }

    /// Bytes of the response's body.
    pub fn read(&mut self, bytes: &[u8]) {
        if let Some(reader) = &mut self.reader {
            reader.feed(bytes);
        }
    }

    /// What the request says of itself.
    pub fn note_request(&mut self, facts: Option<RequestFacts>) {
        let facts = facts.unwrap_or_default();
        self.record.model = facts.model;
        self.record.max_tokens = facts.max_tokens;
        self.record.is_stream |= facts.is_stream == Some(true);
    }

    pub fn note_plan(&mut self, plan: Arc<Value>) {
        self.record.plan = Some(plan);
    }

    pub fn note_counted_by(&mut self, name: &str) {
        self.record.counted_by.push(name.into());
    }

    pub fn begin_attempt(&mut self, attempt: Begun<'_>, began: Duration) {
        self.trusts_cost = attempt.is_operators;
        if self.tickets.len() == MOST_ATTEMPTS {
            self.record.more_attempts += 1;
            return;
        }
        self.record.provider = Some(text(attempt.provider));
        self.tickets.push(attempt.ticket);
        self.record.attempts.push(Attempt {
            target: text(attempt.index),
            provider: text(attempt.provider),
            origin: clipped(attempt.origin, LONGEST),
            began: micros(began),
            ..Attempt::default()
        });
    }

    /// Its target was vetted, and limits had room.
    pub fn note_resolved(&mut self, ticket: u32) {
        let now = micros(self.elapsed());
        if let Some(attempt) = self.attempt(ticket) {
            attempt.resolved = Some(now);
        }
    }

    pub fn note_connecting(&mut self, ticket: u32, how: Connecting) {
        let received = self.received;
        let after = |at: Instant| micros(at.saturating_duration_since(received));
        if let Some(attempt) = self.attempt(ticket) {
            attempt.reused = how.is_reused;
            attempt.connected = how.connected.map(after);
            attempt.tls_done = how.tls_done.map(after);
        }
    }

    pub fn note_head(&mut self, ticket: u32, status: u16, after: Duration) {
        if let Some(attempt) = self.attempt(ticket) {
            attempt.status = Some(status);
            attempt.head = Some(micros(after));
        }
    }

    pub fn note_failed(&mut self, ticket: u32, failed: Failed, after: Duration) {
        if let Some(attempt) = self.attempt(ticket) {
            attempt.fault = Some(failed.fault.as_str().into());
            attempt.ended = micros(after);
        }
    }

    /// The response of this attempt is relayed.
    pub fn note_delivered(&mut self, ticket: u32) {
        self.delivered = Some(ticket);
    }

    fn attempt(&mut self, ticket: u32) -> Option<&mut Attempt> {
        let place = self.tickets.iter().rposition(|it| *it == ticket)?;
        self.record.attempts.get_mut(place)
    }

    fn elapsed(&self) -> Duration {
        clock::since(self.received)
    }

    /// Completes the record, and settles what was reserved.
    pub fn settle(&mut self, facts: &Facts, end: &End) {
        self.finish_attempts(facts, end);
        self.note_facts(facts, end);
        self.note_usage(end.outcome);
        self.note_cost();
        let own = self.record.cost.as_ref().map(|it| it.usd);
        let given_up = self.note_given_up();
        self.settle_reservation(own, &given_up);
    }

    fn note_given_up(&mut self) -> Vec<GivenUp> {
        let delivered = self.delivered;
        let delivered = self.tickets.iter().position(|it| Some(*it) == delivered);
        let prices = &self.accounts.prices;
        given_up::note(&mut self.record, delivered, self.cost_per_request, prices)
    }

    /// The record, as far as it is known.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Hands the record over.
    pub fn close(self) {
        self.accounts.queue.push(self.record);
    }

    /// By the origin's prices. A stored response cost nothing.
    fn note_cost(&mut self) {
        let record = &mut *self.record;
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
            service_tier: record.service_tier.as_deref(),
            at: jiff::Timestamp::from_microsecond(record.received).unwrap_or_default(),
            cost_per_request: self.cost_per_request.filter(|_| has_response),
        });
    }

    /// `own`: what the response cost that was relayed.
    fn settle_reservation(&mut self, own: Option<Usd>, given_up: &[GivenUp]) {
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        let record = &*self.record;
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

    fn note_facts(&mut self, facts: &Facts, end: &End) {
        let record = &mut *self.record;
        record.trace_id = text(&facts.trace_id);
        record.method = clipped(facts.method.as_str(), LONGEST);
        record.path = facts.places.path().into();
        record.origin = facts.places.origin().map(Into::into);
        record.status = facts.logged_status(end.outcome);
        record.outcome = end.outcome.as_str().into();
        match &facts.ending {
            Ending::Plain => {}
            Ending::Error(code, detail) => {
                record.code = Some(code.name().into());
                record.detail = Some(clipped(detail, LONGEST));
            }
            Ending::Cut(reason) => record.detail = Some(clipped(&reason.to_string(), LONGEST)),
        }
        record.truncated = matches!(
            end.outcome,
            Outcome::Truncated | Outcome::Unfinished | Outcome::Aborted
        );
        record.client_gone = end.outcome == Outcome::ClientGone;
        record.cache = cache_note(facts.cache);
        record.operation = operation(&record.method, &record.path);
        record.bytes_in = facts.bytes_in;
        record.bytes_out = facts.bytes_out;
        record.times.sent = record.attempts.first().map(|it| it.began);
        record.times.head = facts.head_after.map(micros);
        record.times.first_token = facts.first_token_after.map(micros);
        record.times.end = micros(end.after);
        record.times.own = micros(end.own);
    }

    /// What the response used, as far as it says so.
    fn note_usage(&mut self, outcome: Outcome) {
        let Some(reader) = self.reader.take() else {
            return;
        };
        let is_whole = match outcome {
            Outcome::Relayed | Outcome::Unfinished | Outcome::Tunnelled | Outcome::Answered => true,
            Outcome::Refused | Outcome::Truncated | Outcome::ClientGone | Outcome::Aborted => false,
        };
        let reading = reader.finish(is_whole);
        let record = &mut *self.record;
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
        record.response_model = reading.model.map(|it| clipped(&it, LONGEST_NAME));
        record.response_id = reading.response_id.map(|it| clipped(&it, LONGEST_NAME));
        record.finish_reason = reading.finish_reason.map(|it| clipped(&it, LONGEST_NAME));
        record.service_tier = reading.service_tier.map(|it| clipped(&it, LONGEST_NAME));
        record.chunks = reading.chunks.map(NonZeroU64::get);
    }

    /// An attempt that neither failed nor was relayed was given up for another, or with the
    /// request.
    fn finish_attempts(&mut self, facts: &Facts, end: &End) {
        let (end, delivered) = (micros(end.after), self.delivered);
        for (attempt, ticket) in self.record.attempts.iter_mut().zip(&self.tickets) {
            if attempt.fault.is_some() {
                continue;
            }
            attempt.ended = end;
            match (delivered, &facts.ending) {
                (Some(delivered), _) if delivered == *ticket => {
                    attempt.first_token = facts.first_token_after.map(micros);
                }
                (Some(_), _) => attempt.fault = Some("superseded".into()),
                (None, Ending::Error(code, _)) => attempt.fault = Some(code.name().into()),
                (None, Ending::Plain | Ending::Cut(_)) => attempt.fault = Some("given_up".into()),
            }
        }
    }
}

/// Who sent a request, and what it says of itself.
pub struct Caller<'a> {
    pub address: Option<std::net::IpAddr>,
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// W3C Trace Context.
    pub traceparent: Option<&'a HeaderValue>,
}

/// The head of an upstream's response.
pub struct Response<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
}

/// How a request ended, and when.
pub struct End {
    pub outcome: Outcome,
    /// The time since the request arrived.
    pub after: Duration,
    /// The gateway's own share of it.
    pub own: Duration,
}

/// An attempt that begins.
#[derive(Clone, Copy)]
pub struct Begun<'a> {
    pub ticket: u32,
    /// The target's path in the config.
    pub index: &'a HeaderValue,
    pub provider: &'a HeaderValue,
    pub origin: &'a str,
    /// The operator named the target.
    pub is_operators: bool,
}

fn named(id: &Arc<str>, name: &Name) -> Named {
    Named {
        id: id.clone(),
        name: name.shared(),
    }
}

fn text(value: &HeaderValue) -> Box<str> {
    value.to_str().unwrap_or_default().into()
}

fn clipped(text: &str, most: usize) -> Box<str> {
    cut(text, most).0.into()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn cache_note(status: CacheStatus) -> CacheNote {
    match status {
        CacheStatus::Disabled(_) => CacheNote::Off,
        CacheStatus::Hit => CacheNote::Hit,
        CacheStatus::Joined { .. } => CacheNote::Joined,
        CacheStatus::Miss => CacheNote::Miss,
        CacheStatus::Refresh => CacheNote::Refresh,
    }
}

/// The value, if it is well-formed (W3C Trace Context §3.2): version, trace, parent, flags.
fn traceparent(value: &HeaderValue) -> Option<Box<str>> {
    let text = value.to_str().ok()?;
    let is_hex = |part: &str| {
        let mut bytes = part.bytes();
        bytes.all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|it| it == b'0');
    let mut parts = text.split('-');
    let [version, trace, parent, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let lengths = [version, trace, parent, flags].map(str::len);
    let is_known = version != "ff" && (version != "00" || parts.next().is_none());
    let is_good = lengths == [2, 32, 16, 2]
        && [version, trace, parent, flags].into_iter().all(is_hex)
        && !is_zero(trace)
        && !is_zero(parent)
        && is_known;
    is_good.then(|| text[..55].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_if_it_is_well_formed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (value, taken) in [
            (good.to_owned(), Some(good)),
            (
                format!("cc{}", &good[2..]),
                Some("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ),
            (
                format!("cc{}-more", &good[2..]),
                Some("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ),
            (format!("ff{}", &good[2..]), None),
            (format!("{good}-more"), None),
            (good.to_uppercase(), None),
            (
                good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
                None,
            ),
            (good.replace("00f067aa0ba902b7", &"0".repeat(16)), None),
            (String::new(), None),
        ] {
            let value = HeaderValue::from_str(&value).expect("a value");
            assert_eq!(traceparent(&value).as_deref(), taken, "{value:?}");
        }
    }
}
