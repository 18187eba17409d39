//! What a route responds with before it is sent: status, headers, and a body that is complete, a
//! series of events, or a pattern of bytes. Sending it is the task of `send`.

use bytes::Bytes;
use serde_json::Value;

/// One response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// All bytes at once, sent with their length.
    Whole(Bytes),
    /// Events, sent one by one in chunked encoding.
    Events(EventScript),
    /// This many bytes of the pattern, sent with their length.
    Pattern(u64),
}

/// The events of a stream. Each token's events are made when they are sent, so that a long stream
/// takes no memory.
pub(crate) struct EventScript {
    /// Events before the first token.
    pub(crate) opening: String,
    pub(crate) tokens: usize,
    /// Makes the events of the token with this index.
    pub(crate) token: Box<dyn Fn(usize) -> String>,
    /// Events after the last token, including the one that ends the stream.
    pub(crate) closing: String,
    /// The dialect's error as an event.
    pub(crate) error: String,
}

impl std::fmt::Debug for EventScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventScript")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl Response {
    /// A 200 with a JSON body.
    pub(crate) fn json(body: &Value) -> Self {
        Self::whole("application/json", body.to_string())
    }

    /// A 200 with a body of this type.
    pub(crate) fn whole(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::ok(content_type, Body::Whole(body.into()))
    }

    /// A 200 with an event stream.
    pub(crate) fn events(script: EventScript) -> Self {
        Self {
            headers: vec![("cache-control", "no-cache".to_owned())],
            ..Self::ok("text/event-stream; charset=utf-8", Body::Events(script))
        }
    }

    /// A 200 with `length` bytes of the pattern.
    pub(crate) fn pattern(content_type: &'static str, length: u64) -> Self {
        Self::ok(content_type, Body::Pattern(length))
    }

    /// A 200 with an HTML page, such as a proxy in front of a provider may send.
    pub(crate) fn html() -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Please wait</title></head>\
                    <body><h1>Please wait</h1><p>A page where JSON should be.</p></body></html>\n";
        Self::whole("text/html; charset=utf-8", page)
    }

    /// A 200 with an event stream that ends at once.
    pub(crate) fn empty_stream() -> Self {
        let script = EventScript {
            opening: String::new(),
            tokens: 0,
            token: Box::new(|_| String::new()),
            closing: String::new(),
            error: String::new(),
        };
        Self::ok("text/event-stream; charset=utf-8", Body::Events(script))
    }

    fn ok(content_type: &'static str, body: Body) -> Self {
        Self {
            status: 200,
            content_type,
            headers: Vec::new(),
            body,
        }
    }
}

/// An event without a name: `data: ...`.
pub(crate) fn data_event(json: &Value) -> String {
    format!("data: {json}\n\n")
}

/// An event with a name.
pub(crate) fn named_event(name: &str, json: &Value) -> String {
    format!("event: {name}\ndata: {json}\n\n")
}
