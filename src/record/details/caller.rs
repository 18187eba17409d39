//! Who sent a request, and what does it say of itself?

use std::{collections::BTreeMap, net::IpAddr};

use actix_http::header::HeaderValue;

use super::{Details, clipped};

/// The most names of a request's metadata in its record.
const MOST_METADATA: usize = 32;
/// The most bytes of a name or a value of it.
const LONGEST_METADATA: usize = 4 * 128;

/// Who sent a request, and what it says of itself.
pub struct Caller<'a> {
    pub address: Option<IpAddr>,
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// W3C Trace Context.
    pub traceparent: Option<&'a HeaderValue>,
}

impl Details {
    pub fn note_caller(&mut self, caller: Caller<'_>) {
        self.record.client = caller.address;
        self.record.traceparent = caller.traceparent.and_then(traceparent);
        let metadata = caller.metadata.into_iter().flatten();
        let entry = |(name, value): (&String, &String)| {
            let clip = |text: &str| clipped(text, LONGEST_METADATA);
            (clip(name), clip(value))
        };
        let first = self.accounts.queue.first_fields().iter();
        let first = first.filter_map(|it| caller.metadata?.get_key_value(&**it));
        self.record.metadata = first
            .chain(metadata)
            .take(MOST_METADATA)
            .map(entry)
            .collect();
    }
}

/// The value, if it is well-formed (W3C Trace Context §3.2): version, trace, parent, flags.
fn traceparent(value: &HeaderValue) -> Option<Box<str>> {
    let text = value.to_str().ok()?;
    let is_hex = |part: &str| {
        let mut bytes = part.bytes();
        bytes.all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|it| it == b'0');
    let mut parts = text.split('-');
    let [version, trace, parent, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let lengths = [version, trace, parent, flags].map(str::len);
    let is_known = version != "ff" && (version != "00" || parts.next().is_none());
    let is_good = lengths == [2, 32, 16, 2]
        && [version, trace, parent, flags].into_iter().all(is_hex)
        && !is_zero(trace)
        && !is_zero(parent)
        && is_known;
    is_good.then(|| text[..55].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_if_it_is_well_formed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (value, taken) in [
            (good.to_owned(), Some(good)),
            (
                format!("cc{}", &good[2..]),
                Some("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ),
            (
                format!("cc{}-more", &good[2..]),
                Some("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ),
            (format!("ff{}", &good[2..]), None),
            (format!("{good}-more"), None),
            (good.to_uppercase(), None),
            (
                good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
                None,
            ),
            (good.replace("00f067aa0ba902b7", &"0".repeat(16)), None),
            (String::new(), None),
        ] {
            let value = HeaderValue::from_str(&value).expect("a value");
            assert_eq!(traceparent(&value).as_deref(), taken, "{value:?}");
        }
    }
}
