//! Decodes a copy of a compressed body as it arrives, within bounds: a short body must not become
//! long work. The relayed body stays as it is.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use actix_http::header::HeaderMap;
use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::UsageFlaw;
use crate::http::encoding;

/// Decoded bytes that any body may have, and those for each encoded byte.
const MOST_FREE: u64 = 64 * 1024;
const MOST_TIMES: u64 = 100;
/// Decoded bytes of one body.
const MOST: u64 = 256 * 1024 * 1024;
/// The largest window of zstd, which RFC 9659 permits to senders: 8 MiB.
const ZSTD_WINDOW: u32 = 23;
/// Encoded bytes that are decoded at a time.
const STEP: usize = 1024;
const BROTLI_BUFFER: usize = 4 * 1024;

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

enum By {
    Gzip(Box<MultiGzDecoder<Room>>),
    /// Some servers send the raw format under this name (RFC 9110 §8.4.1.2): the first byte tells.
    Deflate,
    Zlib(Box<ZlibDecoder<Room>>),
    Raw(Box<DeflateDecoder<Room>>),
    Brotli(Box<DecompressorWriter<Room>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Room>>),
}

/// Takes decoded bytes, up to a number.
#[derive(Debug, Default)]
struct Room {
    decoded: Vec<u8>,
    left: u64,
    is_full: bool,
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                self.decoded.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            None => {
                self.is_full = true;
                Err(io::ErrorKind::FileTooLarge.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    /// `None`: there is no memory for it.
    pub fn new(coding: Coding) -> Option<Self> {
        let room = Room::default();
        let by = match coding {
            Coding::Gzip => By::Gzip(MultiGzDecoder::new(room).into()),
            Coding::Deflate => By::Deflate,
            // Streams with a window of more than 16 MiB are refused.
            Coding::Brotli => By::Brotli(DecompressorWriter::new(room, BROTLI_BUFFER).into()),
            Coding::Zstd => {
                let mut decoder = zstd::stream::write::Decoder::new(room).ok()?;
                decoder.window_log_max(ZSTD_WINDOW).ok()?;
                By::Zstd(decoder.into())
            }
        };
        Some(Decoder {
            by,
            encoded: 0,
            decoded: 0,
        })
    }

    /// Hands on what is decoded of the next bytes.
    ///
    /// # Errors
    /// The bytes are not in this coding, or become too many. What follows is not decoded.
    pub fn feed(&mut self, bytes: &[u8], to: &mut dyn FnMut(&[u8])) -> Result<(), UsageFlaw> {
        for step in bytes.chunks(STEP) {
            if let (By::Deflate, Some(first)) = (&self.by, step.first()) {
                self.by = By::deflate(*first);
            }
            self.encoded += step.len() as u64;
            let result = self.by.write(step, self.left());
            self.hand_on(result, to)?;
        }
        Ok(())
    }

    /// Hands on what the decoder still has.
    ///
    /// # Errors
    /// As those of [`feed`](Self::feed).
    pub fn finish(&mut self, to: &mut dyn FnMut(&[u8])) -> Result<(), UsageFlaw> {
        let result = self.by.flush(self.left());
        self.hand_on(result, to)
    }

    /// Decoded bytes that may still come.
    fn left(&self) -> u64 {
        let in_proportion = MOST_FREE + MOST_TIMES * self.encoded;
        in_proportion.min(MOST) - self.decoded
    }

    fn hand_on(
        &mut self,
        result: io::Result<()>,
        to: &mut dyn FnMut(&[u8]),
    ) -> Result<(), UsageFlaw> {
        let Some(room) = self.by.room() else {
            return Ok(());
        };
        to(&room.decoded);
        self.decoded += room.decoded.len() as u64;
        room.decoded.clear();
        let is_full = room.is_full;
        match result {
            Ok(()) => Ok(()),
            Err(_) if is_full => Err(UsageFlaw::Bomb),
            Err(_) => Err(UsageFlaw::Malformed),
        }
    }
}

impl By {
    /// The first byte of the zlib format names deflate in its low bits; as the beginning of the raw
    /// format it would have bits set that are always clear.
    fn deflate(first: u8) -> Self {
        match first & 0x0f == 8 {
            true => By::Zlib(ZlibDecoder::new(Room::default()).into()),
            false => By::Raw(DeflateDecoder::new(Room::default()).into()),
        }
    }

    fn room(&mut self) -> Option<&mut Room> {
        match self {
            By::Gzip(decoder) => Some(decoder.get_mut()),
            By::Deflate => None,
            By::Zlib(decoder) => Some(decoder.get_mut()),
            By::Raw(decoder) => Some(decoder.get_mut()),
            By::Brotli(decoder) => Some(decoder.get_mut()),
            By::Zstd(decoder) => Some(decoder.get_mut()),
        }
    }

    fn writer(&mut self) -> Option<&mut dyn Write> {
        match self {
            By::Gzip(decoder) => Some(decoder),
            By::Deflate => None,
            By::Zlib(decoder) => Some(decoder),
            By::Raw(decoder) => Some(decoder),
            By::Brotli(decoder) => Some(decoder),
            By::Zstd(decoder) => Some(decoder),
        }
    }

    fn write(&mut self, bytes: &[u8], left: u64) -> io::Result<()> {
        if let Some(room) = self.room() {
            room.left = left;
        }
        self.writer()
            .map_or(Ok(()), |writer| writer.write_all(bytes))
    }

    fn flush(&mut self, left: u64) -> io::Result<()> {
        if let Some(room) = self.room() {
            room.left = left;
        }
        self.writer().map_or(Ok(()), |writer| writer.flush())
    }
}
