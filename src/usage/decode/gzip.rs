//! The gzip format around deflate (RFC 1952): headers and trailers are passed over, and members
//! follow each other. Checksums are not compared, since the relayed body is not this one.

use flate2::Decompress;

use super::by::{Done, inflate};
use crate::usage::UsageFlaw;

/// Magic number, method, flags, time, extra flags, system.
const FIXED: usize = 10;
/// The checksum and the length of what was decoded.
const TRAILER: usize = 8;
/// Each member costs a decoder, however short it is.
const MOST_MEMBERS: u32 = 1024;

const HAS_CHECKSUM: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

pub struct Gzip {
    part: Part,
    /// Bytes of the current part that have come.
    seen: usize,
    flags: u8,
    members: u32,
}

enum Part {
    Fixed,
    ExtraLength { low: u8 },
    Extra { length: usize },
    Name,
    Comment,
    Checksum,
    Data(Decompress),
    Trailer,
}

impl Default for Gzip {
    fn default() -> Self {
        Gzip {
            part: Part::Fixed,
            seen: 0,
            flags: 0,
            members: 0,
        }
    }
}

impl Gzip {
    /// # Errors
    /// The bytes are not in this format.
    pub fn step(&mut self, from: &[u8], to: &mut [u8]) -> Result<Done, UsageFlaw> {
        let mut read = 0;
        loop {
            if let Part::Data(decoder) = &mut self.part {
                let mut done = inflate(decoder, &from[read..], to)?;
                read += done.read;
                if std::mem::take(&mut done.is_end) {
                    self.begin(Part::Trailer);
                    if done.written == 0 {
                        continue;
                    }
                }
                return Ok(Done { read, ..done });
            }
            let Some(byte) = from.get(read) else {
                return Ok(Done {
                    read,
                    ..Done::default()
                });
            };
            self.pass(*byte)?;
            read += 1;
        }
    }

    fn begin(&mut self, part: Part) {
        self.part = part;
        self.seen = 0;
    }

    /// One byte outside the data.
    fn pass(&mut self, byte: u8) -> Result<(), UsageFlaw> {
        let place = self.seen;
        self.seen += 1;
        match &mut self.part {
            Part::Fixed => self.fixed(place, byte)?,
            Part::ExtraLength { low } if place == 0 => *low = byte,
            Part::ExtraLength { low } => {
                let length = usize::from(u16::from_le_bytes([*low, byte]));
                self.begin(Part::Extra { length });
                if length == 0 {
                    self.after(HAS_EXTRA);
                }
            }
            Part::Extra { length } if self.seen == *length => self.after(HAS_EXTRA),
            Part::Name if byte == 0 => self.after(HAS_NAME),
            Part::Comment if byte == 0 => self.after(HAS_COMMENT),
            Part::Checksum if self.seen == 2 => self.begin(Part::Data(Decompress::new(false))),
            Part::Trailer if self.seen == TRAILER => self.begin(Part::Fixed),
            Part::Extra { .. }
            | Part::Name
            | Part::Comment
            | Part::Checksum
            | Part::Trailer
            | Part::Data(_) => {}
        }
        Ok(())
    }

    fn fixed(&mut self, place: usize, byte: u8) -> Result<(), UsageFlaw> {
        let is_right = match place {
            0 => byte == 0x1f,
            1 => byte == 0x8b,
            2 => byte == 8,
            3 => {
                self.flags = byte;
                true
            }
            _ => true,
        };
        if self.seen == FIXED {
            self.members += 1;
            self.after(0);
        }
        match is_right && self.members <= MOST_MEMBERS {
            true => Ok(()),
            false => Err(UsageFlaw::Malformed),
        }
    }

    /// The next part of the header after the one with this flag.
    fn after(&mut self, flag: u8) {
        let next = |wanted: u8| flag < wanted && self.flags & wanted != 0;
        let part = if next(HAS_EXTRA) {
            Part::ExtraLength { low: 0 }
        } else if next(HAS_NAME) {
            Part::Name
        } else if next(HAS_COMMENT) {
            Part::Comment
        } else if self.flags & HAS_CHECKSUM != 0 {
            Part::Checksum
        } else {
            Part::Data(Decompress::new(false))
        };
        self.begin(part);
    }
}
