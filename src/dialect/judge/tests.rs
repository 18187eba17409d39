//! Valid and invalid responses of every route, in pieces of any size.

mod encoded;
mod responses;

use proptest::prelude::*;

use self::{encoded::encoded, responses::RESPONSES};
use super::*;
use crate::dialect::{
    Dialect,
    decode::Coding,
    samples::{self, cut},
};

const EVERY: [Generates; 14] = [
    Generates::Completion,
    Generates::Embedding,
    Generates::Response,
    Generates::Message,
    Generates::Content,
    Generates::ContentEmbedding,
    Generates::Prediction,
    Generates::RawPrediction,
    Generates::Ranking,
    Generates::Moderation,
    Generates::Image,
    Generates::Speech,
    Generates::Transcription,
    Generates::CohereChat,
];

const GOOD: Verdict = Verdict::Begun;
const ERROR: Verdict = Verdict::Refused(Flaw::Error);
const EMPTY: Verdict = Verdict::Refused(Flaw::Empty);
const CUT: Verdict = Verdict::Refused(Flaw::Cut);
const FOREIGN: Verdict = Verdict::Refused(Flaw::Foreign);

fn judge(route: Generates, media: Media, coded: Coded, pieces: &[&[u8]]) -> Verdict {
    let mut judge = BodyJudge::of(route, media, coded);
    for piece in pieces {
        judge.feed(piece);
    }
    judge.end()
}

/// Judged in one piece, byte by byte, and cut in two at every position.
fn plain(route: Generates, media: Media, body: &[u8]) -> Verdict {
    let whole = judge(route, media, Coded::Plain, &[body]);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(judge(route, media, Coded::Plain, &bytes), whole, "bytes");
    for place in 0..=body.len() {
        let (one, two) = body.split_at(place);
        let in_two = judge(route, media, Coded::Plain, &[one, two]);
        let shown = String::from_utf8_lossy(body);
        assert_eq!(in_two, whole, "{route:?} {media:?} {shown} cut at {place}");
    }
    whole
}

/// Complete bodies that are not valid responses of any route.
const INVALID: &[(&str, Verdict)] = &[
    ("", EMPTY),
    ("null", FOREIGN),
    ("\u{feff}null\n", FOREIGN),
    ("{}", FOREIGN),
    (" {} \n", FOREIGN),
    ("{\"choices\":null,\"output\":null,\"text\":null}", FOREIGN),
    ("{\"message\":\"Forbidden\"}", FOREIGN),
    ("{\"detail\":\"Not authenticated\"}", ERROR),
    ("{\"error\":{\"message\":\"no\"}}", ERROR),
    ("{\"error\":\"no\",\"choices\":null}", ERROR),
    ("{\"\\u0065rror\":\"no\"}", ERROR),
    (
        "{\"error\":{\"code\":529},\"choices\":[],\"content\":\"\",\"data\":[],\"output\":[]}",
        ERROR,
    ),
    (
        "{\"object\":\"response\",\"type\":\"message\",\"error\":\"no\",\"results\":[],\
         \"candidates\":[]}",
        ERROR,
    ),
    ("\u{feff} \r\n{\"error\":{}}", ERROR),
    ("{\"cho", CUT),
    ("{\"a\":[{\"b\":\"c", CUT),
    ("<!DOCTYPE html><html>wait</html>", FOREIGN),
    ("\n <HTML><body>wait", FOREIGN),
    ("<script>location=1</script>", FOREIGN),
    ("<!-- an error --><p>wait", FOREIGN),
    ("<h1>Bad Gateway</h1>", FOREIGN),
];

