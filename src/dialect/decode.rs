//! Decodes a copy of the beginning of a compressed body, as far as it has arrived and up to a
//! limit. The relayed body stays as it is.

use actix_http::header::HeaderMap;
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status, bufread::MultiGzDecoder};

use crate::http::encoding;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    /// Not encoded.
    Plain,
    As(Coding),
    /// With an unknown coding, or with several.
    Unknown,
}

/// A supported coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

impl Coded {
    /// From `Content-Encoding`.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut codings = encoding::codings(headers);
        match (codings.next(), codings.next()) {
            (None, _) => Coded::Plain,
            (Some(only), None) => Coding::named(only).map_or(Coded::Unknown, Coded::As),
            (Some(_), Some(_)) => Coded::Unknown,
        }
    }
}

impl Coding {
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Coding::Gzip),
            b"deflate" => Some(Coding::Deflate),
            b"br" => Some(Coding::Brotli),
            _ => None,
        }
    }
}

/// Why decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The end of the encoded data.
    End,
    /// More input is needed.
    Starved,
    /// The output limit is reached.
    Full,
    /// The data is invalid.
    Broken,
}

/// Bytes decoded in one step.
const STEP: usize = 8 * 1024;

/// Decodes at most `most` bytes; returns them and why decoding stopped.
pub fn decode(coding: Coding, encoded: &[u8], most: usize) -> (Vec<u8>, Stop) {
    match coding {
        Coding::Gzip => gzip(encoded, most),
        // Some servers send raw deflate under this name (RFC 9110 §8.4.1.2).
        Coding::Deflate => match deflate(encoded, most, true) {
            (decoded, Stop::Broken) if decoded.is_empty() => deflate(encoded, most, false),
            decoded => decoded,
        },
        Coding::Brotli => brotli(encoded, most),
    }
}

fn gzip(encoded: &[u8], most: usize) -> (Vec<u8>, Stop) {
    use std::io::{ErrorKind, Read as _};
    if encoded.is_empty() {
        return (Vec::new(), Stop::Starved);
    }
    let mut decoder = MultiGzDecoder::new(encoded);
    let (mut decoded, mut step) = (Vec::new(), [0; STEP]);
    while decoded.len() < most {
        let room = STEP.min(most - decoded.len());
        match decoder.read(&mut step[..room]) {
            Ok(0) => return (decoded, Stop::End),
            Ok(read) => decoded.extend_from_slice(&step[..read]),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return (decoded, Stop::Starved);
            }
            Err(_) => return (decoded, Stop::Broken),
        }
    }
    (decoded, Stop::Full)
}

fn deflate(encoded: &[u8], most: usize, wrapped: bool) -> (Vec<u8>, Stop) {
    let mut decoder = Decompress::new(wrapped);
    let (mut decoded, mut step) = (Vec::new(), [0; STEP]);
    let mut taken = 0;
    while decoded.len() < most {
        let room = STEP.min(most - decoded.len());
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        let status =
            decoder.decompress(&encoded[taken..], &mut step[..room], FlushDecompress::None);
        let read = (decoder.total_in() - before_in) as usize;
        let written = (decoder.total_out() - before_out) as usize;
        taken += read;
        decoded.extend_from_slice(&step[..written]);
        match status {
            Err(_) => return (decoded, Stop::Broken),
            Ok(Status::StreamEnd) => return (decoded, Stop::End),
            Ok(_) if read == 0 && written == 0 => return (decoded, Stop::Starved),
            Ok(_) => {}
        }
    }
    (decoded, Stop::Full)
}

