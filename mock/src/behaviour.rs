//! How one request is to be answered: its pace, its size and its failure. Filled from the fault
//! table (`faults.rs`), read by the routes and the player; decides nothing itself.

use std::time::Duration;

/// Tokens in an answer when nothing else is asked for.
pub(crate) const DEFAULT_TOKENS: usize = 16;

/// Everything a request can ask of the mock.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    pub(crate) tokens: usize,
    pub(crate) token_delay: Duration,
    pub(crate) first_token_delay: Duration,
    pub(crate) delay: Duration,
    pub(crate) body_delay: Duration,
    pub(crate) tool_call: bool,
    pub(crate) headers: Vec<(String, String)>,
    /// Size in bytes of the writes a body is sent in; `None`: as few writes as possible.
    pub(crate) pieces: Option<usize>,
    pub(crate) big: Option<u64>,
    pub(crate) interim: Option<u16>,
    pub(crate) early: bool,
    pub(crate) close: bool,
    pub(crate) hang_up: bool,
    pub(crate) fail_first: Option<u64>,
    pub(crate) key: Option<String>,
    pub(crate) chaos: f64,
    pub(crate) failure: Failure,
    /// Names of the faults that were asked for, for the counts.
    pub(crate) asked: Vec<&'static str>,
}

/// What goes wrong; the part that `fail-first` takes away again.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Failure {
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Vec<(&'static str, String)>,
    pub(crate) silence: bool,
    pub(crate) stop: Option<Stop>,
    pub(crate) malformed: Option<Malformed>,
    pub(crate) instead: Option<Instead>,
}

/// Where a body stops short, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) place: Place,
    pub(crate) how: StopKind,
}

/// How much is sent before an answer stops short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing at all.
    BeforeHead,
    /// The head, and that many tokens of a stream or bytes of any other body.
    After(usize),
}

/// How a body stops short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopKind {
    /// FIN without the body's end.
    Cut,
    /// RST.
    Reset,
    /// Nothing more is sent, the connection stays open.
    Silence,
    /// A stream ends, well framed, with an error event.
    ErrorEvent,
}

/// What is broken about the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// No HTTP at all where the status line should be.
    Head,
    /// Two `Content-Length` lines that differ.
    Length,
    /// A chunk size that is no number.
    Chunk,
    /// Well framed, but the body is no JSON.
    Json,
}

/// A 200 that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instead {
    /// The dialect's error as a JSON body.
    ErrorJson,
    /// A page of HTML.
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
            asked: Vec::new(),
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
