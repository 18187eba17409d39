//! How does the access log tell of one request? One line, in one of two shapes.

mod json;
mod text;

use std::time::{Duration, SystemTime};

use super::recorder::Facts;
use crate::{
    error::Code,
    observe::{logs::Shape, metrics::Outcome},
};

/// Bytes of what a caller chose that a line repeats: path, method, what is wrong with a config.
pub const LONGEST: usize = 1024;

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
    /// Since the request arrived.
    after: Duration,
    outcome: Outcome,
}

impl Facts {
    /// The status that the log tells: a client that left got none.
    fn logged_status(&self, outcome: Outcome) -> u16 {
        match outcome {
            Outcome::client_gone => Code::ClientClosed.status(),
            Outcome::relayed
            | Outcome::unfinished
            | Outcome::tunnelled
            | Outcome::answered
            | Outcome::refused
            | Outcome::truncated
            | Outcome::aborted => self.status,
        }
    }
}

#[cfg(test)]
mod tests;
