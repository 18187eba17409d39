//! The id under which a request is found in logs, here and elsewhere.

use actix_http::header::HeaderValue;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    directives::{DirectiveError, Directives},
    http::request_fields::Line,
};

/// The caller's trace id, or a new one (UUIDv7: sortable by time), which is returned as such too.
pub fn of(
    ours: &[Line<'_>],
    directives: &Result<Directives, DirectiveError>,
) -> (HeaderValue, Option<Uuid>) {
    let given = match directives {
        Ok(directives) => directives.trace_id.clone(),
        // Another header is at fault: the caller shall find the refusal under the id that was sent.
        Err(_) => only_trace_id(ours),
    };
    if let Some(Ok(given)) = given.as_deref().map(HeaderValue::from_str) {
        return (given, None);
    }
    let mut text = Uuid::encode_buffer();
    // No context: one would be shared by all workers, behind a lock.
    let made = Uuid::new_v7(Timestamp::now(NoContext));
    // A UUID is ASCII.
    let text = HeaderValue::from_str(made.hyphenated().encode_lower(&mut text));
    let text = text.unwrap_or_else(|_| HeaderValue::from_static("-"));
    (text, Some(made))
}

fn only_trace_id(ours: &[Line<'_>]) -> Option<String> {
    let lines = ours.iter().copied();
    let alone: Vec<_> = lines
        .filter(|(name, _)| name.as_str().ends_with("-trace-id"))
        .collect();
    Directives::parse(&alone).ok()?.trace_id
}
