//! The access log's line as JSON. Readers of the log rely on the keys and their order.

use tracing::Level;

use super::End;
use crate::{
    error::Code,
    observe::logs::{JsonLine, REQUEST_MODULE},
    record::{
        clip::Clipped,
        facts::{Ending, Facts, LONGEST, TriedTarget},
    },
    route::attempts::StopReason,
};

/// Most bytes of a line for all failed attempts.
const LONGEST_ATTEMPTS: usize = 4096;

pub(super) fn write(line: &mut String, facts: &Facts, end: &End) {
    let mut line = JsonLine::begin(line, end.at, Level::INFO);
    line.text("message", "request");
    line.text("trace_id", facts.trace_id.to_str().unwrap_or_default());
    clipped(&mut line, "method", facts.method.as_str());
    line.text("path", facts.places.path());
    if let Some(key) = &facts.key {
        line.text("key", key.as_str());
    }
    if let Some(origin) = facts.places.origin() {
        line.text("origin", origin);
    }
    line.number("status", facts.logged_status(end.outcome));
    line.text("outcome", end.outcome.as_str());
    match &facts.ending {
        Ending::Plain => {}
        Ending::Error(code, detail) => error(&mut line, *code, detail),
        Ending::Cut(reason) => clipped(&mut line, "detail", &reason.to_string()),
    }
    routing(&mut line, facts);
    if let Some(time) = facts.head_after {
        line.milliseconds("head_ms", time);
    }
    line.milliseconds("total_ms", end.after);
    line.number("bytes_in", facts.bytes_in);
    line.number("bytes_out", facts.bytes_out);
    line.end(REQUEST_MODULE);
}

fn error(line: &mut JsonLine, code: Code, detail: &str) {
    line.text("error", code.name());
    clipped(line, "detail", detail);
}

/// Where the request went, and what the cache and the policies did.
fn routing(line: &mut JsonLine, facts: &Facts) {
    let target = facts.target.as_ref();
    if let Some(place) = target.and_then(TriedTarget::place) {
        line.text("target", place);
    }
    if let Some(name) = facts.cache.name_in_log() {
        line.text("cache", name);
    }
    if let Some(reason) = facts.cache.reason(facts.not_kept) {
        line.text("uncached", reason.name());
    }
    if let Some(target) = target {
        line.number("retries", target.retries);
    }
    if !facts.failed_attempts.is_empty() {
        let attempts = facts.failed_attempts.to_string();
        let (text, most) = (&*attempts, LONGEST_ATTEMPTS);
        line.displayed("failed_attempts", Clipped { text, most });
    }
    if let Some(reason) = facts.stopped.map(StopReason::name) {
        line.text("stopped", reason);
    }
    if target.is_some_and(|target| target.replay_lost) {
        line.flag("replay_lost", true);
    }
}

fn clipped(line: &mut JsonLine, key: &'static str, text: &str) {
    match text.len() <= LONGEST {
        true => line.text(key, text),
        false => line.displayed(
            key,
            Clipped {
                text,
                most: LONGEST,
            },
        ),
    }
}

impl TriedTarget {
    /// The target's path in the config, if there are several targets.
    fn place(&self) -> Option<&str> {
        let index = self.index.to_str().ok()?;
        (index != "config").then_some(index)
    }
}
