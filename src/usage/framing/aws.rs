//! Reads `application/vnd.amazon.eventstream`, the streams of Bedrock. A frame is held until it is
//! complete; one that is too long is passed over.

use std::borrow::Cow;

use aws_smithy_eventstream::frame::read_message_from;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{Fed, Texts, end_text};
use crate::usage::{UsageFlaw, findings::Findings};

/// Most bytes of a frame that is read.
pub const MOST_BYTES: usize = 64 * 1024;

/// The lengths of frame and headers, and their checksum.
const PRELUDE: usize = 12;

#[derive(Debug, Default)]
pub struct Frames {
    /// The frame so far.
    held: Vec<u8>,
    /// Bytes of a frame that is passed over.
    passing: usize,
}

/// What an event of a model has: its vendor's own event, encoded.
#[derive(Deserialize)]
struct Chunk<'c> {
    #[serde(borrow)]
    bytes: Cow<'c, str>,
}

impl Frames {
    /// Memory that is held.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// # Errors
    /// The bytes are no frames.
    pub fn feed(&mut self, bytes: &[u8], texts: &mut Texts, to: &mut Findings) -> Fed {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.passing > 0 {
                let length = self.passing.min(rest.len());
                self.passing -= length;
                rest = &rest[length..];
                continue;
            }
            let wanted = self.wanted()? - self.held.len();
            let length = wanted.min(rest.len());
            self.held.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
            self.advance(texts, to)?;
        }
        Ok(())
    }

    /// The length of the frame, or of what tells it.
    fn wanted(&self) -> Result<usize, UsageFlaw> {
        let Some(length) = self
            .held
            .first_chunk::<4>()
            .filter(|_| self.held.len() >= PRELUDE)
        else {
            return Ok(PRELUDE);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        match length > PRELUDE {
            true => Ok(length),
            false => Err(UsageFlaw::Malformed),
        }
    }

    fn advance(&mut self, texts: &mut Texts, to: &mut Findings) -> Fed {
        if self.held.len() == PRELUDE && !is_sound(&self.held) {
            return Err(UsageFlaw::Malformed);
        }
        let wanted = self.wanted()?;
        if wanted > MOST_BYTES {
            to.flaw(UsageFlaw::TooLarge);
            self.passing = wanted - self.held.len();
            self.held = Vec::new();
        } else if self.held.len() == wanted {
            frame(&self.held, texts, to)?;
            self.held.clear();
        }
        Ok(())
    }
}

/// The checksum of the prelude, which also tells whether the bytes are frames at all.
fn is_sound(prelude: &[u8]) -> bool {
    let (lengths, checksum) = prelude.split_at(8);
    checksum == crc32fast::hash(lengths).to_be_bytes()
}

fn frame(bytes: &[u8], texts: &mut Texts, to: &mut Findings) -> Fed {
    let message = read_message_from(bytes).map_err(|_| UsageFlaw::Malformed)?;
    let is_chunk = message.headers().iter().any(|header| {
        let kind = header.value().as_string();
        header.name().as_str() == ":event-type" && kind.is_ok_and(|it| it.as_str() == "chunk")
    });
    match is_chunk {
        true => chunk(message.payload(), texts, to),
        false => texts.feed(message.payload(), to),
    }
    end_text(texts, to);
    Ok(())
}

fn chunk(payload: &[u8], texts: &mut Texts, to: &mut Findings) {
    let chunk: Option<Chunk<'_>> = serde_json::from_slice(payload).ok();
    let decoded = chunk.and_then(|chunk| STANDARD.decode(chunk.bytes.as_bytes()).ok());
    match decoded {
        Some(decoded) => texts.feed(&decoded, to),
        None => to.flaw(UsageFlaw::Malformed),
    }
}
