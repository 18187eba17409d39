//! Replaces values in a JSON body; all other bytes stay the same. The largest possible size of the
//! result is computed and checked before the result is built.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{NotEditable, entries::each_entry};

/// The most occurrences that are replaced in one body.
const MOST_EDITED: usize = 1024;
/// If keys are repeated, the result may exceed the body plus one copy of each value by this many
/// bytes.
pub const ROOM_FOR_COPIES: usize = 64 * 1024;

/// A range of the body and its replacement.
type Piece<'v> = (Range<usize>, &'v str);

/// Sets each of these top-level keys to a value (JSON text): all its occurrences are replaced, or,
/// if there is none, an entry is appended.
///
/// # Errors
/// The body is not a JSON object, or the result would be too large.
pub fn override_params<T: AsRef<str>>(
    body: &Bytes,
    edits: &[(T, T)],
) -> Result<Bytes, NotEditable> {
    let values: HashMap<&str, &str> = edits
        .iter()
        .map(|(key, value)| (key.as_ref(), value.as_ref()))
        .collect();
    let mut pieces = Pieces::default();
    let mut present = HashSet::new();
    let mut end = None;
    each_entry(body, |key, value| {
        let span = span_of(body, value);
        end = Some(span.end);
        if let Some((key, value)) = values.get_key_value(&*key) {
            present.insert(*key);
            pieces.put(span, value);
        }
    })?;
    let absent = edits
        .iter()
        .filter(|(key, _)| !present.contains(key.as_ref()));
    let added: Vec<String> = absent
        .map(|(key, value)| {
            format!(
                "{}:{}",
                serde_json::Value::from(key.as_ref()),
                value.as_ref()
            )
        })
        .collect();
    let added = match (added.is_empty(), end) {
        (true, _) => String::new(),
        (false, None) => added.join(","),
        (false, Some(_)) => format!(",{}", added.join(",")),
    };
    let end = end.unwrap_or_else(|| memchr::memchr(b'{', body).map_or(0, |brace| brace + 1));
    if !added.is_empty() {
        pieces.put(end..end, &added);
    }
    let once: usize = edits.iter().map(|(_, value)| value.as_ref().len()).sum();
    pieces.splice(body, once + added.len())
}

/// Removes `prefix` from the top-level `model`, in every occurrence, even if it is written with
/// escapes.
///
/// # Errors
/// The body is not a JSON object.
pub fn strip_model_prefix(body: &Bytes, prefix: &str) -> Result<Bytes, NotEditable> {
    let mut pieces = Pieces::default();
    each_entry(body, |key, value| {
        let inside = value.strip_prefix('"').filter(|_| key == "model");
        if let Some(length) = inside.and_then(|inside| spelled_length(inside, prefix)) {
            let begin = span_of(body, value).start + 1;
            pieces.put(begin..begin + length, "");
        }
    })?;
    pieces.splice(body, 0)
}

/// The position of a value that is a slice of the body, from the difference of the addresses.
pub(super) fn span_of(body: &[u8], value: &str) -> Range<usize> {
    let begin = value.as_ptr() as usize - body.as_ptr() as usize;
    begin..begin + value.len()
}

/// The number of bytes that encode the prefix inside a JSON string, if it starts with it.
fn spelled_length(inside: &str, prefix: &str) -> Option<usize> {
    let mut rest = inside;
    for sign in prefix.chars() {
        let (found, length) = first_character(rest)?;
        if found != sign {
            return None;
        }
        rest = &rest[length..];
    }
    Some(inside.len() - rest.len())
}

/// The first character inside a JSON string and the bytes that encode it. Of escapes it knows those
/// that can encode the characters of a name: `\/` and `\uXXXX`.
fn first_character(text: &str) -> Option<(char, usize)> {
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

/// Ranges to replace, in the order of the body and without overlap.
#[derive(Default)]
struct Pieces<'v> {
    pieces: Vec<Piece<'v>>,
    too_many: bool,
}

impl<'v> Pieces<'v> {
    fn put(&mut self, span: Range<usize>, text: &'v str) {
        match self.pieces.len() < MOST_EDITED {
            true => self.pieces.push((span, text)),
            false => self.too_many = true,
        }
    }

    /// Builds the result. `once` is the size of the replacement values, each counted once.
    fn splice(&self, body: &Bytes, once: usize) -> Result<Bytes, NotEditable> {
        if self.pieces.is_empty() {
            return Ok(body.clone());
        }
        let put_in = self.pieces.iter().map(|(_, text)| text.len());
        let taken_out = self.pieces.iter().map(|(span, _)| span.len());
        let length = body.len() - taken_out.sum::<usize>() + put_in.sum::<usize>();
        if self.too_many || length > body.len() + once + ROOM_FOR_COPIES {
            return Err(NotEditable::TooLarge);
        }
        let mut out = BytesMut::with_capacity(length);
        let mut done = 0;
        for (span, text) in &self.pieces {
            out.put_slice(&body[done..span.start]);
            out.put_slice(text.as_bytes());
            done = span.end;
        }
        out.put_slice(&body[done..]);
        Ok(out.freeze())
    }
}
