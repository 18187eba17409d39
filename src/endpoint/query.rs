//! The query that an endpoint adds to its target's own: names with one value or several, written
//! percent-encoded (RFC 3986 §2.1).

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// All but the unreserved characters (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One value or several of one name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Values {
    One(Scalar),
    Several(Vec<Scalar>),
}

/// A value as YAML may write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Flag(bool),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Scalar::Text(text) => text.clone(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Flag(flag) => flag.to_string(),
        }
    }
}

/// The base URL with the parameters after those of its own.
pub fn appended(base: &str, query: &BTreeMap<String, Values>) -> String {
    let pairs = query.iter().flat_map(|(name, values)| {
        let values = match values {
            Values::One(value) => std::slice::from_ref(value),
            Values::Several(values) => values,
        };
        values.iter().map(move |value| (name, value))
    });
    let mut url = base.to_owned();
    for (name, value) in pairs {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.extend(utf8_percent_encode(name, ENCODED));
        url.push('=');
        url.extend(utf8_percent_encode(&value.text(), ENCODED));
    }
    url
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_follow_the_targets_own() {
        for (base, query, expected) in [
            ("http://h/a", json!({}), "http://h/a"),
            ("http://h/a", json!({"v": "2"}), "http://h/a?v=2"),
            (
                "http://h?x=1",
                json!({"v": [1, true, "a b&c"], "é": ""}),
                "http://h?x=1&v=1&v=true&v=a%20b%26c&%C3%A9=",
            ),
        ] {
            let query = serde_json::from_value(query).unwrap();
            assert_eq!(appended(base, &query), expected);
        }
    }
}
