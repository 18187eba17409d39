//! Decides whether a complete JSON body is an error, on any route.

use std::{collections::HashMap, sync::LazyLock};

use memchr::memmem::Finder;
use serde::de::IgnoredAny;

/// Larger bodies are not errors.
const MOST_BYTES: usize = 64 * 1024;

/// Members that responses have and errors do not.
const CONTENT: [&str; 4] = ["choices", "content", "output", "data"];

/// The complete body is an error.
pub fn says_error(body: &[u8]) -> bool {
    let may_be = body.len() < MOST_BYTES && may_have_error_key(body);
    may_be && serde_json::from_slice(body).is_ok_and(|body| is_error(&body))
}

/// The key is present, perhaps with escapes. A cheap check before parsing the body.
fn may_have_error_key(body: &[u8]) -> bool {
    static MARKS: LazyLock<[Finder<'static>; 2]> =
        LazyLock::new(|| [Finder::new(br#""error""#), Finder::new(br"\u")]);
    MARKS.iter().any(|mark| mark.find(body).is_some())
}

/// The keys of an object, each with whether its value is not null; the last duplicate counts.
type TopLevel = HashMap<String, Option<IgnoredAny>>;

fn is_error(body: &TopLevel) -> bool {
    let has = |key: &str| body.get(key).is_some_and(Option::is_some);
    has("error") && !CONTENT.iter().any(|key| has(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_content_is_one() {
        for (body, expected) in [
            (r#"{"error":{"message":"x"}}"#, true),
            (r#" {"error":"x","choices":null}"#, true),
            (r#"{"\u0065rror":"x"}"#, true),
            (r#"{"error":null,"choices":[]}"#, false),
            (r#"{"error":{},"choices":[]}"#, false),
            (r#"{"error":"x","data":[]}"#, false),
            (r#"{"object":"list"}"#, false),
            (r#"[{"error":"x"}]"#, false),
            (r#"{"error":"#, false),
            ("", false),
        ] {
            assert_eq!(says_error(body.as_bytes()), expected, "{body}");
        }
    }
}
