//! Watches relayed streams for their final event. It inspects only the beginnings of lines, buffers
//! a few bytes and parses nothing; it reports a missing end only if there was no final event of any
//! dialect. The cache must not err the other way and uses [`LastEvent`](super::LastEvent).

use memchr::memmem::{self, Finder};

use super::{Dialect, Generates};

/// Inspected bytes of each line.
const MOST_BYTES: usize = 192;

/// Event types that end a stream, including errors, which the client sees.
const LAST: [&[u8]; 13] = [
    b"complete",
    b"error",
    b"image_edit.completed",
    b"image_generation.completed",
    b"message-end",
    b"message_stop",
    b"response.cancelled",
    b"response.completed",
    b"response.failed",
    b"response.incomplete",
    b"speech.audio.done",
    b"stream-end",
    b"transcript.text.done",
];

/// Members of the final events of llama.cpp without `/v1` and of Qianfan.
const FLAGS: [&[u8]; 2] = [b"\"stop\":true", b"\"is_end\":true"];

/// Members of Gemini's final events, anywhere in them.
const FINISHED: [&[u8]; 2] = [b"\"finishReason\"", b"\"blockReason\""];
const LONGEST_FINISHED: usize = 14;

/// Watches one stream.
#[derive(Clone, Debug)]
pub struct StreamEnd {
    /// The beginning of the current line.
    line: [u8; MOST_BYTES],
    length: usize,
    /// The last bytes that passed, where the dialect may be Gemini's.
    passed: Option<Vec<u8>>,
    has_come: bool,
}

impl StreamEnd {
    /// For a stream of this route; `None` if such streams have no final event.
    pub fn of(route: Generates) -> Option<Self> {
        route.has_last_event().then(|| StreamEnd {
            line: [0; MOST_BYTES],
            length: 0,
            passed: (route.dialect() == Dialect::Gemini).then(Vec::new),
            has_come: false,
        })
    }

