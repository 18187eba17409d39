//! Responses compressed by every coding, whole, damaged, flushed or as a bomb.

use std::io::Write as _;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

use super::*;

pub fn encoded(coding: Coding, body: &[u8]) -> Vec<u8> {
    let level = Compression::default();
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Brotli => stored_brotli(body),
    }
}

/// Brotli that only stores (RFC 7932 §9.2), since there is no encoder here.
fn stored_brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // The first block shares its first byte with the window size (one zero bit: 16 bits).
    let mut before = (0_u32, 1);
    for block in body.chunks(1 << 16) {
        let length = block.len() as u32 - 1;
        // Not the last block; four digits of length; stored.
        let header = (length << 3) | (1 << 19);
        let bits = (header << before.1) | before.0;
        let count = 20 + before.1;
        out.extend_from_slice(&bits.to_le_bytes()[..(count as usize).div_ceil(8)]);
        out.extend_from_slice(block);
        before = (0, 0);
    }
    match before.1 {
        1 => out.push(0b110),
        _ => out.push(0b11),
    }
    out
}

#[test]
fn encoded_bodies_are_judged_like_unencoded_ones() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
        for (route, media, body) in RESPONSES {
            let encoded = encoded(coding, body.as_bytes());
            for size in [1, 7, encoded.len()] {
                let pieces: Vec<&[u8]> = encoded.chunks(size).collect();
                let verdict = judge(*route, *media, Coded::As(coding), &pieces);
                assert_eq!(verdict, GOOD, "{coding:?} {route:?} {body}");
            }
        }
        for (body, expected) in INVALID {
            let encoded = encoded(coding, body.as_bytes());
            let verdict = judge(
                Generates::Message,
                Media::Json,
                Coded::As(coding),
                &[&encoded],
            );
            assert_eq!(verdict, *expected, "{coding:?} {body}");
        }
        let no_such = judge(
            Generates::Message,
            Media::Json,
            Coded::As(coding),
            &[b"\xff\xffno"],
        );
        assert!(matches!(no_such, Verdict::Refused(_)), "{coding:?}");
        let nothing = judge(Generates::Message, Media::Json, Coded::As(coding), &[]);
        assert_eq!(nothing, EMPTY);
    }
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
    bare.write_all(b"{\"error\":{}}").unwrap();
    let bare = bare.finish().unwrap();
    let deflate = Coded::As(Coding::Deflate);
    assert_eq!(
        judge(Generates::Message, Media::Json, deflate, &[&bare]),
        ERROR
    );
    let unknown = judge(Generates::Message, Media::Json, Coded::Unknown, &[b"x"]);
    assert_eq!(unknown, GOOD);
    assert_eq!(
        judge(Generates::Message, Media::Json, Coded::Unknown, &[b""]),
        EMPTY
    );
}

#[test]
fn a_flushed_stream_is_judged_as_it_arrives() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut judge = BodyJudge::of(
        Generates::Completion,
        Media::Events,
        Coded::As(Coding::Gzip),
    );
    let mut piece = |event: &str| {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        std::mem::take(encoder.get_mut())
    };
    let role = piece("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    assert_eq!(judge.feed(&role), Verdict::Undecided);
    let token = piece("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    assert_eq!(judge.feed(&token), GOOD);
}

#[test]
fn a_decompression_bomb_is_decoded_only_up_to_the_limit() {
    let bomb = encoded(Coding::Gzip, &vec![b' '; 64 << 20]);
    let (decoded, stop) = decode(Coding::Gzip, &bomb, MOST_BYTES);
    assert_eq!((decoded.len(), stop), (MOST_BYTES, Stop::Full));
    let gzip = Coded::As(Coding::Gzip);
    assert_eq!(
        judge(Generates::Completion, Media::Json, gzip, &[&bomb]),
        GOOD
    );
}
