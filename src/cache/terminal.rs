//! Is this body all of an answer? Follows events as they pass, looks at other bodies when all of it is there, and edits nothing.
//! That the transfer itself ended cleanly is for whoever feeds it to know.
//!
//! Into an encoded body that is no stream nobody looks: an error that is sent compressed is kept like an answer. To refuse what is
//! compressed would end caching for most, since client libraries always ask for it.

use actix_http::header::{self, HeaderMap};

use super::{NoCacheReason, cacheable::is_encoded};
use crate::dialect::{Dialect, Ending, LastEvent, says_error, says_not_completed};

/// Follows the body of one answer.
#[derive(Debug)]
pub struct TerminalWatch(Body);

#[derive(Debug)]
enum Body {
    /// Server-sent events.
    Events(LastEvent),
    Plain {
        is_json: bool,
        dialect: Dialect,
    },
    /// A stream of which nobody can see that it is whole.
    Unseen(NoCacheReason),
    /// Encoded: a clean end is all that can be asked of it.
    Opaque,
}

impl TerminalWatch {
    /// For an answer with these headers to a request with this raw path.
    pub fn new(headers: &HeaderMap, path: &str) -> Self {
        let media = media_type(headers);
        let encoded = is_encoded(headers);
        let dialect = Dialect::of(path);
        TerminalWatch(match media.as_slice() {
            b"text/event-stream" if encoded => Body::Unseen(NoCacheReason::EncodedStream),
            b"text/event-stream" => Body::Events(LastEvent::new(dialect)),
            // Without `alt=sse` Gemini streams one JSON array, whose last items may be an error.
            _ if dialect == Dialect::Gemini => Body::Unseen(NoCacheReason::NoTerminalEvent),
            _ if encoded => Body::Opaque,
            media => Body::Plain {
                is_json: is_json(media),
                dialect,
            },
        })
    }

