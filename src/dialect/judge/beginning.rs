//! What a body can still be, judged by its first bytes alone.

use crate::dialect::{Generates, shape::trimmed};

/// What a body can still be.
pub enum Beginning {
    /// Too few bytes to tell.
    Open,
    Json,
    Events,
    Html,
    /// The JSON value `null`, or a prefix of it.
    Null,
    Else,
}

/// Beginnings of HTML pages, in lower case.
const PAGES: [&[u8]; 11] = [
    b"<!doctype",
    b"<!--",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<title",
    b"<meta",
    b"<style",
    b"<center",
    b"<h1",
];

/// Beginnings of lines of an event stream.
const EVENT_LINES: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub const NULL: &[u8] = b"null";

/// Appends bytes, without byte order marks and leading white space, which slow servers send as
/// heartbeats. Returns whether what is kept begins anew.
pub fn keep(seen: &mut Vec<u8>, bytes: &[u8]) -> bool {
    seen.extend_from_slice(bytes);
    let blank = seen.len() - trimmed(seen).len();
    seen.drain(..blank);
    blank > 0
}

/// The body begins like an event stream.
pub fn begins_as_events(body: &[u8]) -> bool {
    let body = trimmed(body);
    let begins = |line: &&[u8]| {
        let begin = body.get(..line.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(line))
    };
    EVENT_LINES.iter().any(begins)
}

/// Inspects only the first bytes, however long the body is.
pub fn beginning(route: Generates, seen: &[u8]) -> Beginning {
    if BYTE_ORDER_MARK.starts_with(seen) {
        return Beginning::Open;
    }
    let body = trimmed(seen);
    let Some(first) = body.first() else {
        return Beginning::Open;
    };
    let lower: Vec<u8> = body.iter().take(16).map(u8::to_ascii_lowercase).collect();
    let is_one = |words: &[&[u8]]| words.iter().any(|word| lower.starts_with(word));
    let may_be = |words: &[&[u8]]| words.iter().any(|word| word.starts_with(&lower));
    match first {
        b'{' => Beginning::Json,
        b'[' if route.takes_array() || route.takes_anything() => Beginning::Json,
        b'"' if route == Generates::Transcription => Beginning::Json,
        _ if is_one(&PAGES) => Beginning::Html,
        _ if is_one(&EVENT_LINES) => Beginning::Events,
        _ if may_be(&PAGES) || may_be(&EVENT_LINES) => Beginning::Open,
        _ if NULL.starts_with(lower.trim_ascii_end()) && body.len() <= lower.len() => {
            Beginning::Null
        }
        _ => Beginning::Else,
    }
}
