//! What of a record is compared in searches, and how it is written in a column. The filter of the
//! live tail and the columns of the store use the same functions, so that both find the same.

use std::borrow::Cow;

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::record::{CacheNote, Record, RouteKind};

/// The longest text in a column. What callers choose is cut before.
pub const LONGEST: usize = 256;

/// When a request arrived, in milliseconds since 1970, by its id, which orders all records.
pub fn arrived(record: &Record) -> i64 {
    let Some(timestamp) = record.id.get_timestamp() else {
        return record.received.div_euclid(1000);
    };
    let (seconds, nanoseconds) = timestamp.to_unix();
    i64::try_from(seconds)
        .unwrap_or_default()
        .saturating_mul(1000)
        + i64::from(nanoseconds / 1_000_000)
}

/// The smallest id of requests that arrived at this time, in milliseconds since 1970, or later.
pub fn id_from(milliseconds: i64) -> Vec<u8> {
    let mut id = vec![0; 16];
    let milliseconds = milliseconds.clamp(0, (1 << 48) - 1);
    id[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    id
}

/// The text in a column: cut, and without NUL, which PostgreSQL cannot store.
pub fn text(text: &str) -> Cow<'_, str> {
    let end = (0..=LONGEST.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    let text = &text[..end.unwrap_or_default()];
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// The model that was asked for, else the one that the response names.
pub fn model(record: &Record) -> Option<&str> {
    record.model.as_deref().or(record.response_model.as_deref())
}

/// Whether the client got no good response: an error by its status, or a transfer that was cut.
pub fn failed(record: &Record) -> bool {
    record.status >= 400 || record.code.is_some() || is_cut(&record.outcome) || record.truncated
}

/// Whether records with this outcome have failed, whatever their status.
pub fn is_cut(outcome: &str) -> bool {
    matches!(
        outcome,
        "unfinished" | "refused" | "truncated" | "client_gone" | "aborted"
    )
}

pub fn route(route: RouteKind) -> &'static str {
    match route {
        RouteKind::Unified => "unified",
        RouteKind::Endpoint => "endpoint",
        RouteKind::Provider => "provider",
        RouteKind::Unknown => "unknown",
    }
}

pub fn cache(cache: CacheNote) -> &'static str {
    match cache {
        CacheNote::Off => "off",
        CacheNote::Hit => "hit",
        CacheNote::Joined => "joined",
        CacheNote::Miss => "miss",
        CacheNote::Refresh => "refresh",
    }
}

/// What a trace id that the caller chose is found by; `None`: it is the record's own id, by which
/// rows are found anyway.
pub fn trace(record: &Record) -> Option<i64> {
    let mut id = Uuid::encode_buffer();
    let id = record.id.hyphenated().encode_lower(&mut id);
    (*record.trace_id != *id).then(|| trace_hash(&record.trace_id))
}

/// Others may have the same hash: who searches compares the ids.
pub fn trace_hash(trace_id: &str) -> i64 {
    xxh3_64(trace_id.as_bytes()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Outcome;

    #[test]
    fn texts_are_cut_at_characters_and_have_no_nul() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        let long = "é".repeat(200);
        assert_eq!(text(&long), "é".repeat(128));
        let long = format!("x{long}");
        assert_eq!(text(&long).len(), 255);
        assert_eq!(text(""), "");
    }

    #[test]
    fn outcomes_that_are_not_good_are_cut() {
        for outcome in Outcome::ALL {
            assert_eq!(is_cut(outcome.as_str()), !outcome.is_good(), "{outcome:?}");
        }
    }
}
