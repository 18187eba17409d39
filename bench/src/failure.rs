//! Every way an exchange can go wrong, in the words that end up in the report.

use std::fmt;
use std::io;

#[derive(Debug)]
pub enum Failure {
    Connect(io::Error),
    Io(io::Error),
    /// The peer closed before the message was complete.
    Closed(&'static str),
    Status(u16),
    Malformed(&'static str),
    /// Complete by its framing, but not what the upstream sends.
    Body {
        expected: u64,
        got: u64,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "connect: {error}"),
            Self::Io(error) => write!(f, "i/o: {error}"),
            Self::Closed(place) => write!(f, "closed {place}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Malformed(what) => write!(f, "malformed {what}"),
            Self::Body { expected, got } => write!(f, "body of {got} instead of {expected} bytes"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Failures counted, the first one kept in words.
#[derive(Default)]
pub struct Failures {
    pub count: u64,
    pub first: Option<String>,
}

impl Failures {
    /// Enough to say that the run is worthless; a client gives up past it instead of hammering on.
    const ENOUGH: u64 = 100;

    pub fn add(&mut self, failure: &Failure) {
        self.count += 1;
        self.first.get_or_insert_with(|| failure.to_string());
    }

    pub fn too_many(&self) -> bool {
        self.count >= Self::ENOUGH
    }
}
