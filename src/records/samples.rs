//! Records for tests.

use uuid::{NoContext, Timestamp, Uuid};

use crate::record::{Named, Operation, Record, RouteKind, Times};

/// The id of a request that arrived at this time, in milliseconds since 1970.
pub fn id(milliseconds: i64) -> Uuid {
    let milliseconds = u64::try_from(milliseconds).unwrap_or_default();
    let nanoseconds = u32::try_from(milliseconds % 1000 * 1_000_000).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        milliseconds / 1000,
        nanoseconds,
    ))
}

/// An ordinary request that arrived at this time.
pub fn sample(milliseconds: i64) -> Record {
    let named = |id: &str, name: &str| Named {
        id: id.into(),
        name: name.into(),
    };
    Record {
        id: id(milliseconds),
        received: milliseconds * 1000,
        trace_id: id(milliseconds).to_string().into(),
        key: Some(named("key_app", "app")),
        team: Some(named("team_search", "search")),
        route: RouteKind::Unified,
        provider: Some("openai".into()),
        origin: Some("https://api.openai.com".into()),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        operation: Operation::Chat,
        status: 200,
        outcome: "relayed".into(),
        model: Some("gpt-4o".into()),
        times: Times {
            sent: Some(100),
            head: Some(40_000),
            first_token: Some(50_000),
            end: 900_000,
            own: 120,
        },
        ..Record::default()
    }
}