    /// Takes the body's next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Body::Events(events) = &mut self.0 {
            events.feed(bytes);
        }
    }

    /// The body has ended cleanly; this is all of it.
    ///
    /// # Errors
    /// Why it is not kept for all that.
    pub fn end(self, body: &[u8]) -> Result<(), NoCacheReason> {
        match self.0 {
            Body::Events(events) => match events.end() {
                Ending::Whole => Ok(()),
                Ending::Unfinished => Err(NoCacheReason::NoTerminalEvent),
                Ending::Failed => Err(NoCacheReason::ErrorEvent),
                Ending::Overlong => Err(NoCacheReason::LongEvent),
            },
            Body::Plain { is_json, dialect } => plain_verdict(is_json, dialect, body),
            Body::Unseen(reason) => Err(reason),
            Body::Opaque => Ok(()),
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Judges a body that is neither a stream nor encoded. If it begins as a JSON object, it is looked into, whatever its type: servers
/// send errors with any and with none.
fn plain_verdict(is_json: bool, dialect: Dialect, body: &[u8]) -> Result<(), NoCacheReason> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = body.trim_ascii();
    let last = match body.first() {
        Some(b'{') if says_error(body) => return Err(NoCacheReason::ErrorBody),
        Some(b'{') if dialect == Dialect::Responses && says_not_completed(body) => {
            return Err(NoCacheReason::ErrorBody);
        }
        Some(b'{') => b'}',
        Some(b'[') => b']',
        Some(b'"') => b'"',
        _ => return Ok(()),
    };
    // Of a body without a length a clean end may be where its connection was closed.
    match is_json && !body.ends_with(&[last]) {
        true => Err(NoCacheReason::Truncated),
        false => Ok(()),
    }
}

/// In lower case, without its parameters.
fn media_type(headers: &HeaderMap) -> Vec<u8> {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.map(|value| value.as_bytes()).unwrap_or_default();
    let media = value.split(|byte| *byte == b';').next().unwrap_or_default();
    media.trim_ascii().to_ascii_lowercase()
}

fn is_json(media: &[u8]) -> bool {
    matches!(media, b"application/json" | b"text/json") || media.ends_with(b"+json")
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;
    use crate::dialect::samples;

    fn watch(lines: &[(header::HeaderName, &'static str)], path: &str) -> TerminalWatch {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        TerminalWatch::new(&headers, path)
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
    fn a_body_is_kept_only_if_it_is_all_of_an_answer() {
        use NoCacheReason::*;
        let sse = (header::CONTENT_TYPE, "Text/Event-Stream; charset=utf-8");
        let json = (header::CONTENT_TYPE, "application/json");
        let gzip = (header::CONTENT_ENCODING, "gzip");
        let (chat, images) = ("/v1/chat/completions", "/v1/images/generations");
        let begun = "data: {\"choices\":[]}\n\n";
        let done = "data: {\"choices\":[]}\n\ndata: [DONE]\n\n";
        let error = "data: {\"error\":{}}\n\ndata: [DONE]\n\n";
        for (lines, path, body, expected) in [
            (vec![sse.clone()], chat, done, Ok(())),
            (vec![sse.clone()], chat, begun, Err(NoTerminalEvent)),
            (vec![sse.clone()], chat, error, Err(ErrorEvent)),
            (vec![sse.clone()], chat, "", Err(NoTerminalEvent)),
            (
                vec![sse.clone()],
                images,
                "data: {\"b64_json\":\"\"}\n\n",
                Ok(()),
            ),
            (vec![sse.clone()], images, error, Err(ErrorEvent)),
            (vec![sse, gzip.clone()], chat, done, Err(EncodedStream)),
            (vec![json.clone()], chat, "{\"choices\":[]}", Ok(())),
            (vec![json.clone()], chat, "{\"error\":{}}", Err(ErrorBody)),
            (vec![json.clone(), gzip], chat, "{\"error\":{}}", Ok(())),
            (vec![json.clone()], chat, "", Ok(())),
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
        ] {
            let verdict = judge(&lines, path, &[body.as_bytes()]);
            assert_eq!(verdict, expected, "{lines:?} {path} {body:?}");
        }
    }

    /// Judged in one piece, and cut in two at every place.
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
    fn an_error_is_none_the_less_one_for_its_media_type() {
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
                ("", Ok(())),
            ] {
                assert_eq!(judge_cut(media, chat, body), expected, "{media:?} {body:?}");
            }
        }
        for no_object in ["no {\"error\":{}}", "[{\"error\":{}}]"] {
            let text = judge_cut(&["text/plain"], chat, no_object);
            assert_eq!(text, Ok(()), "{no_object}");
        }
    }

    #[test]
    fn an_answer_of_responses_is_kept_if_it_is_completed() {
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
            // Others mean other things by it.
            ("/v1/chat/completions", unfinished, Ok(())),
        ] {
            for media in [&["application/json"][..], &[]] {
                assert_eq!(judge_cut(media, path, body), expected, "{path} {body}");
            }
        }
    }

    #[test]
    fn json_that_stops_before_its_last_bracket_is_not_all_of_it() {
        let chat = "/v1/chat/completions";
        let truncated = Err(NoCacheReason::Truncated);
        for (body, expected) in [
            ("{\"choices\":[]}\r\n ", Ok(())),
            ("[1]\n", Ok(())),
            ("[{}", truncated),
            ("{\"choices\":[{\"text\":\"on", truncated),
            ("{\"choices\":[1,2], ", truncated),
            ("{\"choices\":[]", truncated),
            ("[0.1,0.2", truncated),
            ("\u{feff}[0.1,0.2", truncated),
            ("\"on", truncated),
            ("\"on\"", Ok(())),
            // Whatever that is, its end cannot be told.
            ("12", Ok(())),
            ("on", Ok(())),
            ("", Ok(())),
            (" \n", Ok(())),
        ] {
            for media in ["application/json", "Application/x+JSON; charset=utf-8"] {
                assert_eq!(judge_cut(&[media], chat, body), expected, "{body:?}");
            }
            assert_eq!(judge_cut(&["text/plain"], chat, body), Ok(()), "{body:?}");
        }
        let encoded = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CONTENT_ENCODING, "br"),
        ];
        assert_eq!(judge(&encoded, chat, &[b"\x1f\x8b"]), Ok(()));
    }

    proptest! {
        #[test]
        fn a_stream_split_anywhere_is_judged_the_same(which in any::<Index>(), cuts in vec(any::<Index>(), 1..6)) {
            let samples = samples::all();
            let sample = which.get(&samples);
            let sse = [(header::CONTENT_TYPE, "text/event-stream")];
            let path = match sample.dialect {
                Dialect::Chat => "/v1/chat/completions",
                Dialect::Responses => "/v1/responses",
                Dialect::Anthropic => "/v1/messages",
                Dialect::Gemini => "/v1beta/models/g:streamGenerateContent",
                Dialect::Images | Dialect::Speech | Dialect::Unknown => "/",
            };
            let whole = judge(&sse, path, &[&sample.bytes]);
            prop_assert_eq!(judge(&sse, path, &samples::cut(&sample.bytes, &cuts)), whole);
            // A byte short of its end, the last event may still be read; its last line may not be missing.
            let text = sample.bytes.trim_ascii_end();
            prop_assert!(text.is_empty() || judge(&sse, path, &[&text[..text.len() - 1]]).is_err());
        }
    }
}
