//! Finds the messages of a WebSocket's server (RFC 6455 §5) and hands their payload on as it
//! arrives. Holds the header of one frame.

use super::{Fed, Texts, end_text};
use crate::usage::{UsageFlaw, findings::Findings};

/// The longest header of a frame without a mask.
const LONGEST: usize = 10;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
/// Gemini sends its JSON in binary messages.
const BINARY: u8 = 2;

#[derive(Debug, Default)]
pub struct Messages {
    header: [u8; LONGEST],
    held: usize,
    /// Bytes of the current frame that are still to come.
    left: u64,
    /// The current frame belongs to a message that is read.
    is_read: bool,
    /// So do its continuations.
    goes_on: bool,
    /// The current frame is the last one of its message.
    is_last: bool,
}

impl Messages {
    /// # Errors
    /// The frames are none that a server may send.
    pub fn feed(&mut self, bytes: &[u8], texts: &mut Texts, to: &mut Findings) -> Fed {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.left > 0 {
                let length = usize::try_from(self.left).map_or(rest.len(), |it| it.min(rest.len()));
                self.payload(&rest[..length], texts, to);
                rest = &rest[length..];
                continue;
            }
            self.header[self.held] = rest[0];
            self.held += 1;
            rest = &rest[1..];
            if self.held == self.wanted() {
                self.begin(texts, to)?;
            }
        }
        Ok(())
    }

    /// Bytes of the header, as far as is known.
    fn wanted(&self) -> usize {
        match (self.held, self.header[1] & 0x7f) {
            (0 | 1, _) => 2,
            (_, 126) => 4,
            (_, 127) => 10,
            (_, _) => 2,
        }
    }

    fn begin(&mut self, texts: &mut Texts, to: &mut Findings) -> Fed {
        self.held = 0;
        let [first, second, extended @ ..] = &self.header;
        let (is_masked, has_other_bits) = (second & 0x80 != 0, first & 0x30 != 0);
        if is_masked || has_other_bits {
            return Err(UsageFlaw::Malformed);
        }
        self.left = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([extended[0], extended[1]])),
            127 => u64::from_be_bytes(*extended),
            length => u64::from(length),
        };
        let is_final = first & 0x80 != 0;
        let is_compressed = first & 0x40 != 0;
        match first & 0x0f {
            TEXT | BINARY => {
                if is_compressed {
                    to.flaw(UsageFlaw::UnknownCoding);
                }
                (self.is_read, self.goes_on) = (!is_compressed, !is_compressed);
                self.is_last = is_final;
            }
            CONTINUATION => {
                self.is_read = self.goes_on;
                self.is_last = is_final;
            }
            // Control frames may stand between those of a message.
            _ => (self.is_read, self.is_last) = (false, false),
        }
        if self.left == 0 {
            self.end(texts, to);
        }
        Ok(())
    }

    fn payload(&mut self, bytes: &[u8], texts: &mut Texts, to: &mut Findings) {
        self.left -= bytes.len() as u64;
        if self.is_read {
            texts.feed(bytes, to);
        }
        if self.left == 0 {
            self.end(texts, to);
        }
    }

    /// Ends the frame, and the message with its last one.
    fn end(&mut self, texts: &mut Texts, to: &mut Findings) {
        if std::mem::take(&mut self.is_last) {
            self.goes_on = false;
            end_text(texts, to);
        }
    }
}
