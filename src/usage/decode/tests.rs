//! Each coding gives the plain bytes in whatever pieces it comes, and none becomes long work.

use std::io::Write as _;

use actix_http::header::{self, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{
    Compression, GzBuilder,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use proptest::prelude::*;

use super::*;

#[test]
fn one_known_coding_is_decoded() {
    for (lines, expected) in [
        (&[][..], Ok(None)),
        (&["identity"], Ok(None)),
        (&["GZIP"], Ok(Some(Coding::Gzip))),
        (&["x-gzip"], Ok(Some(Coding::Gzip))),
        (&["deflate"], Ok(Some(Coding::Deflate))),
        (&["identity, br"], Ok(Some(Coding::Brotli))),
        (&["zstd"], Ok(Some(Coding::Zstd))),
        (&["compress"], Err(UsageFlaw::UnknownCoding)),
        (&["gzip, br"], Err(UsageFlaw::UnknownCoding)),
        (&["gzip", "gzip"], Err(UsageFlaw::UnknownCoding)),
    ] {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(line));
        }
        assert_eq!(Coding::of(&headers), expected, "{lines:?}");
    }
}

fn decoded(coding: Coding, pieces: &[&[u8]]) -> (Vec<u8>, Result<(), UsageFlaw>) {
    let mut plain = Vec::new();
    let mut decoder = Decoder::new(coding).unwrap();
    for piece in pieces {
        let fed = decoder.feed(piece, &mut |bytes| plain.extend_from_slice(bytes));
        if fed.is_err() {
            return (plain, fed);
        }
    }
    (plain, Ok(()))
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// With every optional part of the header, and its checksum, which is not compared.
fn gzip_with_parts(plain: &[u8]) -> Vec<u8> {
    let builder = GzBuilder::new().extra(b"ab\0c".as_slice());
    let builder = builder
        .filename(b"a.json".as_slice())
        .comment(b"text".as_slice());
    let mut encoder = builder.write(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    let mut encoded = encoder.finish().unwrap();
    let header = FIXED_HEADER + 2 + 4 + "a.json\0".len() + "text\0".len();
    encoded[3] |= 2;
    encoded.splice(header..header, [0x12, 0x34]);
    encoded
}

const FIXED_HEADER: usize = 10;

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(plain, 3).unwrap()
}

/// Two members or frames, one after the other.
fn twice(encode: fn(&[u8]) -> Vec<u8>, plain: &[u8]) -> Vec<u8> {
    let (one, other) = plain.split_at(plain.len() / 3);
    [encode(one), encode(other)].concat()
}

/// Beginnings that random data would rarely have.
const STARTS: &[&[u8]] = &[
    b"",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03",
    b"\x78\x9c",
    b"\x0b",
    b"\x28\xb5\x2f\xfd",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_pieces_give_the_plain_bytes(
        words in proptest::collection::vec("[a-f]{1,9}|\\PC{0,20}", 0..1000),
        step in 1_usize..400,
    ) {
        let plain = words.concat().into_bytes();
        for (coding, encoded) in [
            (Coding::Gzip, gzip(&plain)),
            (Coding::Gzip, gzip_with_parts(&plain)),
            (Coding::Gzip, twice(gzip, &plain)),
            (Coding::Deflate, zlib(&plain)),
            (Coding::Deflate, raw_deflate(&plain)),
            (Coding::Zstd, zstd(&plain)),
            (Coding::Zstd, twice(zstd, &plain)),
        ] {
            let pieces: Vec<_> = encoded.chunks(step).collect();
            prop_assert_eq!(decoded(coding, &pieces), (plain.clone(), Ok(())));
            prop_assert_eq!(decoded(coding, &[&encoded]), (plain.clone(), Ok(())));
        }
    }

    #[test]
    fn no_bytes_do_harm(
        coding in proptest::sample::select(&[
            Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd,
        ][..]),
        start in proptest::sample::select(STARTS),
        noise in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let encoded = [start, &noise].concat();
        let (plain, _) = decoded(coding, &[&encoded]);
        prop_assert!(plain.len() <= 64 * 1024 + 100 * encoded.len());
    }
}

#[test]
fn what_has_come_of_a_cut_body_is_decoded() {
    let plain = "data: {\"choices\":[]}\n\n".repeat(2000);
    for (coding, encoded) in [
        (Coding::Gzip, gzip(plain.as_bytes())),
        (Coding::Deflate, zlib(plain.as_bytes())),
        (Coding::Deflate, raw_deflate(plain.as_bytes())),
    ] {
        let (decoded, result) = decoded(coding, &[&encoded[..encoded.len() - 10]]);
        assert_eq!(result, Ok(()));
        assert!(plain.as_bytes().starts_with(&decoded));
        assert!(decoded.len() > plain.len() / 2, "{}", decoded.len());
    }
}

/// A mebibyte of one letter, as encoded by another program.
const BROTLI_BOMB: &str = "W///j18iLB4LBHLvHwA=";

#[test]
fn a_body_that_grows_out_of_proportion_is_given_up() {
    let zeros = vec![0; 32 << 20];
    for (coding, encoded) in [
        (Coding::Gzip, gzip(&zeros)),
        (Coding::Deflate, zlib(&zeros)),
        (Coding::Zstd, zstd(&zeros)),
        (Coding::Brotli, STANDARD.decode(BROTLI_BOMB).unwrap()),
    ] {
        let (plain, result) = decoded(coding, &[&encoded]);
        let most = 64 * 1024 + 100 * encoded.len();
        assert!(plain.len() <= most, "{coding:?}: {} of {most}", plain.len());
        assert_eq!(result, Err(UsageFlaw::Bomb), "{coding:?}");
    }
}

#[test]
fn broken_data_is_told() {
    for (coding, bytes) in [
        (Coding::Gzip, &b"{\"usage\":1}"[..]),
        (Coding::Deflate, b"\xff\xff\xff\xff"),
        (Coding::Zstd, b"{\"usage\":1}"),
        (Coding::Brotli, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let (plain, result) = decoded(coding, &[bytes]);
        assert_eq!(
            (plain.len(), result),
            (0, Err(UsageFlaw::Malformed)),
            "{coding:?}"
        );
    }
}

#[test]
fn zstd_with_a_window_beyond_the_standard_is_refused() {
    for (log, expected) in [(23, Ok(())), (24, Err(UsageFlaw::Malformed))] {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(b"{\"usage\":{}}").unwrap();
        let encoded = encoder.finish().unwrap();
        assert_eq!(decoded(Coding::Zstd, &[&encoded]).1, expected, "{log}");
    }
}

#[test]
fn members_of_gzip_are_numbered() {
    let many = gzip(b"").repeat(2000);
    assert_eq!(decoded(Coding::Gzip, &[&many]).1, Err(UsageFlaw::Malformed));
    assert_eq!(
        decoded(Coding::Gzip, &[&gzip(b"a").repeat(1000)]).0.len(),
        1000
    );
}
