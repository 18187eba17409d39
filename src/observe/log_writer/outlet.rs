//! Writes lines to a file or a pipe that may fail at any byte, and counts the lines that were
//! written whole.

use std::{
    io::{ErrorKind, Write},
    thread,
    time::Duration,
};

/// How long to wait for an outlet that would block: another process may have made standard error
/// non-blocking.
const BLOCKED: Duration = Duration::from_millis(10);

pub(super) struct Outlet<W> {
    sink: W,
    /// The last write stopped inside a line, so the next one begins with a line feed.
    inside_a_line: bool,
}

impl<W: Write> Outlet<W> {
    pub(super) fn new(sink: W) -> Self {
        Outlet {
            sink,
            inside_a_line: false,
        }
    }

    /// Writes lines that end at `ends`; returns how many of them were written whole.
    pub(super) fn write(&mut self, lines: &[u8], ends: &[usize]) -> usize {
        if lines.is_empty() || !self.end_line() {
            return 0;
        }
        let got_through = self.push(lines);
        let whole = ends.partition_point(|end| *end <= got_through);
        let begins_at = whole.checked_sub(1).map_or(0, |last| ends[last]);
        self.inside_a_line = got_through > begins_at;
        // A line that lacks only its line feed gets it in front of the next line.
        let lacks_line_feed = self.inside_a_line && ends.get(whole) == Some(&(got_through + 1));
        whole + usize::from(lacks_line_feed)
    }

    /// Writes one line; returns whether it was written whole.
    pub(super) fn write_line(&mut self, line: &str) -> bool {
        self.write(line.as_bytes(), &[line.len()]) == 1
    }

    fn end_line(&mut self) -> bool {
        if self.inside_a_line && self.push(b"\n") == 1 {
            self.inside_a_line = false;
        }
        !self.inside_a_line
    }

    /// Writes bytes; returns how many were written before the first failure.
    #[expect(
        clippy::disallowed_methods,
        reason = "the log writer's own thread waits"
    )]
    fn push(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            match self.sink.write(&bytes[done..]) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => thread::sleep(BLOCKED),
                    _ => break,
                },
            }
        }
        done
    }
}
