//! The access log's line for people at a terminal:
//! `12:49:01 POST /v1/chat/completions → 127.0.0.1:9797 200 first token 180 ms, 1.2 s`.

use std::fmt::{self, Write};

use super::End;
use crate::{
    observe::{
        escape,
        logs::{Colour, ForPeople, TextStyle},
        metrics::Outcome,
    },
    record::{
        clip::cut,
        facts::{Ending, Facts},
    },
    route::attempts::StopReason,
};

/// Most bytes of a method, a path, an origin and a reason in a short line.
const LONGEST_METHOD: usize = 24;
const LONGEST_PATH: usize = 120;
const LONGEST_ORIGIN: usize = 120;
const LONGEST_DETAIL: usize = 300;

pub(super) fn write(line: &mut String, style: TextStyle, facts: &Facts, end: &End) -> fmt::Result {
    style.time(line, end.at)?;
    request(line, facts)?;
    let outcome = end.outcome;
    let status = facts.logged_status(outcome);
    style.painted(line, colour(status, outcome), |line| match status {
        // The gateway stopped before there was a status.
        0 => line.write_char('-'),
        _ => write!(line, "{status}"),
    })?;
    let mut notes = Notes {
        line,
        separator: " ",
    };
    notes.ending(&facts.ending, outcome)?;
    notes.routing(facts)?;
    if let Some(time) = facts.first_token_after {
        notes.add(|line| write!(line, "first token {}", ForPeople(time)))?;
    }
    notes.add(|line| write!(line, "{}", ForPeople(end.after)))?;
    line.write_char('\n')
}

/// Method, path and host, each followed by a space.
fn request(line: &mut String, facts: &Facts) -> fmt::Result {
    shortened(line, facts.method.as_str(), LONGEST_METHOD, escape::word)?;
    line.push(' ');
    shortened(line, facts.places.path(), LONGEST_PATH, escape::word)?;
    line.push(' ');
    if let Some(origin) = facts.places.origin() {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        line.push_str("→ ");
        shortened(line, host, LONGEST_ORIGIN, escape::word)?;
        line.push(' ');
    }
    Ok(())
}

/// Writes a text, or its beginning and an ellipsis.
fn shortened(
    line: &mut String,
    text: &str,
    most: usize,
    write: impl FnOnce(&mut String, &str) -> fmt::Result,
) -> fmt::Result {
    let (kept, left_out) = cut(text, most);
    write(line, kept)?;
    line.push_str(if left_out > 0 { "…" } else { "" });
    Ok(())
}

fn colour(status: u16, outcome: Outcome) -> Colour {
    match (status, outcome.is_good()) {
        (500.., _) => Colour::Bad,
        (400.., _) | (_, false) => Colour::Warning,
        (_, true) => Colour::Good,
    }
}

/// The details after the status, separated by commas.
struct Notes<'a> {
    line: &'a mut String,
    separator: &'static str,
}

impl Notes<'_> {
    fn add(&mut self, write: impl FnOnce(&mut String) -> fmt::Result) -> fmt::Result {
        self.line.push_str(self.separator);
        self.separator = ", ";
        write(self.line)
    }

    /// Why the request did not end well.
    fn ending(&mut self, ending: &Ending, outcome: Outcome) -> fmt::Result {
        match ending {
            Ending::Plain if outcome.is_good() => Ok(()),
            Ending::Plain => self.add(|line| line.write_str(outcome.as_str())),
            Ending::Error(code, detail) => self.reason(code.name(), detail),
            Ending::Cut(reason) => self.reason(outcome.as_str(), &reason.to_string()),
        }
    }

    fn reason(&mut self, name: &str, detail: &str) -> fmt::Result {
        self.add(|line| {
            write!(line, "{name}: ")?;
            shortened(line, detail, LONGEST_DETAIL, escape::prose)
        })
    }

    /// What the cache and the policies did, where that is unusual.
    fn routing(&mut self, facts: &Facts) -> fmt::Result {
        if let Some(name) = facts.cache.name_in_log() {
            self.add(|line| write!(line, "cache {}", name.to_ascii_lowercase()))?;
        }
        if let Some(reason) = facts.cache.reason(facts.not_kept) {
            self.add(|line| write!(line, "not cached: {}", reason.name()))?;
        }
        match facts.failed_attempts.len() {
            0 => {}
            // The error message says so already.
            1 if matches!(facts.ending, Ending::Error(..)) => {}
            1 => self.add(|line| line.write_str("1 failed attempt"))?,
            count => self.add(|line| write!(line, "{count} failed attempts"))?,
        }
        match facts.stopped.map(StopReason::name) {
            Some(reason) => self.add(|line| write!(line, "stopped: {reason}")),
            None => Ok(()),
        }
    }
}
