//! Where a body's bytes lie in what has arrived, for each framing. Holds no bytes and does no I/O.

use crate::failure::Failure;
use crate::head::Framing;

/// What the bytes at hand begin with; `take` is how many of them the step uses up.
pub enum Step {
    Data {
        take: usize,
    },
    Framing {
        take: usize,
    },
    /// The end of one chunk of the chunked coding.
    ChunkEnd {
        take: usize,
    },
    NeedMore,
    Done,
}

pub enum Body {
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    Done,
}

impl Body {
    pub fn of_request(framing: Framing) -> Self {
        match framing {
            Framing::Unstated => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::ChunkSize,
        }
    }

    pub fn of_response(framing: Framing) -> Self {
        match framing {
            Framing::Unstated => Self::UntilClose,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::ChunkSize,
        }
    }

    /// Looks at the start of `bytes` and moves on by what it finds.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Failure> {
        match self {
            Self::Done | Self::Length(0) => Ok(Step::Done),
            _ if bytes.is_empty() => Ok(Step::NeedMore),
            Self::UntilClose => Ok(Step::Data { take: bytes.len() }),
            Self::Length(left) => Ok(Step::Data {
                take: take_from(left, bytes),
            }),
            Self::ChunkData(left) => {
                let take = take_from(left, bytes);
                if *left == 0 {
                    *self = Self::ChunkEnd;
                }
                Ok(Step::Data { take })
            }
            Self::ChunkEnd => Ok(self.chunk_end(bytes)),
            Self::ChunkSize => self.chunk_size(bytes),
            Self::Trailer => Ok(self.trailer(bytes)),
        }
    }

    /// Whether the peer may close here without cutting the body short.
    pub fn may_close(&self) -> bool {
        matches!(self, Self::UntilClose | Self::Done | Self::Length(0))
    }

    fn chunk_end(&mut self, bytes: &[u8]) -> Step {
        if bytes.len() < 2 {
            return Step::NeedMore;
        }
        *self = Self::ChunkSize;
        Step::ChunkEnd { take: 2 }
    }

    fn chunk_size(&mut self, bytes: &[u8]) -> Result<Step, Failure> {
        let Some(feed) = bytes.iter().position(|&byte| byte == b'\n') else {
            return Ok(Step::NeedMore);
        };
        let line = bytes[..feed].trim_ascii_end();
        let digits = line.split(|&byte| byte == b';').next().unwrap_or(line);
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|hex| u64::from_str_radix(hex, 16).ok());
        *self = match size.ok_or(Failure::Malformed("chunk size"))? {
            0 => Self::Trailer,
            size => Self::ChunkData(size),
        };
        Ok(Step::Framing { take: feed + 1 })
    }

    fn trailer(&mut self, bytes: &[u8]) -> Step {
        let Some(feed) = bytes.iter().position(|&byte| byte == b'\n') else {
            return Step::NeedMore;
        };
        if feed <= 1 {
            *self = Self::Done;
        }
        Step::Framing { take: feed + 1 }
    }
}

/// As much as both the body and the bytes have left.
fn take_from(left: &mut u64, bytes: &[u8]) -> usize {
    let take = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= take as u64;
    take
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODED: &[u8] = b"5\r\nhello\r\n6;note=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n";

    /// Feeds `bytes` in two reads that part at `cut`.
    fn decode(cut: usize) -> Result<(Vec<u8>, usize, bool), Failure> {
        let (mut body, mut data, mut chunks, mut at) = (Body::ChunkSize, Vec::new(), 0, 0);
        for end in [cut, CODED.len()] {
            loop {
                match body.step(&CODED[at..end])? {
                    Step::Data { take } => {
                        data.extend_from_slice(&CODED[at..at + take]);
                        at += take;
                    }
                    Step::Framing { take } => at += take,
                    Step::ChunkEnd { take } => {
                        chunks += 1;
                        at += take;
                    }
                    Step::NeedMore | Step::Done => break,
                }
            }
        }
        Ok((data, chunks, matches!(body, Body::Done)))
    }

    #[test]
    fn a_chunked_body_cut_anywhere_gives_the_same_bytes() -> Result<(), Failure> {
        for cut in 0..CODED.len() {
            assert_eq!(
                decode(cut)?,
                (b"hello world".to_vec(), 2, true),
                "cut at {cut}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_length_that_is_not_used_up_may_not_close() {
        let mut body = Body::Length(3);
        assert!(matches!(body.step(b"ab"), Ok(Step::Data { take: 2 })));
        assert!(!body.may_close());
        assert!(matches!(body.step(b"cd"), Ok(Step::Data { take: 1 })));
        assert!(body.may_close());
    }
}
