//! Records as requests leave them.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    money::Usd,
    price::{Cost, PriceSource},
    record::{Attempt, Named, Operation, Record, RouteKind, Times},
    usage::{Usage, UsageSource},
};

/// When the sample arrived, in microseconds since 1970.
pub const RECEIVED: i64 = 1_795_000_000_000_000;
pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub const CALLERS_SPAN: &str = "b7ad6b7169203331";

fn named(name: &str) -> Option<Named> {
    Some(Named {
        id: "id".into(),
        name: name.into(),
    })
}

fn attempt(
    target: &str,
    times: (u64, u64),
    status: Option<u16>,
    fault: Option<&'static str>,
) -> Attempt {
    Attempt {
        target: target.into(),
        provider: "openai".into(),
        origin: "https://api.openai.com:443".into(),
        began: times.0,
        ended: times.1,
        status,
        fault: fault.map(Into::into),
        ..Attempt::default()
    }
}

/// A stream that came at the second attempt.
pub fn chat() -> Record {
    Record {
        id: Uuid::now_v7(),
        received: RECEIVED,
        trace_id: "trace-7".into(),
        traceparent: Some(format!("00-{TRACE}-{CALLERS_SPAN}-01").into()),
        key: named("app"),
        team: named("search"),
        route: RouteKind::Unified,
        provider: Some("openai".into()),
        origin: Some("https://api.openai.com:443".into()),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        operation: Operation::Chat,
        status: 200,
        outcome: "relayed".into(),
        is_stream: true,
        model: Some("gpt-4o".into()),
        response_model: Some("gpt-4o-2024-08-06".into()),
        response_id: Some("chatcmpl-1".into()),
        finish_reason: Some("stop".into()),
        max_tokens: Some(100),
        chunks: Some(11),
        times: Times {
            sent: Some(1_000),
            head: Some(300_000),
            first_token: Some(501_000),
            end: 1_501_000,
            own: 900,
        },
        attempts: vec![
            attempt("targets[0]", (1_000, 100_000), Some(503), Some("status")),
            attempt("targets[1]", (100_000, 1_501_000), Some(200), None),
        ],
        usage: Some(usage()),
        cost: Some(Cost {
            usd: Usd::from_nano(2_500_000),
            source: PriceSource::BuiltIn,
            table_date: Some(Arc::from("2026-10-21")),
            parts: Box::default(),
        }),
        metadata: [("user".into(), "alice@example.com".into())].into(),
        client: Some("192.0.2.7".parse().expect("an address")),
        ..Record::default()
    }
}

fn usage() -> Usage {
    Usage {
        source: UsageSource::Reported,
        input: Some(1_000),
        cache_read: Some(600),
        output: Some(50),
        reasoning: Some(0),
        ..Usage::default()
    }
}
