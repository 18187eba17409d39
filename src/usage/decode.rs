//! Decodes a copy of a compressed body as it arrives, within bounds: a short body must not become
//! long work. The relayed body stays as it is.

mod by;
mod gzip;
#[cfg(test)]
mod tests;

use actix_http::header::HeaderMap;

use self::by::By;

use super::UsageFlaw;
use crate::http::encoding;

/// Decoded bytes that any body may have, and those for each encoded byte.
const MOST_FREE: u64 = 64 * 1024;
const MOST_TIMES: u64 = 100;
/// Decoded bytes of one body.
const MOST: u64 = 256 * 1024 * 1024;
/// Bytes decoded in one step.
const STEP: usize = 8 * 1024;

/// A coding that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// From `Content-Encoding`; `None`: not encoded.
    ///
    /// # Errors
    /// The coding is unknown, or there are several.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, UsageFlaw> {
        let mut codings = encoding::codings(headers);
        match (codings.next(), codings.next()) {
            (None, _) => Ok(None),
            (Some(only), None) => Coding::named(only).map(Some),
            (Some(_), Some(_)) => Err(UsageFlaw::UnknownCoding),
        }
    }

    fn named(name: &[u8]) -> Result<Self, UsageFlaw> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Ok(Coding::Gzip),
            b"deflate" => Ok(Coding::Deflate),
            b"br" => Ok(Coding::Brotli),
            b"zstd" => Ok(Coding::Zstd),
            _ => Err(UsageFlaw::UnknownCoding),
        }
    }
}

/// Decodes one body.
pub struct Decoder {
    by: By,
    encoded: u64,
    decoded: u64,
}

impl Decoder {
    /// `None`: there is no memory for it.
    pub fn new(coding: Coding) -> Option<Self> {
        Some(Decoder {
            by: By::new(coding)?,
            encoded: 0,
            decoded: 0,
        })
    }

    /// Hands on what is decoded of the next bytes.
    ///
    /// # Errors
    /// The bytes are not in this coding, or become too many. What follows is not decoded.
    pub fn feed(&mut self, bytes: &[u8], to: &mut dyn FnMut(&[u8])) -> Result<(), UsageFlaw> {
        let mut step = [0; STEP];
        let mut rest = bytes;
        self.encoded += bytes.len() as u64;
        loop {
            let done = self.by.step(rest, &mut step)?;
            rest = &rest[done.read..];
            self.decoded += done.written as u64;
            if self.decoded > self.most() {
                return Err(UsageFlaw::Bomb);
            }
            to(&step[..done.written]);
            let is_idle = done.read == 0 && done.written == 0;
            // A full step may have more behind it.
            let is_done = rest.is_empty() && done.written < STEP;
            if done.is_end || is_idle || is_done {
                return Ok(());
            }
        }
    }

    /// Decoded bytes of what has come.
    fn most(&self) -> u64 {
        let in_proportion = MOST_FREE.saturating_add(MOST_TIMES.saturating_mul(self.encoded));
        in_proportion.min(MOST)
    }
}
