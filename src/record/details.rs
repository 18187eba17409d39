//! What is noted of a request for its record alone. Without records none of it is kept.

mod attempts;
mod caller;
mod spent;

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use serde_json::Value;
use uuid::{NoContext, Timestamp, Uuid};

pub(super) use self::attempts::Tried;
pub use self::{attempts::Begun, caller::Caller};
use super::{
    Attempt, CacheNote, CacheStatus, Named, Queue, Record, RouteKind,
    clip::cut,
    facts::{Ending, Facts, LONGEST},
};
use crate::{
    dialect::Media,
    endpoint::{Endpoint, UsagePlaces},
    identity::{Identity, Name},
    money::Usd,
    observe::metrics::Outcome,
    price::Prices,
    spend::Reservation,
    usage::{Expected, RequestFacts, UsageReader, operation},
};

/// The record of a request under way, as far as it is known.
pub(super) struct Details {
    accounts: Accounts,
    record: Record,
    /// More of each attempt in the record.
    tried: Vec<Tried>,
    received: Instant,
    /// The attempt whose response is relayed.
    delivered: Option<u32>,
    /// What the operator says of the usage of an endpoint's responses.
    places: Option<Arc<UsagePlaces>>,
    cost_per_request: Option<Usd>,
    /// The tokens of the longest input, where a model was run several times for the request.
    longest_input: Option<u64>,
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
    pub fn new(accounts: Accounts, facts: &Facts) -> Self {
        let now = Timestamp::now(NoContext);
        let (seconds, nanos) = now.to_unix();
        let micros = seconds.saturating_mul(1_000_000) + u64::from(nanos / 1000);
        let record = Record {
            id: facts.made_id.unwrap_or_else(|| Uuid::new_v7(now)),
            received: i64::try_from(micros).unwrap_or(i64::MAX),
            operation: operation(facts.method.as_str(), facts.places.path()),
            ..Record::default()
        };
        Details {
            accounts,
            record,
            tried: Vec::new(),
            received: facts.received,
            delivered: None,
            places: None,
            cost_per_request: None,
            longest_input: None,
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
            operation: self.record.operation,
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

    /// Whether the rest of the response may say more of what was used.
    pub fn reads_usage(&self) -> bool {
        self.reader.is_some()
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

    /// Completes the record, but for what the response used.
    pub fn note_end(&mut self, facts: &Facts, end: &End) {
        self.finish_attempts(facts, end);
        self.note_facts(facts, end);
    }

    /// Completes the record with what the response used, and settles what was reserved.
    /// `is_whole`: the response came to its end.
    pub fn settle(&mut self, is_whole: bool) {
        self.note_usage(is_whole);
        self.note_cost();
        let own = self.record.cost.as_ref().map(|it| it.usd);
        let given_up = self.note_given_up();
        self.settle_reservation(own, &given_up);
    }

    pub fn prices(&self) -> &Arc<Prices> {
        &self.accounts.prices
    }

    /// The record, as far as it is known.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Hands the record over.
    pub fn close(self) {
        self.accounts.queue.push(Arc::new(self.record));
    }

    fn note_facts(&mut self, facts: &Facts, end: &End) {
        let record = &mut self.record;
        record.trace_id = text(&facts.trace_id).into();
        record.method = method(&facts.method);
        record.path = facts.places.path().into();
        record.origin = facts.places.origin().map(|it| origin(&record.attempts, it));
        record.status = facts.logged_status(end.outcome);
        record.outcome = end.outcome.as_str().into();
        match &facts.ending {
            Ending::Plain => {}
            Ending::Error(code, detail) => {
                record.code = Some(Cow::Borrowed(code.name()));
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
        record.bytes_in = facts.bytes_in;
        record.bytes_out = facts.bytes_out;
        record.times.sent = record.attempts.first().map(|it| it.began);
        record.times.head = facts.head_after.map(micros);
        record.times.first_token = facts.first_token_after.map(micros);
        record.times.end = micros(end.after);
        record.times.own = micros(end.own);
    }
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

fn named(id: &Arc<str>, name: &Name) -> Named {
    Named {
        id: id.clone(),
        name: name.shared(),
    }
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

fn clipped(text: &str, most: usize) -> Box<str> {
    cut(text, most).0.into()
}

fn method(method: &Method) -> Cow<'static, str> {
    match *method {
        Method::POST => Cow::Borrowed("POST"),
        Method::GET => Cow::Borrowed("GET"),
        _ => Cow::Owned(clipped(method.as_str(), LONGEST).into()),
    }
}

/// The origin as the last attempt has it, so that it is in memory once.
fn origin(attempts: &[Attempt], origin: &str) -> Arc<str> {
    let last = attempts.last().filter(|it| *it.origin == *origin);
    last.map_or_else(|| origin.into(), |it| it.origin.clone())
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
