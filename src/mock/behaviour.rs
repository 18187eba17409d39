//! How one request is to be answered: its pace, its size and its failure. Filled from the fault
//! table (`faults.rs`), read by the routes and the player; decides nothing itself.

use std::time::Duration;

/// Tokens in an answer when nothing else is asked for.
pub(super) const DEFAULT_TOKENS: usize = 16;

/// Everything a request can ask of the mock.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    pub(super) tokens: usize,
    pub(super) token_delay: Duration,
    pub(super) first_token_delay: Duration,
    pub(super) delay: Duration,
    pub(super) body_delay: Duration,
    pub(super) tool_call: bool,
    pub(super) headers: Vec<(String, String)>,
    /// Size in bytes of the writes a body is sent in; `None`: as few writes as possible.
    pub(super) pieces: Option<usize>,
    pub(super) big: Option<u64>,
    pub(super) interim: Option<u16>,
    pub(super) early: bool,
    pub(super) close: bool,
    pub(super) hang_up: bool,
    pub(super) fail_first: Option<u64>,
    pub(super) key: Option<String>,
    pub(super) chaos: f64,
    pub(super) failure: Failure,
    /// Names of the faults that were asked for, for the counts.
    pub(super) asked: Vec<&'static str>,
}

/// What goes wrong; the part that `fail-first` takes away again.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Failure {
    pub(super) status: Option<u16>,
    pub(super) retry_after: Vec<(&'static str, String)>,
    pub(super) silence: bool,
    pub(super) stop: Option<Stop>,
    pub(super) malformed: Option<Malformed>,
    pub(super) instead: Option<Instead>,
}

/// Where a body stops short, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) place: Place,
    pub(super) how: StopKind,
}

/// How much is sent before an answer stops short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing at all.
    BeforeHead,
    /// The head, and that many tokens of a stream or bytes of any other body.
    After(usize),
}

/// How a body stops short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopKind {
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
pub(super) enum Malformed {
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
pub(super) enum Instead {
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
    pub(super) fn without_failure(mut self) -> Self {
        self.failure = Failure::default();
        self
    }
}
