//! The spans of one request: what the gateway served, what was asked of a model, and each attempt.

use opentelemetry_proto::tonic::trace::v1::{Span, Status, span::SpanKind, status::StatusCode};

use super::{
    attributes::{self, Attributes},
    names,
    parent::{Parent, span_id},
};
use crate::record::{Attempt, CacheNote, Record, RouteKind};

/// Places of the spans of one record, for their ids.
const SERVER: u64 = 0;
const MODEL: u64 = 1;
const FIRST_ATTEMPT: u64 = 2;

/// All spans of a request, the outermost first.
pub fn of(record: &Record, parent: &Parent) -> Vec<Span> {
    let model = model_span(record, parent);
    let outer = if model.is_some() { MODEL } else { SERVER };
    let attempts = record.attempts.iter().zip(0..);
    let attempts =
        attempts.map(|(attempt, place)| attempt_span(record, parent, (attempt, place), outer));
    let server = server_span(record, parent);
    [server].into_iter().chain(model).chain(attempts).collect()
}

/// A span of `record` at `place`, between two times of it.
fn span(record: &Record, parent: &Parent, place: u64, (begin, end): (u64, u64)) -> Span {
    let at = |time: u64| {
        let received = u64::try_from(record.received).unwrap_or_default();
        received.saturating_add(time).saturating_mul(1_000)
    };
    Span {
        trace_id: parent.trace_id.to_vec(),
        span_id: span_id(record.id, place),
        start_time_unix_nano: at(begin),
        end_time_unix_nano: at(end.max(begin)),
        ..Span::default()
    }
}

fn server_span(record: &Record, parent: &Parent) -> Span {
    let own = seconds(record.times.own);
    let attributes = Attributes::default()
        .text(names::METHOD, &*record.method)
        .text(names::HTTP_ROUTE, record.route_name.as_deref())
        .text(names::URL_PATH, &*record.path)
        .count(names::STATUS, u64::from(record.status))
        .text(names::ERROR_TYPE, attributes::error_type(record).as_deref())
        .text(
            names::CLIENT_ADDRESS,
            record.client.map(|it| it.to_string()).as_deref(),
        )
        .text(names::OUTCOME, &*record.outcome)
        .text(names::RECORD_ID, &*record.id.to_string())
        .text(names::TRACE_ID, &*record.trace_id)
        .flag(names::TRUNCATED, record.truncated)
        .text(names::CACHE, cache(record.cache))
        .text(names::KEY, record.key.as_ref().map(|it| &*it.name))
        .text(names::TEAM, record.team.as_ref().map(|it| &*it.name))
        .number(names::OWN_TIME, own);
    Span {
        parent_span_id: parent.span_id.map(Vec::from).unwrap_or_default(),
        name: format!("{} {}", record.method, route(record.route)),
        kind: SpanKind::Server.into(),
        attributes: attributes.into_vec(),
        // An error of the caller's is none of the server's (HTTP conventions).
        status: status(record.truncated || record.status >= 500),
        ..span(record, parent, SERVER, (0, record.times.end))
    }
}

/// What was asked of a model; `None`: nothing was, or nothing was sent.
fn model_span(record: &Record, parent: &Parent) -> Option<Span> {
    let operation = attributes::operation(record.operation)?;
    let sent = record.times.sent?;
    let usage = record.usage.as_ref();
    let cost = record.cost.as_ref();
    let first_token = record.times.first_token;
    let attributes = Attributes::default()
        .text(names::OPERATION, operation)
        .text(names::PROVIDER, attributes::provider(record))
        .text(names::REQUEST_MODEL, record.model.as_deref())
        .flag(names::REQUEST_STREAM, record.is_stream)
        .count(names::MAX_TOKENS, record.max_tokens)
        .text(names::RESPONSE_MODEL, record.response_model.as_deref())
        .text(names::RESPONSE_ID, record.response_id.as_deref())
        .texts(names::FINISH_REASONS, record.finish_reason.as_deref())
        .number(
            names::FIRST_CHUNK,
            first_token.map(|it| seconds(it.saturating_sub(sent))),
        )
        .server(record.origin.as_deref())
        .text(names::ERROR_TYPE, attributes::error_type(record).as_deref())
        .count(names::INPUT_TOKENS, usage.and_then(|it| it.input))
        .count(names::OUTPUT_TOKENS, usage.and_then(|it| it.output))
        .count(names::CACHE_READ, usage.and_then(|it| it.cache_read))
        .count(names::CACHE_WRITE, usage.and_then(|it| it.cache_write))
        .count(names::REASONING, usage.and_then(|it| it.reasoning))
        .text(
            names::USAGE_SOURCE,
            usage.map(|it| attributes::usage_source(it.source)),
        )
        .text(names::SERVICE_TIER, record.service_tier.as_deref())
        .number(names::COST, cost.map(|it| it.usd.nano() as f64 / 1e9))
        .text(names::COST_SOURCE, cost.map(|it| it.source.name()));
    let model = record.model.as_deref().unwrap_or_default();
    Some(Span {
        parent_span_id: span_id(record.id, SERVER),
        name: format!("{operation} {model}").trim_end().to_owned(),
        kind: SpanKind::Client.into(),
        attributes: attributes.into_vec(),
        status: status(attributes::error_type(record).is_some()),
        ..span(record, parent, MODEL, (sent, record.times.end))
    })
}

fn attempt_span(
    record: &Record,
    parent: &Parent,
    (attempt, place): (&Attempt, u64),
    outer: u64,
) -> Span {
    let upstream_error = attempt
        .status
        .filter(|it| *it >= 400)
        .map(|it| it.to_string());
    let error = attempt.fault.as_deref().or(upstream_error.as_deref());
    let attributes = Attributes::default()
        .text(names::METHOD, &*record.method)
        .server(Some(&attempt.origin))
        .count(names::STATUS, attempt.status.map(u64::from))
        .text(names::ERROR_TYPE, error)
        .count(names::RESEND_COUNT, Some(place).filter(|it| *it > 0))
        .text(names::TARGET, &*attempt.target)
        .text(names::TARGET_PROVIDER, &*attempt.provider)
        .flag(names::REUSED, attempt.reused);
    Span {
        parent_span_id: span_id(record.id, outer),
        name: record.method.to_string(),
        kind: SpanKind::Client.into(),
        attributes: attributes.into_vec(),
        status: status(error.is_some()),
        ..span(
            record,
            parent,
            FIRST_ATTEMPT + place,
            (attempt.began, attempt.ended),
        )
    }
}

fn status(is_error: bool) -> Option<Status> {
    is_error.then(|| Status {
        code: StatusCode::Error.into(),
        ..Status::default()
    })
}

pub fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn route(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Unified => "unified",
        RouteKind::Endpoint => "endpoint",
        RouteKind::Provider => "provider",
        RouteKind::Unknown => "unknown",
    }
}

fn cache(note: CacheNote) -> &'static str {
    match note {
        CacheNote::Off => "off",
        CacheNote::Hit => "hit",
        CacheNote::Joined => "joined",
        CacheNote::Miss => "miss",
        CacheNote::Refresh => "refresh",
    }
}