    /// Feeds the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.has_come {
            return;
        }
        if let Some(passed) = &mut self.passed {
            self.has_come = is_finished(passed, bytes);
        }
        let mut rest = bytes;
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            self.extend(&rest[..end]);
            self.has_come |= is_last(&self.line[..self.length]);
            self.length = 0;
            rest = &rest[end + 1..];
        }
        self.extend(rest);
    }

    /// Whether the final event has arrived by the end of the stream.
    pub fn has_come(&self) -> bool {
        self.has_come || is_last(&self.line[..self.length])
    }

    fn extend(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(MOST_BYTES - self.length)];
        self.line[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

/// Whether the line belongs to a final event.
fn is_last(line: &[u8]) -> bool {
    if let Some(name) = line.strip_prefix(b"event:") {
        return LAST.contains(&name.trim_ascii());
    }
    let Some(data) = line.strip_prefix(b"data:") else {
        return false;
    };
    let data = data.trim_ascii();
    let has = |flag: &&[u8]| memmem::find(data, flag).is_some();
    data == b"[DONE]"
        || data.starts_with(b"{\"error\"")
        || is_of_last_type(data)
        || FLAGS.iter().any(has)
}

/// The beginning contains `"type": "..."` or `event_type` with the type of a final event.
fn is_of_last_type(data: &[u8]) -> bool {
    let name = |at: usize| {
        let rest = data[at..].trim_ascii_start();
        let rest = rest.strip_prefix(b":")?.trim_ascii_start();
        let rest = rest.strip_prefix(b"\"")?;
        Some(&rest[..memchr::memchr(b'"', rest)?])
    };
    let key = b"type\"";
    let mut places = memmem::find_iter(data, key);
    places.any(|at| name(at + key.len()).is_some_and(|name| LAST.contains(&name)))
}

/// One of the marks is in these bytes, or spans the ones before.
fn is_finished(passed: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let has = |bytes: &[u8]| {
        let mut marks = FINISHED.iter();
        marks.any(|mark| Finder::new(mark).find(bytes).is_some())
    };
    let seam = &bytes[..bytes.len().min(LONGEST_FINISHED)];
    passed.extend_from_slice(seam);
    if has(passed) || has(bytes) {
        return true;
    }
    let last = &bytes[bytes.len().saturating_sub(LONGEST_FINISHED)..];
    match bytes.len() < LONGEST_FINISHED {
        true => drop(passed.drain(..passed.len().saturating_sub(LONGEST_FINISHED))),
        false => {
            passed.clear();
            passed.extend_from_slice(last);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::{
        super::{Ending, LastEvent, samples},
        *,
    };

    fn route(dialect: Dialect) -> Generates {
        match dialect {
            Dialect::Responses => Generates::Response,
            Dialect::Anthropic => Generates::Message,
            Dialect::Gemini => Generates::Content,
            _ => Generates::Completion,
        }
    }

    fn has_come(route: Generates, pieces: &[&[u8]]) -> bool {
        let mut end = StreamEnd::of(route).unwrap();
        pieces.iter().for_each(|piece| end.feed(piece));
        end.has_come()
    }

    #[test]
    fn each_dialect_has_its_last_event() {
        use Generates::{CohereChat, Completion, Content, Image, Message, Response, Speech};
        for (route, stream, expected) in [
            (Completion, "data: [DONE]", true),
            (Completion, "data:[DONE]\r\n\r\n", true),
            (
                Completion,
                "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n",
                false,
            ),
            (
                Completion,
                "data: {\"choices\":[{\"delta\":{\"content\":\"[DONE]\"}}]}\n\n",
                false,
            ),
            (Completion, "data: {\"error\":{}}\n\n", true),
            (Completion, "", false),
            (Message, "event: message_stop\ndata: {}\n\n", true),
            (Message, "data: { \"type\" : \"message_stop\" }\n\n", true),
            (
                Message,
                "event: error\ndata: {\"type\":\"error\"}\n\n",
                true,
            ),
            (
                Message,
                "data: {\"type\":\"content_block_delta\",\
                 \"delta\":{\"text\":\"\\\"type\\\":\\\"message_stop\\\"\"}}\n\n",
                false,
            ),
            (
                Response,
                "data: {\"sequence_number\":9,\"type\":\"response.completed\"}\n\n",
                true,
            ),
            (Response, "event: response.incomplete\ndata: {}\n\n", true),
            (
                Response,
                "event: response.output_text.done\ndata: {}\n\n",
                false,
            ),
            (
                Content,
                "data: {\"candidates\":[{\"content\":{},\"finishReason\":\"STOP\"}]}\n\n",
                true,
            ),
            (
                Content,
                "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n",
                true,
            ),
            (
                Content,
                "data: {\"candidates\":[{\"text\":\"\\\"finishReason\\\"\"}]}\n\n",
                false,
            ),
            (
                Image,
                "data: {\"type\":\"image_generation.completed\"}\n\n",
                true,
            ),
            (Speech, "data: {\"type\":\"speech.audio.done\"}\n\n", true),
            (CohereChat, "data: {\"type\":\"message-end\"}\n\n", true),
            (CohereChat, "event: stream-end\ndata: {}\n\n", true),
            (
                CohereChat,
                "data: {\"is_finished\":true,\"event_type\":\"stream-end\"}\n\n",
                true,
            ),
            (
                Completion,
                "data: {\"content\":\"\",\"stop\":true}\n\n",
                true,
            ),
            (
                Completion,
                "data: {\"result\":\"\",\"is_end\":true}\n\n",
                true,
            ),
            (
                Completion,
                "data: {\"event\":{\"event_type\":\"complete\"}}\n\n",
                true,
            ),
            (
                Completion,
                "data: {\"content\":\"\\\"stop\\\":true\",\"stop\":false}\n\n",
                false,
            ),
        ] {
            assert_eq!(has_come(route, &[stream.as_bytes()]), expected, "{stream}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(has_come(route, &bytes), expected, "{stream} in bytes");
        }
        assert!(StreamEnd::of(Generates::Embedding).is_none());
    }

    proptest! {
        /// Never reports a missing end for a stream that the cache considers complete.
        #[test]
        fn a_complete_stream_has_its_last_event_however_it_is_split(
            which in any::<Index>(),
            length in any::<Index>(),
            cuts in vec(any::<Index>(), 0..6),
        ) {
            let samples = samples::all();
            let sample = which.get(&samples);
            let bytes = &sample.bytes[..length.index(sample.bytes.len() + 1)];
            let route = route(sample.dialect);
            let at_once = has_come(route, &[bytes]);
            prop_assert_eq!(has_come(route, &samples::cut(bytes, &cuts)), at_once);
            let mut last = LastEvent::new(sample.dialect);
            last.feed(bytes);
            prop_assert!(at_once || last.end() != Ending::Whole);
        }
    }
}
