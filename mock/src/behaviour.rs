//! How the mock behaves for one request: pace, size and failure of the response. The fault table
//! fills it in; the routes and `send` act on it.

use std::time::Duration;

/// Tokens in a response unless the request or an option sets another number.
pub(crate) const DEFAULT_TOKENS: usize = 16;

/// Everything that the faults can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    pub(crate) tokens: usize,
    pub(crate) token_delay: Duration,
    pub(crate) first_token_delay: Duration,
    pub(crate) delay: Duration,
    pub(crate) body_delay: Duration,
    pub(crate) tool_call: bool,
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes per write when a body is sent; `None` means as few writes as possible.
    pub(crate) pieces: Option<usize>,
    pub(crate) big: Option<u64>,
    pub(crate) interim: Option<u16>,
    /// Respond before the request body is read.
    pub(crate) early: bool,
    pub(crate) close: bool,
    pub(crate) hang_up: bool,
    pub(crate) fail_first: Option<u64>,
    pub(crate) key: Option<String>,
    pub(crate) chaos: f64,
    pub(crate) failure: Failure,
    /// Names of the faults that were set, for the counts and the response header.
    pub(crate) requested: Vec<&'static str>,
}

/// What goes wrong. `fail-first` removes this part once enough requests have failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Failure {
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Vec<(&'static str, String)>,
    pub(crate) silence: bool,
    pub(crate) stop: Option<Stop>,
    pub(crate) malformed: Option<Malformed>,
    pub(crate) substitute: Option<Substitute>,
}

/// Where a response stops before its end, and in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) point: StopPoint,
    pub(crate) kind: StopKind,
}

/// How much of a response is sent before it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopPoint {
    /// Nothing at all.
    BeforeHead,
    /// The head, and this many tokens of a stream or bytes of any other body.
    After(usize),
}

/// In which way a response stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopKind {
    /// FIN before the end of the body.
    Cut,
    /// RST.
    Reset,
    /// Nothing more is sent, and the connection stays open.
    Silence,
    /// The stream ends with an error event and is framed correctly.
    ErrorEvent,
}

/// What is wrong with the bytes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Bytes that are not HTTP in place of the status line.
    Head,
    /// Two `Content-Length` lines that differ.
    Length,
    /// A chunk size that is not a number.
    Chunk,
    /// Framed correctly, but the body is not valid JSON.
    Json,
}

/// A 200 response that is sent in place of the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Substitute {
    /// The dialect's error as a JSON body.
    ErrorJson,
    /// An HTML page.
    Html,
    /// An event stream that ends without an event.
    EmptyStream,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            tokens: DEFAULT_TOKENS,
            token_delay: Duration::ZERO,
            first_token_delay: Duration::ZERO,
            delay: Duration::ZERO,
            body_delay: Duration::ZERO,
            tool_call: false,
            headers: Vec::new(),
            pieces: None,
            big: None,
            interim: None,
            early: false,
            close: false,
            hang_up: false,
            fail_first: None,
            key: None,
            chaos: 0.0,
            failure: Failure::default(),
            requested: Vec::new(),
        }
    }
}

impl Behaviour {
    /// The same pace and size without any failure.
    pub(crate) fn without_failure(mut self) -> Self {
        self.failure = Failure::default();
        self
    }
}
