//! The headers that the gateway adds to a response.

use std::{rc::Rc, time::Duration};

use actix_http::{
    ConnectionType, Response,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use super::reply_body::ReplyBody;
use crate::{
    directives::table::{
        BUDGET_WARNING, CACHE_STATUS, LAST_USED_OPTION_INDEX, NAMESPACE, PORTKEY_NAMESPACE,
        PROVIDER, RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET, REPLAY,
        RETRY_ATTEMPT_COUNT, TRACE_ID, WITHHELD,
    },
    downstream::ClientConnection,
    proxy::{admit::cors, notes::ReplyFacts},
    record::Route,
};

/// `access-control-*` lines that a response to a preflight made itself.
const PREFLIGHT_LINES: [HeaderName; 3] = [
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// The one header that every response has.
pub fn trace(headers: &mut HeaderMap, trace_id: HeaderValue) {
    headers.insert(TRACE_ID, trace_id);
}

/// Moves the facts into reply headers: the trace id, those that tell of a target, if one was
/// chosen, and of limits, if any applied.
pub fn describe(headers: &mut HeaderMap, facts: &mut ReplyFacts) {
    let room = facts.tightest_room();
    let none = HeaderValue::from_static("");
    trace(headers, std::mem::replace(&mut facts.trace_id, none));
    if let Some(route) = facts.route.take() {
        describe_route(headers, route);
        let cache = HeaderValue::from_static(facts.cache.name());
        headers.insert(CACHE_STATUS, cache);
    }
    if let Some(room) = room {
        headers.insert(RATELIMIT_LIMIT, HeaderValue::from(room.limit));
        headers.insert(RATELIMIT_REMAINING, HeaderValue::from(room.remaining));
        headers.insert(RATELIMIT_RESET, HeaderValue::from(in_seconds(room.reset)));
    }
    if let Some(warning) = facts.budget_warning.take() {
        headers.insert(BUDGET_WARNING, warning);
    }
}

/// A time as a header has it, in whole seconds.
pub fn in_seconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn describe_route(headers: &mut HeaderMap, route: Route) {
    headers.insert(PROVIDER, route.provider);
    headers.insert(LAST_USED_OPTION_INDEX, route.index);
    let retries = match route.retries {
        0 => HeaderValue::from_static("0"),
        some => HeaderValue::from(some),
    };
    headers.insert(RETRY_ATTEMPT_COUNT, retries);
    if let Some(withheld) = route.withheld {
        headers.insert(WITHHELD, withheld);
    }
    if route.replay_lost {
        headers.insert(REPLAY, HeaderValue::from_static("lost"));
    }
}

/// What every response gets last.
pub fn finish(
    response: &mut Response<ReplyBody>,
    origin: Option<&HeaderValue>,
    connection: &Rc<ClientConnection>,
    portkey: bool,
) {
    if let Some(origin) = origin {
        let preflight = response
            .headers()
            .contains_key(header::ACCESS_CONTROL_MAX_AGE)
            && response.body().is_own();
        let keep = if preflight { &PREFLIGHT_LINES[..] } else { &[] };
        cors::mark(response.headers_mut(), origin, keep);
    }
    if portkey {
        mirror(response.headers_mut());
    }
    if connection.malformed().is_some() && response.body().is_own() {
        // Nothing more can be read from this client, and what it still sends is thrown away until
        // it has read the response.
        connection.finish();
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    if connection.is_closing() && !response.head().upgrade() {
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
}

/// Portkey mode: every reply header of ours once more under Portkey's name.
fn mirror(headers: &mut HeaderMap) {
    let ours: Vec<(HeaderName, HeaderValue)> = headers
        .iter()
        .filter_map(|(name, value)| {
            let suffix = name.as_str().strip_prefix(NAMESPACE)?;
            let name = format!("{PORTKEY_NAMESPACE}{suffix}").parse().ok()?;
            Some((name, value.clone()))
        })
        .collect();
    for (name, value) in ours {
        headers.insert(name, value);
    }
}
