//! Separates the data of a chunked body from its framing, finds the body's end and refuses
//! malformed bodies (RFC 9112 §7.1). Accepts no more than actix-http's decoder, which reads the
//! chunks of requests after it; a differential test compares the two.

use thiserror::Error;

use super::{
    MAX_HEAD, MAX_HEADERS,
    trailers::{BadTrailer, LineEnd, Trailers},
};

#[cfg(test)]
mod tests;

/// Longest line of a chunk's size and its extensions, which are ignored; RFC 9112 §7.1.1 asks for a
/// limit.
const MAX_SIZE_LINE: u16 = 4096;

/// Why a chunked body is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MalformedChunks {
    #[error("broken chunked coding")]
    Coding,
    #[error("the size line of a chunk is longer than {MAX_SIZE_LINE} bytes")]
    SizeLine,
    #[error("a line behind the last chunk is not a header line")]
    TrailerLine,
    #[error("a trailer field that controls framing or routing")]
    TrailerField,
    #[error("trailers of more than {MAX_HEADERS} lines or {MAX_HEAD} bytes")]
    TrailersTooLarge,
}

impl From<BadTrailer> for MalformedChunks {
    fn from(bad: BadTrailer) -> Self {
        match bad {
            BadTrailer::Line => Self::TrailerLine,
            BadTrailer::Field => Self::TrailerField,
            BadTrailer::TooLarge => Self::TrailersTooLarge,
        }
    }
}

/// How far into a chunked body the bytes seen so far reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkScanner {
    at: At,
    /// Data bytes of the current chunk still to come.
    left: u64,
    has_digits: bool,
    /// Bytes of the current size line.
    line: u16,
    trailers: Trailers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    #[default]
    Size,
    SizeSpace,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
}

/// What [`ChunkScanner::feed`] found in the bytes it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes that belong to chunks, the line of the last one included.
    pub chunks: usize,
    /// Bytes that belong to the body, trailers included.
    pub body: usize,
    /// Chunks that begin in these bytes, the last one included.
    pub begun: usize,
    /// The body ends with these bytes.
    pub ended: bool,
}

/// Framing in front of the next data, or at the body's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Bytes of the framing.
    pub length: usize,
    /// The body ends with it.
    pub ended: bool,
}

/// The body is malformed and cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Bytes of chunks in front of the fault.
    pub chunks: usize,
    pub why: MalformedChunks,
}

impl ChunkScanner {
    /// A scanner whose trailer lines end with `line_end`. Size lines always end with CRLF.
    pub fn new(line_end: LineEnd) -> Self {
        ChunkScanner {
            trailers: Trailers::new(line_end),
            ..ChunkScanner::default()
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Scanned, Broken> {
        let (chunks, begun) = self.feed_chunks(bytes)?;
        let mut scanned = Scanned {
            chunks,
            body: chunks,
            begun,
            ended: false,
        };
        for byte in &bytes[chunks..] {
            let ended = self.trailers.step(*byte);
            scanned.body += 1;
            scanned.ended = ended.map_err(|bad| Broken {
                chunks,
                why: bad.into(),
            })?;
            if scanned.ended {
                break;
            }
        }
        Ok(scanned)
    }

    /// Returns how many bytes belong to chunks, and how many chunks begin in them.
    fn feed_chunks(&mut self, bytes: &[u8]) -> Result<(usize, usize), Broken> {
        let (mut seen, mut begun) = (0, 0);
        while seen < bytes.len() && self.at != At::Trailers {
            match self.take_data(bytes.len() - seen) {
                0 => {
                    begun += usize::from(self.at == At::SizeLf);
                    self.step(bytes[seen])
                        .map_err(|why| Broken { chunks: seen, why })?;
                    seen += 1;
                }
                data => seen += data,
            }
        }
        Ok((seen, begun))
    }

    /// How many of the next `available` bytes are data of the current chunk; 0 at framing.
    pub fn take_data(&mut self, available: usize) -> usize {
        if self.at != At::Data {
            return 0;
        }
        let data = self.left.min(available as u64);
        self.left -= data;
        if self.left == 0 {
            self.at = At::DataCr;
        }
        data as usize
    }

    /// Reads framing up to the next data or the body's end.
    pub fn skip_framing(&mut self, bytes: &[u8]) -> Result<Skipped, MalformedChunks> {
        let mut length = 0;
        while self.at != At::Data
            && let Some(byte) = bytes.get(length)
        {
            length += 1;
            if self.at != At::Trailers {
                self.step(*byte)?;
            } else if self.trailers.step(*byte)? {
                return Ok(Skipped {
                    length,
                    ended: true,
                });
            }
        }
        Ok(Skipped {
            length,
            ended: false,
        })
    }

    fn step(&mut self, byte: u8) -> Result<(), MalformedChunks> {
        self.line += 1;
        if self.line > MAX_SIZE_LINE {
            return Err(MalformedChunks::SizeLine);
        }
        self.at = match (self.at, byte) {
            (At::Size, b'\r') if self.has_digits => At::SizeLf,
            (At::Size, b' ' | b'\t') if self.has_digits => At::SizeSpace,
            (At::Size, b';') if self.has_digits => At::Extension,
            (At::Size, _) => self.size_digit(byte)?,
            (At::SizeSpace, b' ' | b'\t') => At::SizeSpace,
            (At::SizeSpace, b';') => At::Extension,
            (At::SizeSpace, b'\r') => At::SizeLf,
            (At::Extension, b'\r') => At::SizeLf,
            (At::Extension, b'\t' | b' '..=b'~' | 0x80..) => At::Extension,
            (At::SizeLf, b'\n') => self.after_size(),
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                self.line = 0;
                At::Size
            }
            _ => return Err(MalformedChunks::Coding),
        };
        Ok(())
    }

    fn size_digit(&mut self, byte: u8) -> Result<At, MalformedChunks> {
        let digit = (byte as char).to_digit(16).ok_or(MalformedChunks::Coding)?;
        self.left = self
            .left
            .checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)))
            .ok_or(MalformedChunks::Coding)?;
        self.has_digits = true;
        Ok(At::Size)
    }

    fn after_size(&mut self) -> At {
        self.has_digits = false;
        self.line = 0;
        if self.left == 0 {
            At::Trailers
        } else {
            At::Data
        }
    }
}
