//! Replacing values in a JSON body: only their own bytes change.

use std::{ops::Range, sync::Arc};

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{NotEditable, object::Object};

/// A top-level key of a body, and the JSON text of the value that it gets. Targets that inherit it
/// share it.
pub type BodyEdit = (Arc<str>, Arc<str>);

/// The body with each of these top-level keys set to a value (JSON text): all its occurrences, or, if there is none, one more
/// entry at the end.
///
/// # Errors
/// A body that is no JSON object.
pub fn override_params(body: &Bytes, edits: &[BodyEdit]) -> Result<Bytes, NotEditable> {
    let object = Object::parse(body)?;
    let mut pieces = Vec::new();
    for entry in &object.entries {
        let edit = edits.iter().rev().find(|(key, _)| **key == *entry.key);
        if let Some((_, value)) = edit {
            pieces.push((entry.span.clone(), value.to_string()));
        }
    }
    let absent = |key: &str| !object.entries.iter().any(|entry| entry.key == key);
    let added: Vec<String> = edits
        .iter()
        .filter(|(key, _)| absent(key))
        .map(|(key, value)| format!("{}:{value}", serde_json::Value::from(&**key)))
        .collect();
    if !added.is_empty() {
        let end = end_of_entries(body, &object);
        let comma = if object.entries.is_empty() { "" } else { "," };
        pieces.push((end..end, format!("{comma}{}", added.join(","))));
    }
    Ok(spliced(body, &pieces))
}

/// Behind the last value, or behind the opening brace.
fn end_of_entries(body: &[u8], object: &Object<'_>) -> usize {
    let last = object.entries.iter().map(|entry| entry.span.end).max();
    last.unwrap_or_else(|| memchr::memchr(b'{', body).map_or(0, |brace| brace + 1))
}

/// The body with `prefix` taken off the front of the top-level `model`, wherever it stands there, however it is spelled.
///
/// # Errors
/// A body that is no JSON object.
pub fn strip_model_prefix(body: &Bytes, prefix: &str) -> Result<Bytes, NotEditable> {
    let object = Object::parse(body)?;
    let models = object.entries.iter().filter(|entry| entry.key == "model");
    let pieces: Vec<_> = models
        .filter_map(|entry| {
            let length = spelled_length(entry.value.strip_prefix('"')?, prefix)?;
            let begin = entry.span.start + 1;
            Some((begin..begin + length, String::new()))
        })
        .collect();
    Ok(spliced(body, &pieces))
}

/// How many bytes of a JSON string's inside spell the prefix.
fn spelled_length(inside: &str, prefix: &str) -> Option<usize> {
    let mut rest = inside;
    for sign in prefix.chars() {
        let (found, length) = first_sign(rest)?;
        if found != sign {
            return None;
        }
        rest = &rest[length..];
    }
    Some(inside.len() - rest.len())
}

/// The first character of a JSON string's inside, and the bytes that spell it. Of escapes, those that can spell a name's
/// characters: `\/` and `\uXXXX`.
fn first_sign(text: &str) -> Option<(char, usize)> {
    let Some(escape) = text.strip_prefix('\\') else {
        let sign = text.chars().next()?;
        return Some((sign, sign.len_utf8()));
    };
    match escape.as_bytes().first()? {
        b'/' => Some(('/', 2)),
        b'u' => {
            let code = u32::from_str_radix(escape.get(1..5)?, 16).ok()?;
            Some((char::from_u32(code)?, 6))
        }
        _ => None,
    }
}

/// The body with pieces, in any order and without overlap, replaced.
fn spliced(body: &Bytes, pieces: &[(Range<usize>, String)]) -> Bytes {
    if pieces.is_empty() {
        return body.clone();
    }
    let mut pieces: Vec<_> = pieces.iter().collect();
    pieces.sort_by_key(|(span, _)| span.start);
    let added: usize = pieces.iter().map(|(_, text)| text.len()).sum();
    let mut out = BytesMut::with_capacity(body.len() + added);
    let mut done = 0;
    for (span, text) in pieces {
        out.put_slice(&body[done..span.start]);
        out.put_slice(text.as_bytes());
        done = span.end;
    }
    out.put_slice(&body[done..]);
    out.freeze()
}
