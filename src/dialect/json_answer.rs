//! A 200 whose JSON body is an error: some servers answer so. Looks at small bodies whole.

use std::{collections::HashMap, sync::LazyLock};

use memchr::memmem::Finder;
use serde::de::IgnoredAny;

use super::Verdict;

/// Larger bodies are answers.
const MOST_BYTES: usize = 64 * 1024;

/// What an answer has and an error has not.
const CONTENT: [&str; 4] = ["choices", "content", "output", "data"];

/// Judges a JSON body.
#[derive(Debug, Default)]
pub struct JsonAnswer {
    body: Vec<u8>,
    begun: bool,
}

impl JsonAnswer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the body's next bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        if !self.begun {
            self.body.extend_from_slice(bytes);
            let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
            let no_object = first.is_some_and(|byte| *byte != b'{');
            self.begun = no_object || self.body.len() >= MOST_BYTES;
        }
        match self.begun {
            true => {
                self.body = Vec::new();
                Verdict::Begun
            }
            false => Verdict::Undecided,
        }
    }

    /// The body has ended.
    pub fn end(&mut self) -> Verdict {
        match says_error(&self.body) {
            true => Verdict::Error,
            false => Verdict::Begun,
        }
    }
}

/// All of this body is an error.
pub fn says_error(body: &[u8]) -> bool {
    let may_be = body.len() < MOST_BYTES && may_name_error(body);
    may_be && serde_json::from_slice(body).is_ok_and(|body| is_error(&body))
}

/// There is the key, or one that is spelled in a roundabout way: looked for before a body is parsed in vain.
fn may_name_error(body: &[u8]) -> bool {
    static MARKS: LazyLock<[Finder<'static>; 2]> =
        LazyLock::new(|| [Finder::new(br#""error""#), Finder::new(br"\u")]);
    MARKS.iter().any(|mark| mark.find(body).is_some())
}

/// An object's keys, each with whether its value is other than null; of duplicates the last counts.
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
            (r#"{"error":{"message":"x"}}"#, Verdict::Error),
            (r#" {"error":"x","choices":null}"#, Verdict::Error),
            (r#"{"\u0065rror":"x"}"#, Verdict::Error),
            (r#"{"error":null,"choices":[]}"#, Verdict::Begun),
            (r#"{"error":{},"choices":[]}"#, Verdict::Begun),
            (r#"{"error":"x","data":[]}"#, Verdict::Begun),
            (r#"{"object":"list"}"#, Verdict::Begun),
            (r#"[{"error":"x"}]"#, Verdict::Begun),
            (r#"{"error":"#, Verdict::Begun),
            ("", Verdict::Begun),
        ] {
            let mut judge = JsonAnswer::new();
            for byte in body.bytes() {
                judge.feed(&[byte]);
            }
            assert_eq!(judge.end(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_object_or_large_is_let_go_at_once() {
        assert_eq!(JsonAnswer::new().feed(b" \n[1"), Verdict::Begun);
        assert_eq!(JsonAnswer::new().feed(b" {"), Verdict::Undecided);
        let large = format!("{{\"error\":\"{}", "x".repeat(MOST_BYTES));
        assert_eq!(JsonAnswer::new().feed(large.as_bytes()), Verdict::Begun);
    }
}
