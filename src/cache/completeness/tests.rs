//! Complete and incomplete bodies, fed in pieces of any size.

use actix_http::header::{self, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use crate::dialect::samples;

fn watch(lines: &[(header::HeaderName, &'static str)], path: &str) -> CompletenessCheck {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.clone(), HeaderValue::from_static(value));
    }
    CompletenessCheck::new(&headers, path)
}

fn judge(
    lines: &[(header::HeaderName, &'static str)],
    path: &str,
    pieces: &[&[u8]],
) -> Result<(), NoCacheReason> {
    let mut watch = watch(lines, path);
    pieces.iter().for_each(|piece| watch.feed(piece));
    watch.end(&pieces.concat())
}

#[test]
fn only_a_complete_response_body_is_stored() {
    use NoCacheReason::*;
    let sse = (header::CONTENT_TYPE, "Text/Event-Stream; charset=utf-8");
    let json = (header::CONTENT_TYPE, "application/json");
    let gzip = (header::CONTENT_ENCODING, "gzip");
    let ndjson = (header::CONTENT_TYPE, "application/x-ndjson");
    let (chat, images) = ("/v1/chat/completions", "/v1/images/generations");
    let begun = "data: {\"choices\":[]}\n\n";
    let token = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
    let done = "data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]\n\n";
    let error = "data: {\"error\":{}}\n\ndata: [DONE]\n\n";
    for (lines, path, body, expected) in [
        (vec![sse.clone()], chat, done, Ok(())),
        (vec![sse.clone()], chat, begun, Err(NoTerminalEvent)),
        (vec![sse.clone()], chat, error, Err(ErrorEvent)),
        (vec![sse.clone()], chat, "", Err(NoTerminalEvent)),
        (
            vec![sse.clone()],
            chat,
            "data: [DONE]\n\n",
            Err(UnusableResponse),
        ),
        (
            vec![sse.clone()],
            images,
            "data: {\"b64_json\":\"AA\"}\n\n",
            Ok(()),
        ),
        (vec![sse.clone()], images, error, Err(ErrorEvent)),
        (vec![sse, gzip.clone()], chat, done, Err(EncodedResponse)),
        (vec![json.clone()], chat, "{\"choices\":[]}", Ok(())),
        (vec![json.clone()], chat, "{\"error\":{}}", Err(ErrorBody)),
        (vec![json.clone(), gzip], chat, "{}", Err(EncodedResponse)),
        (vec![json.clone()], chat, "", Err(UnusableResponse)),
        (vec![json.clone()], "/my/rank", "", Ok(())),
        (
            vec![json.clone()],
            "/my/rank",
            "{\"error\":1}",
            Err(ErrorBody),
        ),
        // An event stream under another media type.
        (vec![json.clone()], chat, done, Ok(())),
        (vec![json.clone()], chat, token, Err(NoTerminalEvent)),
        (
            vec![ndjson],
            chat,
            "{\"choices\":[]}\n",
            Err(NoTerminalEvent),
        ),
        (
            vec![(header::CONTENT_TYPE, "audio/mpeg")],
            "/v1/audio/speech",
            begun,
            Ok(()),
        ),
        (
            vec![json],
            "/v1beta/models/g:streamGenerateContent",
            "[{\"candidates\":[]},{\"error\":{}}]",
            Err(NoTerminalEvent),
        ),
        (
            vec![],
            "/v1beta/models/g:generateContent",
            "[{\"candidates\":[]},{\"cand",
            Err(NoTerminalEvent),
        ),
    ] {
        let verdict = judge(&lines, path, &[body.as_bytes()]);
        assert_eq!(verdict, expected, "{lines:?} {path} {body:?}");
    }
}

/// Judged in one piece, then cut in two at every position.
fn judge_cut(media: &[&'static str], path: &str, body: &str) -> Result<(), NoCacheReason> {
    let lines: Vec<_> = media.iter().map(|it| (header::CONTENT_TYPE, *it)).collect();
    let whole = judge(&lines, path, &[body.as_bytes()]);
    for cut in 0..body.len() {
        let (one, two) = body.as_bytes().split_at(cut);
        let cut_at = judge(&lines, path, &[one, two]);
        assert_eq!(cut_at, whole, "{media:?} {body:?} cut at {cut}");
    }
    whole
}

#[test]
fn error_bodies_are_detected_for_any_content_type() {
    let chat = "/v1/chat/completions";
    for media in [
        &[][..],
        &[""],
        &["text/plain; charset=utf-8"],
        &["text/json"],
        &["application/octet-stream"],
        &["application/problem+json"],
    ] {
        for (body, expected) in [
            ("{\"error\":{}}", Err(NoCacheReason::ErrorBody)),
            (
                "\u{feff} \r\n{\"error\":{}}\n",
                Err(NoCacheReason::ErrorBody),
            ),
            (" {\"error\":{}}", Err(NoCacheReason::ErrorBody)),
            ("{\"choices\":[]}", Ok(())),
            ("\u{feff}{\"choices\":[]}", Ok(())),
            ("", Err(NoCacheReason::UnusableResponse)),
            ("<html>", Err(NoCacheReason::UnusableResponse)),
            ("no {\"error\":{}}", Err(NoCacheReason::UnusableResponse)),
            ("[{\"error\":{}}]", Err(NoCacheReason::ErrorBody)),
            (
                "{\"error\":{\"code\":529},\"choices\":[]}",
                Err(NoCacheReason::ErrorBody),
            ),
            (
                "{\"choices\":[{\"finish_reason\":\"error\"}]}",
                Err(NoCacheReason::ErrorBody),
            ),
        ] {
            assert_eq!(judge_cut(media, chat, body), expected, "{media:?} {body:?}");
        }
    }
}

#[test]
fn a_response_of_responses_is_stored_if_it_is_completed() {
    let unfinished = "{\"output\":[],\"error\":null,\"status\":\"incomplete\"}";
    for (path, body, expected) in [
        (
            "/v1/responses",
            "{\"status\":\"completed\",\"output\":[]}",
            Ok(()),
        ),
        ("/v1/responses", "{\"output\":[]}", Ok(())),
        ("/v1/responses", unfinished, Err(NoCacheReason::ErrorBody)),
        (
            "/v1/responses",
            "\u{feff}{\"status\":\"failed\",\"error\":{},\"output\":[]}",
            Err(NoCacheReason::ErrorBody),
        ),
        // Other routes use these fields differently.
        (
            "/v1/chat/completions",
            "{\"choices\":[],\"status\":\"incomplete\"}",
            Ok(()),
        ),
    ] {
        for media in [&["application/json"][..], &[]] {
            assert_eq!(judge_cut(media, path, body), expected, "{path} {body}");
        }
    }
}

#[test]
fn json_without_its_last_bracket_is_incomplete() {
    let (chat, embeddings) = ("/v1/chat/completions", "/v1/embeddings");
    let truncated = Err(NoCacheReason::Truncated);
    let long = format!("{{\"choices\":[\"{}\"]", "x".repeat(70_000));
    for (path, body, expected) in [
        (chat, "{\"choices\":[]}\r\n ", Ok(())),
        (embeddings, "[[1]]\n", Ok(())),
        (embeddings, "[{}", truncated),
        (chat, "{\"choices\":[{\"text\":\"on", truncated),
        (chat, "{\"choices\":[1,2], ", truncated),
        (chat, "{\"choices\":[]", truncated),
        (embeddings, "[0.1,0.2", truncated),
        (embeddings, "\u{feff}[0.1,0.2", truncated),
        ("/my/rank", "\"on", truncated),
        ("/my/rank", "\"on\"", Ok(())),
        // The format is unknown, so an early end cannot be detected.
        ("/my/rank", "12", Ok(())),
        ("/my/rank", " \n", Ok(())),
    ] {
        for media in ["application/json", "Application/x+JSON; charset=utf-8"] {
            assert_eq!(judge_cut(&[media], path, body), expected, "{body:?}");
        }
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    let whole = format!("{long}}}");
    assert_eq!(judge(&json, chat, &[long.as_bytes()]), truncated);
    assert_eq!(judge(&json, chat, &[whole.as_bytes()]), Ok(()));
    let encoded = [json[0].clone(), (header::CONTENT_ENCODING, "br")];
    let verdict = judge(&encoded, chat, &[b"\x1f\x8b"]);
    assert_eq!(verdict, Err(NoCacheReason::EncodedResponse));
}

proptest! {
    #[test]
    fn a_stream_split_anywhere_is_judged_the_same(
        which in any::<Index>(),
        cuts in vec(any::<Index>(), 1..6),
    ) {
        let samples = samples::all();
        let sample = which.get(&samples);
        let sse = [(header::CONTENT_TYPE, "text/event-stream")];
        let path = match sample.dialect {
            Dialect::Chat => "/v1/chat/completions",
            Dialect::Responses => "/v1/responses",
            Dialect::Anthropic => "/v1/messages",
            Dialect::Gemini => "/v1beta/models/g:streamGenerateContent",
            Dialect::Images | Dialect::Speech | Dialect::Cohere | Dialect::Unknown => "/",
        };
        let whole = judge(&sse, path, &[&sample.bytes]);
        prop_assert_eq!(judge(&sse, path, &samples::cut(&sample.bytes, &cuts)), whole);
        // Without its last byte the final event may still be complete; without its last line it is
        // not.
        let text = sample.bytes.trim_ascii_end();
        prop_assert!(text.is_empty() || judge(&sse, path, &[&text[..text.len() - 1]]).is_err());
    }
}

#[test]
fn slow_checks_are_announced_by_is_quick() {
    use std::io::Write as _;
    let sse = (header::CONTENT_TYPE, "text/event-stream");
    let json = (header::CONTENT_TYPE, "application/json");
    let gzip = (header::CONTENT_ENCODING, "gzip");
    let gzipped = |plain: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let object = |bytes: usize| format!("{{{}", " ".repeat(bytes - 1)).into_bytes();
    let nothing = gzipped(b"").repeat(SHORT / 20);
    for (lines, body, expected) in [
        (vec![sse.clone()], b":".repeat(SHORT), true),
        (vec![sse], b":".repeat(SHORT + 1), false),
        (vec![json.clone()], object(SHORT_PLAIN), true),
        (vec![json.clone()], object(SHORT_PLAIN + 1), false),
        (vec![json.clone()], b"data: ".repeat(SHORT), false),
        (vec![json.clone(), gzip.clone()], gzipped(b"{}"), true),
        (
            vec![json.clone(), gzip.clone()],
            gzipped(&object(SHORT + 1)),
            false,
        ),
        (vec![json, gzip], nothing.repeat(2), false),
    ] {
        let quick = watch(&lines, "/v1/chat/completions").is_quick(&body);
        assert_eq!(quick, expected, "{lines:?} {} bytes", body.len());
    }
    let nothing = gzipped(b"").repeat(MOST_DECODED / 20 + 1);
    let kept = judge(
        &[(header::CONTENT_ENCODING, "gzip")],
        "/v1/chat/completions",
        &[&nothing],
    );
    assert_eq!(kept, Err(NoCacheReason::EncodedResponse));
}
