//! What could not be carried over: place, key and reason, never a value, which may be a secret.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::source::Item;

/// The lines for standard error.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    /// 0 where the file's format has no lines to speak of.
    line: u64,
    key: String,
    reason: Cow<'static, str>,
}

impl Report {
    /// Notes that a value stays behind, or is not what it was.
    pub fn skip(&mut self, item: &Item<'_>, reason: impl Into<Cow<'static, str>>) {
        self.skip_at(item.line, &item.path, reason);
    }

    /// The same for a place without a node.
    pub fn skip_at(&mut self, line: u64, key: &str, reason: impl Into<Cow<'static, str>>) {
        self.lines.push(Line {
            line,
            key: key.to_owned(),
            reason: reason.into(),
        });
    }

    /// Writes the lines in the order of the file.
    pub fn print(mut self, file: &Path, err: &mut dyn Write) -> io::Result<()> {
        self.lines.sort();
        self.lines.dedup();
        let file = file.display();
        for Line { line, key, reason } in &self.lines {
            match line {
                0 => writeln!(err, "{file}: {key}: {reason}")?,
                _ => writeln!(err, "{file}:{line}: {key}: {reason}")?,
            }
        }
        Ok(())
    }
}