#[test]
fn invalid_bodies_are_refused_on_every_route_and_media_type() {
    for route in EVERY {
        for media in [Media::Json, Media::Html, Media::Other] {
            for (body, expected) in INVALID {
                let verdict = plain(route, media, body.as_bytes());
                assert_eq!(verdict, *expected, "{route:?} {media:?} {body}");
            }
        }
        for body in ["{\"a\":}", "{\"choices\":[}", "{}x", "[1,2"] {
            let verdict = plain(route, Media::Json, body.as_bytes());
            assert!(matches!(verdict, Verdict::Refused(_)), "{route:?} {body}");
        }
        for body in ["wait", "12", "true", "\"on\"", "Internal Server Error"] {
            let takes_text = route == Generates::Transcription && body == "\"on\"";
            let verdict = plain(route, Media::Json, body.as_bytes());
            assert_eq!(verdict == GOOD, takes_text, "{route:?} {body}");
        }
    }
}

#[test]
fn invalid_streams_are_refused_on_every_route() {
    for route in EVERY {
        for (stream, expected) in [
            ("", EMPTY),
            (": ping\n\n: ping\n\n", EMPTY),
            ("event: ping\ndata: {\"type\":\"ping\"}\n\n", EMPTY),
            ("data: \n\n", EMPTY),
            ("data: {}\n\n", EMPTY),
            ("data: [DONE]\n\n", FOREIGN),
            ("data: [DONE]", FOREIGN),
            ("data: {}\n\ndata: [DONE]\n\n", FOREIGN),
            ("data: wait\n\n", FOREIGN),
            ("data: {\"choices\":[{\"del", FOREIGN),
            ("data: null\n\n", FOREIGN),
            ("data: [1]\n\n", FOREIGN),
            (
                "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
                FOREIGN,
            ),
            (
                "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
                FOREIGN,
            ),
            ("data: {\"type\":\"response.completed\"}\n\n", FOREIGN),
            ("data: {\"type\":\"message-end\"}\n\n", FOREIGN),
            ("data: {\"type\":\"speech.audio.done\"}\n\n", FOREIGN),
            ("data: {\"detail\":\"no\"}\n\n", ERROR),
            ("data: {\"error\":{\"message\":\"no\"}}\n\n", ERROR),
            ("event: error\ndata: no\n\n", ERROR),
        ] {
            let verdict = plain(route, Media::Events, stream.as_bytes());
            assert_eq!(verdict, expected, "{route:?} {stream}");
        }
    }
}

