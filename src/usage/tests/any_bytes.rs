//! No bytes make the reader panic, or hold more than its bounds.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::sample;
use crate::{dialect::samples::cut, usage::framing::MOST_BYTES_OF_A_FRAME};

/// What may be held of a response: a value, and a frame of AWS.
const MOST_HELD: usize = 32 * 1024 + 2 * MOST_BYTES_OF_A_FRAME;

/// Pieces of JSON that random bytes would rarely make.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\n\n",
    "data: ",
    "\"usage\":{",
    "\"choices\":[",
    "\"message\":{",
    "\"output\":[[[[",
    "\"content\":",
    "\"prompt_tokens\":",
    "12",
    "-1",
    "1e9",
    "null",
    "\"usage\\u0022\":",
    "\"model\":\"m\"",
    "\"\\ud800\"",
    "\u{feff}",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(&PIECES[..]).prop_map(|it| it.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..8),
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

const TYPES: [&str; 5] = [
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "application/vnd.amazon.eventstream",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_bytes_do_harm_and_pieces_do_not_matter(
        body in text(),
        start in proptest::sample::select(&["", "{", "data: {"][..]),
        kind in proptest::sample::select(&TYPES[..]),
        is_websocket in any::<bool>(),
        cuts in vec(any::<Index>(), 0..5),
    ) {
        let body = [start.as_bytes(), &body].concat();
        let mut sample = sample::chat(kind, &body);
        sample.is_websocket = is_websocket;
        let pieces = cut(&body, &cuts);
        prop_assert_eq!(sample.read(&pieces), sample.read_at_once());
    }

    #[test]
    fn damage_does_no_harm(
        which in any::<Index>(),
        place in any::<Index>(),
        with in any::<u8>(),
    ) {
        let samples = sample::all();
        let sample = which.get(&samples);
        let mut body = sample.body.clone();
        if !body.is_empty() {
            let place = place.index(body.len());
            body[place] = with;
        }
        let mut reader = sample.reader().unwrap();
        reader.feed(&body);
        prop_assert!(reader.held_bytes() <= MOST_HELD);
        reader.finish(true);
    }
}

/// A body that goes on like this for 4 MB, and what of it is held.
fn held(content_type: &str, start: &[u8], piece: &str) -> usize {
    let sample = sample::chat(content_type, b"");
    let mut reader = sample.reader().unwrap();
    reader.feed(start);
    let pieces = piece.repeat(1 + 4096 / piece.len());
    let mut most = 0;
    for _ in 0..1000 {
        reader.feed(pieces.as_bytes());
        most = most.max(reader.held_bytes());
    }
    reader.finish(true);
    most
}

#[test]
fn what_is_held_is_bounded_however_long_the_body_is() {
    for (content_type, start, piece) in [
        ("application/json", "{\"model\":\"", "m"),
        ("application/json", "{\"", "k"),
        ("application/json", "{\"\\u0061", "k"),
        ("application/json", "{\"usage\":{\"prompt_tokens\":1", "0"),
        ("application/json", "{\"output\":", "["),
        ("application/json", "{\"output\":", "{\"message\":"),
        ("application/json", "{\"content\":", "["),
        ("application/json", "", "["),
        ("application/json", "", "{\"a\":"),
        ("text/event-stream", "data: {\"id\":\"", "a"),
        ("text/event-stream", "", "d"),
        ("text/event-stream", "data: {\"a\":1}\n", ": "),
        ("application/x-ndjson", "{\"a\":\"", "b"),
    ] {
        let most = held(content_type, start.as_bytes(), piece);
        assert!(most <= MOST_HELD, "{content_type} {start} {piece}: {most}");
    }
}

#[test]
fn frames_of_aws_are_held_up_to_a_length() {
    for (length, is_held) in [(60_000_u32, true), (70_000, false), (u32::MAX, false)] {
        let lengths = [length.to_be_bytes(), [0; 4]].concat();
        let prelude = [&*lengths, &crc32fast::hash(&lengths).to_be_bytes()].concat();
        let most = held("application/vnd.amazon.eventstream", &prelude, "\0");
        assert!(most <= MOST_HELD, "{length}: {most}");
        assert_eq!(most > 4096, is_held, "{length}: {most}");
    }
}
