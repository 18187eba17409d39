//! Which trace a request belongs to: the caller's, by its `traceparent`, or one of its own.

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::record::Record;

/// Where the spans of a request hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    pub trace_id: [u8; 16],
    /// The caller's span.
    pub span_id: Option<[u8; 8]>,
    /// Whether the caller's trace is sampled; `None`: there is no such trace.
    pub is_sampled: Option<bool>,
}

impl Parent {
    pub fn of(record: &Record) -> Self {
        let given = record.traceparent.as_deref().and_then(read);
        given.unwrap_or(Parent {
            trace_id: *record.id.as_bytes(),
            span_id: None,
            is_sampled: None,
        })
    }
}

/// Reads a `traceparent` (W3C Trace Context §3.2). Later versions may have more after the flags.
fn read(text: &str) -> Option<Parent> {
    let mut parts = text.split('-');
    let version = hex::<1>(parts.next()?)?;
    let trace_id = hex::<16>(parts.next()?)?;
    let span_id = hex::<8>(parts.next()?)?;
    let [flags] = hex::<1>(parts.next()?)?;
    let is_whole = version != [0] || parts.next().is_none();
    let is_valid = version != [0xff] && trace_id != [0; 16] && span_id != [0; 8];
    (is_whole && is_valid).then_some(Parent {
        trace_id,
        span_id: Some(span_id),
        is_sampled: Some(flags & 1 == 1),
    })
}

/// Lower-case hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let is_lower = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    if digits.len() != 2 * N || !digits.iter().all(is_lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// The id of one of a request's spans. The same record always has the same ids.
pub fn span_id(record: Uuid, place: u64) -> Vec<u8> {
    let id = xxh3_64_with_seed(record.as_bytes(), place).max(1);
    id.to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_or_refused_as_a_whole() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let span = "b7ad6b7169203331";
        for (text, sampled) in [
            (format!("00-{trace}-{span}-01"), Some(true)),
            (format!("00-{trace}-{span}-00"), Some(false)),
            (format!("00-{trace}-{span}-ff"), Some(true)),
            (format!("01-{trace}-{span}-01-more"), Some(true)),
            (format!("00-{trace}-{span}-01-more"), None),
            (format!("ff-{trace}-{span}-01"), None),
            (format!("00-{trace}-{span}"), None),
            (format!("00-{}-{span}-01", trace.to_uppercase()), None),
            (format!("00-{}-{span}-01", "0".repeat(32)), None),
            (format!("00-{trace}-{}-01", "0".repeat(16)), None),
            (format!("00-{trace}-{span}-+1"), None),
            (String::new(), None),
        ] {
            let parent = read(&text);
            assert_eq!(parent.and_then(|it| it.is_sampled), sampled, "{text}");
            if let Some(parent) = parent {
                assert_eq!(parent.trace_id[0], 0x0a);
                assert_eq!(parent.span_id.map(|it| it[7]), Some(0x31));
            }
        }
    }
}