#[test]
fn choices_that_all_failed_are_an_error() {
    for (choices, expected) in [
        (r#"{"finish_reason":"error","message":{}}"#, ERROR),
        (r#"{"error":{"code":502},"message":{"content":""}}"#, ERROR),
        (r#"{"finish_reason":"error"},{"error":"no"}"#, ERROR),
        (r#"{"finish_reason":"error"},{"text":"a"}"#, GOOD),
        (r#"{"error":null,"finish_reason":"stop"}"#, GOOD),
        ("", GOOD),
    ] {
        let body = format!("{{\"choices\":[{choices}]}}");
        let verdict = plain(Generates::Completion, Media::Json, body.as_bytes());
        assert_eq!(verdict, expected, "{choices}");
    }
}

#[test]
fn a_gemini_array_is_judged_as_soon_as_its_first_item_is_complete() {
    for (items, expected) in [
        (r#"[{"candidates":[{"index":0}]}"#, GOOD),
        (r#" [{"usageMetadata":{"a":1}}"#, GOOD),
        (r#"[{"error":{"code":503}}"#, ERROR),
        (r#"[{"candidates":[{"index":0}]"#, Verdict::Undecided),
        (r#"[{"a":1}"#, Verdict::Undecided),
        ("[", Verdict::Undecided),
    ] {
        for size in [1, 100] {
            let mut judge = BodyJudge::of(Generates::Content, Media::Json, Coded::Plain);
            let fed = items.as_bytes().chunks(size).map(|piece| judge.feed(piece));
            assert_eq!(fed.last(), Some(expected), "{items}");
        }
    }
}

#[test]
fn responses_of_many_servers_are_accepted() {
    for (route, media, body) in RESPONSES {
        assert_eq!(
            plain(*route, *media, body.as_bytes()),
            GOOD,
            "{route:?} {body}"
        );
    }
}

#[test]
fn the_streams_of_the_fixtures_are_judged_by_their_names() {
    for sample in samples::all() {
        let route = match sample.dialect {
            Dialect::Responses => Generates::Response,
            Dialect::Anthropic => Generates::Message,
            Dialect::Gemini => Generates::Content,
            _ => Generates::Completion,
        };
        let expected = match sample.name.rsplit('-').next() {
            Some("error") => ERROR,
            Some("empty") => EMPTY,
            _ => GOOD,
        };
        let verdict = plain(route, Media::Events, &sample.bytes);
        assert_eq!(verdict, expected, "{}", sample.name);
    }
}

#[test]
fn at_most_64_kib_are_inspected() {
    let begun = |body: String| {
        let mut judge = BodyJudge::of(Generates::Completion, Media::Json, Coded::Plain);
        judge.feed(body.as_bytes())
    };
    let filler = "x".repeat(MOST_BYTES);
    for (body, expected) in [
        (format!("{{\"id\":\"{filler}"), GOOD),
        (format!("{{\"choices\":[\"{filler}"), GOOD),
        (format!("{{\"error\":\"no\",\"detail\":\"{filler}"), ERROR),
        (format!("{{\"choices\":[}}{filler}"), FOREIGN),
        (format!("{{}}{}", " ".repeat(MOST_BYTES)), FOREIGN),
        (" ".repeat(MOST_BYTES), GOOD),
        (" ".repeat(MOST_BYTES - 1), Verdict::Undecided),
        ("<html>".to_owned(), FOREIGN),
    ] {
        assert_eq!(
            begun(body.clone()),
            expected,
            "{}",
            &body[..body.len().min(30)]
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_split_anywhere_are_judged_the_same(
        route in proptest::sample::select(&EVERY[..]),
        media in proptest::sample::select(
            &[Media::Events, Media::Lines, Media::Json, Media::Html, Media::Other][..],
        ),
        parts in proptest::collection::vec(proptest::sample::select(&[
            "{", "}", "[", "]", "\"choices\":", "\"error\":", "\"text\"", ":", ",", "null", "1",
            "\n", "\n\n", " ", "data: ", "data: [DONE]", "event: error", "{\"type\":\"ping\"}",
            "<html>", "<", "\u{feff}", "\\u", "xyz",
            "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
        ][..]), 0..12),
        filler in proptest::option::of(Just(" ".repeat(MOST_BYTES - 20))),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let body = filler.unwrap_or_default() + &parts.concat();
        let whole = judge(route, media, Coded::Plain, &[body.as_bytes()]);
        prop_assert_ne!(whole, Verdict::Undecided);
        let pieces = cut(body.as_bytes(), &cuts);
        prop_assert_eq!(judge(route, media, Coded::Plain, &pieces), whole);
        let gzip = encoded(Coding::Gzip, body.as_bytes());
        let pieces = cut(&gzip, &cuts);
        prop_assert_eq!(judge(route, media, Coded::As(Coding::Gzip), &pieces), whole);
    }
}

#[test]
fn the_end_of_a_first_line_is_found_wherever_the_body_is_cut() {
    let body = "\u{feff}{}\n{\"choices\":[]}\n".as_bytes();
    for (cut, again) in (0..body.len()).flat_map(|cut| (cut..body.len()).map(move |it| (cut, it))) {
        let mut judge = BodyJudge::of(Generates::Completion, Media::Lines, Coded::Plain);
        for piece in [&body[..cut], &body[cut..again], &body[again..]] {
            judge.feed(piece);
        }
        assert_eq!(
            judge.feed(b""),
            Verdict::Refused(Flaw::Foreign),
            "{cut} {again}"
        );
    }
}
