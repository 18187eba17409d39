//! The decoders of the codings, each behind the same step.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation as _};

use super::{Coding, gzip::Gzip};
use crate::usage::UsageFlaw;

/// The largest window of zstd that RFC 9659 permits: 8 MiB.
const ZSTD_WINDOW: u32 = 23;

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

pub enum By {
    Gzip(Gzip),
    /// Some servers send the raw format under this name (RFC 9110 §8.4.1.2): the first byte tells.
    Deflate,
    Inflate(Decompress),
    Brotli(Box<Brotli>),
    Zstd(Zstd<'static>),
    /// The encoded data has ended.
    Ended,
}

/// What one step has done.
#[derive(Clone, Copy, Default)]
pub struct Done {
    pub read: usize,
    pub written: usize,
    /// What follows is not decoded.
    pub is_end: bool,
}

impl By {
    /// `None`: there is no memory for it.
    pub fn new(coding: Coding) -> Option<Self> {
        Some(match coding {
            Coding::Gzip => By::Gzip(Gzip::default()),
            Coding::Deflate => By::Deflate,
            // Its windows have at most 16 MiB, of which no more is touched than is decoded.
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                By::Brotli(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
            }
            Coding::Zstd => {
                let mut decoder = Zstd::new().ok()?;
                let window = DParameter::WindowLogMax(ZSTD_WINDOW);
                decoder.set_parameter(window).ok()?;
                By::Zstd(decoder)
            }
        })
    }

    /// Decodes as much as `to` has room for.
    ///
    /// # Errors
    /// The bytes are not in this coding.
    pub fn step(&mut self, from: &[u8], to: &mut [u8]) -> Result<Done, UsageFlaw> {
        if let (By::Deflate, Some(first)) = (&*self, from.first()) {
            *self = By::Inflate(Decompress::new(is_zlib(*first)));
        }
        let done = match self {
            By::Gzip(gzip) => gzip.step(from, to)?,
            By::Deflate => Done::default(),
            By::Inflate(decoder) => inflate(decoder, from, to)?,
            By::Brotli(state) => brotli(state, from, to)?,
            By::Zstd(decoder) => {
                let status = decoder.run_on_buffers(from, to);
                let status = status.map_err(|_| UsageFlaw::Malformed)?;
                Done {
                    read: status.bytes_read,
                    written: status.bytes_written,
                    is_end: false,
                }
            }
            By::Ended => Done {
                is_end: true,
                ..Done::default()
            },
        };
        if done.is_end {
            // Its window is not needed any more.
            *self = By::Ended;
        }
        Ok(done)
    }
}

/// The zlib format names its method, 8, in the low bits of its first byte. The raw format has the
/// bits of a stored block there, after which the next bits are clear.
fn is_zlib(first: u8) -> bool {
    first & 0x0f == 8
}

/// One step of deflate.
///
/// # Errors
/// The bytes are not in this coding.
pub fn inflate(decoder: &mut Decompress, from: &[u8], to: &mut [u8]) -> Result<Done, UsageFlaw> {
    let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
    let status = decoder.decompress(from, to, FlushDecompress::None);
    let status = status.map_err(|_| UsageFlaw::Malformed)?;
    Ok(Done {
        read: (decoder.total_in() - before_in) as usize,
        written: (decoder.total_out() - before_out) as usize,
        is_end: status == Status::StreamEnd,
    })
}

fn brotli(state: &mut Brotli, from: &[u8], to: &mut [u8]) -> Result<Done, UsageFlaw> {
    let (mut left, mut room, mut total) = (from.len(), to.len(), 0);
    let mut done = Done::default();
    let result = BrotliDecompressStream(
        &mut left,
        &mut done.read,
        from,
        &mut room,
        &mut done.written,
        to,
        &mut total,
        state,
    );
    match result {
        BrotliResult::ResultFailure => return Err(UsageFlaw::Malformed),
        BrotliResult::ResultSuccess => done.is_end = true,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
    }
    Ok(done)
}
