//! How do log lines for people look: which clock, and which colours, if any?

use std::{
    fmt::{self, Write},
    time::SystemTime,
};

use super::clock::Clock;

/// The look of lines for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    pub clock: Clock,
    /// The terminal supports colours, and its user wants them.
    pub colour: bool,
}

/// A colour by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Good,
    Warning,
    Bad,
    /// Less important than the rest of the line.
    Faint,
}

impl Colour {
    /// The attribute of SGR (ECMA-48 §8.3.117).
    fn sgr(self) -> &'static str {
        match self {
            Colour::Good => "\u{1b}[32m",
            Colour::Warning => "\u{1b}[33m",
            Colour::Bad => "\u{1b}[31m",
            Colour::Faint => "\u{1b}[2m",
        }
    }
}

const PLAIN_AGAIN: &str = "\u{1b}[0m";

impl TextStyle {
    /// Writes the time at the start of a line, and a space.
    pub fn time<W: Write + ?Sized>(self, out: &mut W, time: SystemTime) -> fmt::Result {
        self.painted(out, Colour::Faint, |out| self.clock.write(out, time))?;
        out.write_char(' ')
    }

    /// Writes text in a colour, if colours are wanted.
    pub fn painted<W: Write + ?Sized>(
        self,
        out: &mut W,
        colour: Colour,
        write: impl FnOnce(&mut W) -> fmt::Result,
    ) -> fmt::Result {
        if !self.colour {
            return write(out);
        }
        out.write_str(colour.sgr())?;
        write(out)?;
        out.write_str(PLAIN_AGAIN)
    }
}
