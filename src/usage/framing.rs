//! Finds the JSON texts of a body: a document or several, lines, server-sent events, messages of a
//! WebSocket, or frames of AWS. Only frames of AWS are held, up to a size.

mod aws;
mod events;
mod websocket;

use super::{UsageFlaw, findings::Findings, scan::Scanner};
use crate::dialect::Media;
use aws::Frames;
#[cfg(test)]
pub use aws::MOST_BYTES as MOST_BYTES_OF_A_FRAME;
use events::Events;
use websocket::Messages;

pub type Texts = Scanner<Findings>;

/// Whether the bytes could be read.
type Fed = Result<(), UsageFlaw>;

/// How the texts are framed.
pub enum Framing {
    /// The first byte of the body tells, since servers send JSON and events under any type.
    Unknown(Media),
    Json,
    Lines,
    Events(Events),
    Messages(Messages),
    Frames(Frames),
    /// Nothing is read.
    Nothing,
}

impl Framing {
    pub fn websocket() -> Self {
        Framing::Messages(Messages::default())
    }

    pub fn aws() -> Self {
        Framing::Frames(Frames::default())
    }

    pub fn feed(&mut self, bytes: &[u8], texts: &mut Texts, to: &mut Findings) {
        if let Framing::Unknown(media) = self {
            let Some(first) = bytes.iter().find(|byte| !is_blank(**byte)) else {
                return;
            };
            *self = Framing::by(*first, *media);
            to.is_stream = matches!(self, Framing::Events(_) | Framing::Lines);
            to.is_stream |= *first == b'[';
        }
        let go_on = match self {
            Framing::Unknown(_) | Framing::Nothing => return,
            Framing::Json => {
                texts.feed(bytes, to);
                Ok(())
            }
            Framing::Lines => {
                lines(bytes, texts, to);
                Ok(())
            }
            Framing::Events(events) => {
                events.feed(bytes, texts, to);
                Ok(())
            }
            Framing::Messages(messages) => messages.feed(bytes, texts, to),
            Framing::Frames(frames) => frames.feed(bytes, texts, to),
        };
        if let Err(flaw) = go_on {
            to.flaw(flaw);
            *self = Framing::Nothing;
        }
    }

    /// Memory that is held.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        match self {
            Framing::Frames(frames) => frames.held_bytes(),
            Framing::Unknown(_)
            | Framing::Json
            | Framing::Lines
            | Framing::Events(_)
            | Framing::Messages(_)
            | Framing::Nothing => 0,
        }
    }

    /// By the first byte that is not blank.
    fn by(first: u8, media: Media) -> Self {
        match (first, media) {
            (b'{' | b'[', Media::Lines) => Framing::Lines,
            (b'{' | b'[', _) => Framing::Json,
            // A comment, or the name of a field: data, event, id, retry.
            (b':' | b'd' | b'e' | b'i' | b'r', _) => Framing::Events(Events::default()),
            _ => Framing::Nothing,
        }
    }
}

/// White space, and the bytes of a byte order mark.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf)
}

/// No text goes on over the end of a line, so that a broken one does not hide the next.
fn lines(bytes: &[u8], texts: &mut Texts, to: &mut Findings) {
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        texts.feed(&rest[..end], to);
        end_text(texts, to);
        rest = &rest[end + 1..];
    }
    texts.feed(rest, to);
}

/// Ends a text where its frame ends.
fn end_text(texts: &mut Texts, to: &mut Findings) {
    if texts.is_open() {
        to.flaw(UsageFlaw::Malformed);
    }
    texts.reset(to);
}
