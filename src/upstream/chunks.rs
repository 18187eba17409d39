//! Finds where a chunked body ends (RFC 9112 §7.1), accepting exactly the grammar of actix-http's decoder, which reads the
//! same bytes after it; a differential test keeps the two in step. Decodes nothing.

use super::framing::Malformed;

/// How far into a chunked body the bytes seen so far reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkScanner {
    at: At,
    /// Data bytes of the current chunk still to come.
    left: u64,
    has_digits: bool,
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
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
}

impl ChunkScanner {
    /// Takes the next bytes; says how many of them belong to the body and whether that ended it.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        let mut seen = 0;
        while seen < bytes.len() {
            if self.at == At::Data {
                let rest = (bytes.len() - seen) as u64;
                let data = self.left.min(rest);
                self.left -= data;
                seen += data as usize;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
                continue;
            }
            let ended = self.step(bytes[seen])?;
            seen += 1;
            if ended {
                return Ok((seen, true));
            }
        }
        Ok((seen, false))
    }

    fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
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
            (At::DataLf, b'\n') => At::Size,
            (At::TrailerStart, b'\r') => At::EndLf,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerStart | At::Trailer, _) => At::Trailer,
            (At::TrailerLf, b'\n') => At::TrailerStart,
            (At::EndLf, b'\n') => return Ok(true),
            _ => return Err(Malformed::Chunks),
        };
        Ok(false)
    }

    fn size_digit(&mut self, byte: u8) -> Result<At, Malformed> {
        let digit = (byte as char).to_digit(16).ok_or(Malformed::Chunks)?;
        self.left = self
            .left
            .checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)))
            .ok_or(Malformed::Chunks)?;
        self.has_digits = true;
        Ok(At::Size)
    }

    fn after_size(&mut self) -> At {
        self.has_digits = false;
        if self.left == 0 {
            At::TrailerStart
        } else {
            At::Data
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_bytes_are_split() {
        let body = b"5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
        let mut all = body.to_vec();
        all.extend_from_slice(b"HTTP/1.1 200 OK");
        for split in 0..=all.len() {
            let mut scanner = ChunkScanner::default();
            let (first, mut ended) = scanner.feed(&all[..split]).expect("valid");
            let mut total = first;
            if !ended {
                let (second, end) = scanner.feed(&all[split..]).expect("valid");
                total += second;
                ended = end;
            }
            assert!(ended && total == body.len(), "split at {split}: {total}");
        }
    }

    #[test]
    fn broken_coding_is_refused() {
        for bad in [
            "\r\n",
            "x\r\n",
            "5\rx",
            "5\r\nhelloX",
            "5;a\nb",
            "fffffffffffffffff\r\n",
            "-1\r\n",
        ] {
            let result = ChunkScanner::default().feed(bad.as_bytes());
            assert_eq!(result, Err(Malformed::Chunks), "{bad:?}");
        }
    }
}
