//! What a route answers, before any fault touches it: status, headers, and a body that is whole, a
//! script of events, or a pattern of bytes. Writing it out is the player's work.

use bytes::Bytes;

use crate::json::Json;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it at once, with its length.
    Whole(Bytes),
    /// Events, one by one, chunked.
    Events(Script),
    /// That many bytes of the pattern, with their length.
    Pattern(u64),
}

/// The events of a stream. Tokens are made when their turn comes, so a long stream costs no memory.
pub(crate) struct Script {
    /// Events before the first token.
    pub(crate) opening: String,
    pub(crate) tokens: usize,
    /// The events of the token with this index.
    pub(crate) token: Box<dyn Fn(usize) -> String>,
    /// Events after the last token, the dialect's end among them.
    pub(crate) closing: String,
    /// The dialect's error as an event.
    pub(crate) error: String,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// A 200 with a JSON body.
    pub(crate) fn json(body: Json) -> Self {
        Self::whole("application/json", body.0)
    }

    /// A 200 with a body of this type.
    pub(crate) fn whole(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type,
            headers: Vec::new(),
            body: Body::Whole(body.into()),
        }
    }

    /// A 200 with an event stream.
    pub(crate) fn events(script: Script) -> Self {
        Self {
            status: 200,
            content_type: "text/event-stream; charset=utf-8",
            headers: vec![("cache-control", "no-cache".to_owned())],
            body: Body::Events(script),
        }
    }

    /// A 200 with `length` bytes of the pattern.
    pub(crate) fn pattern(content_type: &'static str, length: u64) -> Self {
        Self {
            status: 200,
            content_type,
            headers: Vec::new(),
            body: Body::Pattern(length),
        }
    }
}

/// An event without a name: `data: ...`.
pub(crate) fn data_event(json: &Json) -> String {
    format!("data: {}\n\n", json.0)
}

/// An event with a name.
pub(crate) fn named_event(name: &str, json: &Json) -> String {
    format!("event: {name}\ndata: {}\n\n", json.0)
}
