//! Writes the access log's line of one request, in one of two formats.

mod json;
mod text;

use std::time::{Duration, SystemTime};

use super::facts::Facts;
use crate::{
    error::Code,
    observe::{logs::Shape, metrics::Outcome},
};

/// Writes the line, with its line feed.
pub fn write(line: &mut String, shape: Shape, facts: &Facts, outcome: Outcome) {
    let end = End {
        at: SystemTime::now(),
        after: facts.received.elapsed(),
        outcome,
    };
    match shape {
        Shape::Json => json::write(line, facts, &end),
        // Writing to a string cannot fail.
        Shape::Text(style) => drop(text::write(line, style, facts, &end)),
    }
}

/// How a request ended, and when.
struct End {
    at: SystemTime,
    /// The time since the request arrived.
    after: Duration,
    outcome: Outcome,
}

impl Facts {
    /// The status in the log, which has one for clients that left, too.
    fn logged_status(&self, outcome: Outcome) -> u16 {
        match outcome {
            Outcome::ClientGone => Code::ClientClosed.status(),
            Outcome::Relayed
            | Outcome::Unfinished
            | Outcome::Tunnelled
            | Outcome::Answered
            | Outcome::Refused
            | Outcome::Truncated
            | Outcome::Aborted => self.status,
        }
    }
}

#[cfg(test)]
mod tests;
