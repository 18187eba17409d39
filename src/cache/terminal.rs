//! Is this body all of an answer? Looks at the bytes as they pass, keeps few of them, and edits nothing. That the transfer itself
//! ended cleanly is for whoever feeds it to know.

use actix_http::header::{self, HeaderMap};

use super::{NoCacheReason, cacheable::is_encoded};
use crate::dialect::{Dialect, Ending, JsonAnswer, LastEvent, Verdict};

/// Follows the body of one answer.
#[derive(Debug)]
pub struct TerminalWatch(Body);

#[derive(Debug)]
enum Body {
    /// Server-sent events.
    Events(LastEvent),
    Json(JsonAnswer),
    /// A stream of which nobody can see that it is whole.
    Unseen(NoCacheReason),
    /// A clean end is all that can be asked of it.
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
            media if is_json(media) && !encoded => Body::Json(JsonAnswer::new()),
            _ => Body::Opaque,
        })
    }

    /// Takes the body's next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Body::Events(events) => events.feed(bytes),
            Body::Json(json) => {
                json.feed(bytes);
            }
            Body::Unseen(_) | Body::Opaque => {}
        }
    }

    /// The body has ended cleanly.
    ///
    /// # Errors
    /// Why it is not kept for all that.
    pub fn end(self) -> Result<(), NoCacheReason> {
        match self.0 {
            Body::Events(events) => match events.end() {
                Ending::Whole => Ok(()),
                Ending::Unfinished => Err(NoCacheReason::NoTerminalEvent),
                Ending::Failed => Err(NoCacheReason::ErrorEvent),
                Ending::Overlong => Err(NoCacheReason::LongEvent),
            },
            Body::Json(mut json) => match json.end() {
                Verdict::Error => Err(NoCacheReason::ErrorBody),
                Verdict::Undecided | Verdict::Begun | Verdict::Empty => Ok(()),
            },
            Body::Unseen(reason) => Err(reason),
            Body::Opaque => Ok(()),
        }
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
    media == b"application/json" || media.ends_with(b"+json")
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
        watch.end()
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
            (vec![], chat, "{\"error\":{}}", Ok(())),
        ] {
            let verdict = judge(&lines, path, &[body.as_bytes()]);
            assert_eq!(verdict, expected, "{lines:?} {path} {body:?}");
        }
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
                Dialect::Unknown => "/",
            };
            let whole = judge(&sse, path, &[&sample.bytes]);
            prop_assert_eq!(judge(&sse, path, &samples::cut(&sample.bytes, &cuts)), whole);
            // A byte short of its end, the last event may still be read; its last line may not be missing.
            let text = sample.bytes.trim_ascii_end();
            prop_assert!(text.is_empty() || judge(&sse, path, &[&text[..text.len() - 1]]).is_err());
        }
    }
}
