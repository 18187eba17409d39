//! Reads the facts of a request from its body as it passes, whatever the pieces.

use super::{
    super::scan::{MOST_HELD, Scanner},
    Body, MOST_LOOKED_AT, RequestFacts, form, is_speech, path,
};

/// Reads one request. Holds the start of the body for forms only.
pub struct RequestReader {
    /// As the caller sent it, with its query.
    path: Box<str>,
    looked_at: usize,
    body: Reading,
}

enum Reading {
    Json {
        scanner: Scanner<Body>,
        found: Body,
    },
    /// The facts of a form are read from its first bytes.
    Form {
        content_type: Box<[u8]>,
        facts: Option<RequestFacts>,
    },
}

impl RequestReader {
    /// `path` may have its query.
    pub fn new(path: &str, content_type: &[u8]) -> Self {
        let body = match form::is_form(content_type) {
            true => Reading::Form {
                content_type: content_type.into(),
                facts: None,
            },
            false => {
                let route = path.split('?').next().unwrap_or_default();
                let is_speech = is_speech(route);
                let most = if is_speech { MOST_LOOKED_AT } else { MOST_HELD };
                Reading::Json {
                    scanner: Scanner::new(most),
                    found: Body {
                        is_speech,
                        ..Body::default()
                    },
                }
            }
        };
        RequestReader {
            path: path.into(),
            looked_at: 0,
            body,
        }
    }

    /// Takes the next bytes of the body; looks at the first [`MOST_LOOKED_AT`] only.
    pub fn feed(&mut self, bytes: &[u8]) {
        let left = MOST_LOOKED_AT - self.looked_at;
        let bytes = &bytes[..bytes.len().min(left)];
        self.looked_at += bytes.len();
        match &mut self.body {
            _ if bytes.is_empty() => {}
            Reading::Json { scanner, found } => scanner.feed(bytes, found),
            Reading::Form {
                content_type,
                facts,
            } => {
                facts.get_or_insert_with(|| form::facts(content_type, bytes));
            }
        }
    }

    /// What is known by now. `is_whole`: the body was fed to its end.
    pub fn facts(&self, is_whole: bool) -> RequestFacts {
        let mut facts = match &self.body {
            Reading::Json { scanner, found } => {
                let mut facts = found.facts.clone();
                if !is_whole || scanner.is_open() || self.looked_at == MOST_LOOKED_AT {
                    facts.characters = None;
                }
                facts
            }
            Reading::Form { facts, .. } => facts.clone().unwrap_or_default(),
        };
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        facts.model = path::named(path, query, facts.model);
        if path::is_stream(path) {
            facts.is_stream = Some(true);
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::request_facts;

    const JSON: &[u8] = b"application/json";

    const BODY: &[u8] = concat!(
        r#"{"messages":[{"content":"{\"model\":\"x\"}"}],"#,
        r#""model":"m","max_tokens":7,"n":2}"#,
    )
    .as_bytes();

    proptest! {
        #[test]
        fn the_pieces_make_no_difference(cut in 0..BODY.len()) {
            let whole = request_facts("/v1/chat/completions", JSON, BODY, true);
            let mut reader = RequestReader::new("/v1/chat/completions", JSON);
            reader.feed(&BODY[..cut]);
            reader.feed(&BODY[cut..]);
            prop_assert_eq!(reader.facts(true), whole);
        }
    }

    #[test]
    fn a_long_body_is_looked_at_in_its_beginning_only() {
        let mut reader = RequestReader::new("/v1/messages?beta=true", JSON);
        reader.feed(br#"{"max_tokens":5,"messages":""#);
        for _ in 0..MOST_LOOKED_AT {
            reader.feed(b"xx");
        }
        reader.feed(br#"","model":"late"}"#);
        let facts = reader.facts(true);
        assert_eq!((facts.max_tokens, facts.model), (Some(5), None));
    }
}
