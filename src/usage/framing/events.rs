//! Finds the data of server-sent events (WHATWG HTML §9.2.6) and hands it on as it arrives. Holds
//! nothing: names of events are not needed, since every dialect has a type in its data.

use super::{Texts, end_text};
use crate::usage::findings::Findings;

const DATA: &[u8] = b"data:";

/// Where in the stream the next byte is.
#[derive(Clone, Copy, Debug)]
enum At {
    /// In a line that has begun with so many bytes of [`DATA`].
    Start(usize),
    Data,
    /// In a line of another field.
    Other,
}

#[derive(Debug)]
pub struct Events {
    at: At,
    /// The last byte was a CR; an LF that follows belongs to it.
    after_cr: bool,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            at: At::Start(0),
            after_cr: false,
        }
    }
}

impl Events {
    pub fn feed(&mut self, bytes: &[u8], texts: &mut Texts, to: &mut Findings) {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            self.piece(&rest[..end], texts, to);
            self.end_line(texts, to);
            let is_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if is_cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.piece(rest, texts, to);
    }

    /// A piece of a line.
    fn piece(&mut self, bytes: &[u8], texts: &mut Texts, to: &mut Findings) {
        let mut rest = bytes;
        if let At::Start(seen) = self.at {
            // A mark at the beginning of the stream.
            let is_mark = seen == 0 && rest.first().is_some_and(|byte| !byte.is_ascii());
            let marks = rest.iter().take_while(|byte| !byte.is_ascii()).count();
            rest = if is_mark { &rest[marks..] } else { rest };
            let wanted = &DATA[seen..];
            let length = wanted.len().min(rest.len());
            self.at = match rest[..length] == wanted[..length] {
                false => At::Other,
                true if length == wanted.len() => At::Data,
                true => At::Start(seen + length),
            };
            rest = &rest[length..];
        }
        if matches!(self.at, At::Data) {
            texts.feed(rest, to);
        }
    }

    fn end_line(&mut self, texts: &mut Texts, to: &mut Findings) {
        match self.at {
            At::Start(0) => end_text(texts, to),
            // Lines of data are joined by line feeds.
            At::Data => texts.feed(b"\n", to),
            At::Start(_) | At::Other => {}
        }
        self.at = At::Start(0);
    }
}