fn brotli(encoded: &[u8], most: usize) -> (Vec<u8>, Stop) {
    // The window is limited to 16 MiB, which are freed right away.
    let mut state = BrotliState::new_strict(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let (mut decoded, mut step) = (Vec::new(), [0; STEP]);
    let (mut left, mut taken, mut total) = (encoded.len(), 0, 0);
    while decoded.len() < most {
        let (mut room, mut written) = (STEP.min(most - decoded.len()), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            encoded,
            &mut room,
            &mut written,
            &mut step,
            &mut total,
            &mut state,
        );
        decoded.extend_from_slice(&step[..written]);
        match result {
            BrotliResult::ResultSuccess => return (decoded, Stop::End),
            BrotliResult::ResultFailure => return (decoded, Stop::Broken),
            BrotliResult::NeedsMoreInput => return (decoded, Stop::Starved),
            BrotliResult::NeedsMoreOutput => {}
        }
    }
    (decoded, Stop::Full)
}

#[cfg(test)]
mod tests {
    use actix_http::header::{self, HeaderValue};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_tells_the_coding() {
        for (lines, expected) in [
            (&[][..], Coded::Plain),
            (&["identity"], Coded::Plain),
            (&["", " , Identity"], Coded::Plain),
            (&["GZIP"], Coded::As(Coding::Gzip)),
            (&["identity, x-gzip"], Coded::As(Coding::Gzip)),
            (&["deflate"], Coded::As(Coding::Deflate)),
            (&["br"], Coded::As(Coding::Brotli)),
            (&["zstd"], Coded::Unknown),
            (&["gzip, br"], Coded::Unknown),
            (&["gzip", "gzip"], Coded::Unknown),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(line));
            }
            assert_eq!(Coded::of(&headers), expected, "{lines:?}");
        }
    }

    /// [`PLAIN`] as encoded by another program, with windows of 22, 16 and 24 bits.
    const BROTLI: [&str; 3] = [
        "G8IAAARSO5/QcjygAg18eX/wprABBw6J7dMo4wQ6OOT4YFHHFkMWq415QWeKPcjcvUms0z39eU7yUhUC",
        "QhgAhOPAbvQhexdhYJv9CbXI3pbOVtDp6pMgaHuwAQfsic7RJJPp4CHLz4JJrEM5G1759FrGFXq+uvHcN2QA",
        "H8IAIBwHdqMP2bsIA9vsT6hF9rZ0toJOV58EQduDDThgT3SOJplMBw9ZfhZMYh3K2fDKp9cyrtDz1Y3nviED",
    ];
    const PLAIN: &str =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hello, hello, hello\"}}]}\n\n";

    #[test]
    fn brotli_is_decoded_as_far_as_it_has_arrived() {
        let plain = PLAIN.repeat(3);
        for text in BROTLI {
            let encoded = STANDARD.decode(text).unwrap();
            let (decoded, stop) = decode(Coding::Brotli, &encoded, 1 << 20);
            assert_eq!((decoded, stop), (plain.clone().into_bytes(), Stop::End));
            for cut in 0..encoded.len() {
                let (decoded, stop) = decode(Coding::Brotli, &encoded[..cut], 1 << 20);
                assert!(plain.as_bytes().starts_with(&decoded), "{cut}");
                assert_eq!(stop, Stop::Starved, "{cut}");
            }
            let (decoded, stop) = decode(Coding::Brotli, &encoded, 10);
            assert_eq!(
                (decoded.as_slice(), stop),
                (&plain.as_bytes()[..10], Stop::Full)
            );
        }
    }

    const CODINGS: [Coding; 3] = [Coding::Gzip, Coding::Deflate, Coding::Brotli];

    /// Prefixes that random data would rarely produce: gzip, zlib, brotli.
    const STARTS: &[&[u8]] = &[b"", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\x78\x9c", b"\x0b"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn no_bytes_do_harm(
            coding in proptest::sample::select(&CODINGS[..]),
            start in proptest::sample::select(STARTS),
            noise in proptest::collection::vec(any::<u8>(), 0..400),
            most in 0_usize..5000,
        ) {
            let (decoded, _) = decode(coding, &[start, &noise].concat(), most);
            prop_assert!(decoded.len() <= most);
        }

        #[test]
        fn damage_does_no_harm(
            which in 0_usize..3,
            at in any::<proptest::sample::Index>(),
            with in any::<u8>(),
            most in 0_usize..5000,
        ) {
            let mut encoded = STANDARD.decode(BROTLI[which]).unwrap();
            let at = at.index(encoded.len());
            encoded[at] = with;
            let (decoded, _) = decode(Coding::Brotli, &encoded, most);
            prop_assert!(decoded.len() <= most);
        }
    }
}
