//! Writes the access log's line of one request, in one of two formats.

mod json;
mod text;

use std::time::{Duration, SystemTime};

use super::facts::Facts;
use crate::observe::{logs::Shape, metrics::Outcome};

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

#[cfg(test)]
mod tests;
