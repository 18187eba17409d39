//! Anthropic may run its model several times for one request, and lists what each run used. The
//! counts of the whole leave out the runs that summed up a context which had become too long
//! (`compaction`), although they are billed; and the length of an input is that of one run.
//!
//! Runs of another model (`advisor_message`) are not counted: its prices are others.

use super::{
    Usage, UsageFlaw,
    counts::{Counts, Field, normal},
    sum::sum,
};

/// What one list of iterations says.
#[derive(Debug, Default)]
pub struct Iterations {
    /// What the counts of the whole leave out.
    compaction: Usage,
    /// The tokens of the longest input.
    longest_input: Option<u64>,
    /// The iteration that is being read.
    kind: Kind,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// Of the model of the request.
    Message,
    Compaction,
    #[default]
    Other,
}

impl Iterations {
    /// The type of the iteration, as a JSON string.
    pub fn set_kind(&mut self, json: &[u8]) {
        self.kind = match json {
            b"\"message\"" | b"\"fallback_message\"" => Kind::Message,
            b"\"compaction\"" => Kind::Compaction,
            _ => Kind::Other,
        };
    }

    pub fn set(&mut self, field: Field, count: u64) {
        self.counts.set(field, count);
    }

    /// The iteration is complete. Returns what is wrong with its counts.
    pub fn end_one(&mut self) -> Option<UsageFlaw> {
        let counts = std::mem::take(&mut self.counts);
        let kind = std::mem::take(&mut self.kind);
        if kind == Kind::Other {
            return None;
        }
        let (usage, flaw) = normal(&counts);
        self.longest_input = self.longest_input.max(usage.input);
        if kind == Kind::Compaction {
            self.compaction = sum(std::mem::take(&mut self.compaction), usage);
        }
        flaw
    }

    /// The usage of the whole with what it leaves out.
    pub fn added_to(self, usage: Usage) -> Usage {
        sum(usage, self.compaction)
    }

    /// The tokens of the longest input.
    pub fn longest_input(&self) -> Option<u64> {
        self.longest_input
    }
}
