//! The form in which the admin API tells a record.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::columns;
use crate::record::{Attempt, Record};

/// A record as JSON. Times in `times` and `attempts` are microseconds after the arrival.
pub fn shown(record: &Record) -> Value {
    let parts = [request(record), response(record), spent(record)];
    let parts = parts.into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    });
    Value::Object(parts.flatten().collect())
}

/// Who asked for what.
fn request(record: &Record) -> Value {
    json!({
        "id": record.id.to_string(),
        "received": Timestamp::from_microsecond(record.received).ok(),
        "trace_id": record.trace_id,
        "traceparent": record.traceparent,
        "key": record.key,
        "team": record.team,
        "route": columns::route(record.route),
        "route_name": record.route_name,
        "provider": record.provider,
        "origin": record.origin,
        "method": record.method,
        "path": record.path,
        "operation": record.operation,
    })
}

/// What came of it.
fn response(record: &Record) -> Value {
    json!({
        "status": record.status,
        "outcome": record.outcome,
        "code": record.code,
        "detail": record.detail,
        "truncated": record.truncated,
        "client_gone": record.client_gone,
        "cache": columns::cache(record.cache),
        "stream": record.is_stream,
        "model": record.model,
        "response_model": record.response_model,
        "response_id": record.response_id,
        "finish_reason": record.finish_reason,
        "service_tier": record.service_tier,
        "max_tokens": record.max_tokens,
        "chunks": record.chunks,
        "times": times(record),
        "attempts": record.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "more_attempts": record.more_attempts,
        "plan": record.plan,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
    })
}

/// What it used and cost, and what was noted of it.
fn spent(record: &Record) -> Value {
    json!({
        "usage": record.usage,
        "usage_flaw": record.usage_flaw,
        "cost": record.cost.as_ref().map(|it| it.usd),
        "price_source": record.cost.as_ref().map(|it| it.source),
        "price_date": record.cost.as_ref().map(|it| &it.table_date),
        "cost_parts": record.cost.as_ref().map(|it| &it.parts),
        "metadata": record.metadata,
        "client": record.client,
        "counted_by": record.counted_by,
    })
}

fn times(record: &Record) -> Value {
    let times = record.times;
    json!({
        "sent": times.sent,
        "head": times.head,
        "first_token": times.first_token,
        "end": times.end,
        "own": times.own,
    })
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "target": attempt.target,
        "provider": attempt.provider,
        "origin": attempt.origin,
        "began": attempt.began,
        "resolved": attempt.resolved,
        "connected": attempt.connected,
        "tls_done": attempt.tls_done,
        "reused": attempt.reused,
        "head": attempt.head,
        "first_token": attempt.first_token,
        "ended": attempt.ended,
        "status": attempt.status,
        "fault": attempt.fault,
        "cost": attempt.cost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        money::Usd,
        price::{Cost, PriceSource},
        records::samples::sample,
        usage::Usage,
    };

    #[test]
    fn unknown_is_null_and_a_cost_is_a_decimal_text() {
        let record = Record {
            attempts: vec![Attempt::default()],
            ..sample(1_700_000_000_123)
        };
        let told = shown(&record);
        assert_eq!(told["received"], "2023-11-14T22:13:20.123Z");
        for name in ["usage", "cost", "price_source", "cost_parts", "code"] {
            assert_eq!(told[name], Value::Null, "{name}");
        }
        assert_eq!(told["key"]["name"], "app");
        assert_eq!(told["attempts"][0]["status"], Value::Null);
        let record = Record {
            usage: Some(Usage {
                input: Some(0),
                ..Usage::default()
            }),
            cost: Some(Cost {
                usd: Usd::from_nano(15_000),
                source: PriceSource::BuiltIn,
                table_date: None,
                parts: Box::default(),
            }),
            ..record
        };
        let told = shown(&record);
        assert_eq!(
            (&told["cost"], &told["price_source"]),
            (&json!("0.000015"), &json!("built_in"))
        );
        assert_eq!(
            (&told["usage"]["input"], &told["usage"]["output"]),
            (&json!(0), &Value::Null)
        );
    }

    #[test]
    fn a_stored_record_is_the_same_when_it_is_read() {
        let record = sample(1_700_000_000_123);
        let text = serde_json::to_string(&record).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Record>(&text).expect("a record"),
            record
        );
        assert!(!text.contains("null"), "{text}");
    }
}
