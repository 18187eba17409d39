//! The generating routes and the JSON form of their responses: one table, used with the path that a
//! request goes to. Servers vary, so any one of the marks is enough. The form of events is in
//! `event`.

use super::Dialect;

/// A generating route, by the form of its responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generates {
    /// Chat and text completions in OpenAI's form.
    Completion,
    Embedding,
    /// OpenAI's Responses API.
    Response,
    /// Anthropic's Messages API.
    Message,
    /// Gemini's `generateContent` and `streamGenerateContent`.
    Content,
    /// Gemini's embeddings, single or batched.
    ContentEmbedding,
    /// Vertex AI's `predict`.
    Prediction,
    /// Vertex AI's `rawPredict`: the format of the model's vendor.
    RawPrediction,
    Ranking,
    Moderation,
    Image,
    /// Audio, or JSON that contains audio.
    Speech,
    /// JSON, or text in any format.
    Transcription,
    /// Cohere's chat. Other servers have a similar path, so more forms are accepted.
    CohereChat,
}

/// The segment before the last one of a path.
#[derive(Clone, Copy)]
enum Before {
    Any,
    /// Such as `v1`, or nothing, since the gateway's own `/v1` is removed.
    Version,
    Segment(&'static str),
}

const ROUTES: &[(&str, Before, Generates)] = &[
    ("completions", Before::Any, Generates::Completion),
    ("embeddings", Before::Any, Generates::Embedding),
    ("embed", Before::Version, Generates::Embedding),
    ("responses", Before::Any, Generates::Response),
    // The messages of a thread are something else.
    ("messages", Before::Version, Generates::Message),
    ("rerank", Before::Any, Generates::Ranking),
    ("moderations", Before::Any, Generates::Moderation),
    ("generations", Before::Segment("images"), Generates::Image),
    ("edits", Before::Segment("images"), Generates::Image),
    ("variations", Before::Segment("images"), Generates::Image),
    ("speech", Before::Segment("audio"), Generates::Speech),
    (
        "transcriptions",
        Before::Segment("audio"),
        Generates::Transcription,
    ),
    (
        "translations",
        Before::Segment("audio"),
        Generates::Transcription,
    ),
    ("chat", Before::Version, Generates::CohereChat),
];

/// The methods after a colon in Gemini and Vertex AI paths. Not jobs, whose results are fetched
/// later.
const COLON_METHODS: &[(&str, Generates)] = &[
    ("generateContent", Generates::Content),
    ("streamGenerateContent", Generates::Content),
    ("embedContent", Generates::ContentEmbedding),
    ("batchEmbedContents", Generates::ContentEmbedding),
    ("predict", Generates::Prediction),
    ("rawPredict", Generates::RawPrediction),
    ("streamRawPredict", Generates::RawPrediction),
];

/// A JSON value, reduced to what marks depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    /// A number or a boolean.
    Scalar,
    Text(&'a str),
    Array,
    Object,
}

/// A path without its last segment, and that segment.
fn last_segment(path: &str) -> (&str, &str) {
    match memchr::memrchr(b'/', path.as_bytes()) {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => ("", path),
    }
}

impl Generates {
    /// From the raw path of a POST, without its query.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let (front, last) = last_segment(path);
        if let Some(colon) = memchr::memchr(b':', last.as_bytes()) {
            let method = &last[colon + 1..];
            let known = COLON_METHODS.iter().find(|(name, _)| *name == method);
            return known.map(|(_, generates)| *generates);
        }
        let (_, before) = last_segment(front);
        let is_it = |(name, wanted, _): &&(&str, Before, Generates)| {
            *name == last
                && match wanted {
                    Before::Any => true,
                    Before::Version => before.is_empty() || is_version(before),
                    Before::Segment(segment) => before == *segment,
                }
        };
        ROUTES.iter().find(is_it).map(|(_, _, it)| *it)
    }

    /// The dialect of its streams, unless an event shows another.
    pub fn dialect(self) -> Dialect {
        match self {
            Generates::Completion => Dialect::Chat,
            Generates::Response => Dialect::Responses,
            Generates::Message => Dialect::Anthropic,
            Generates::Content => Dialect::Gemini,
            Generates::Image => Dialect::Images,
            Generates::Speech => Dialect::Speech,
            Generates::Embedding
            | Generates::ContentEmbedding
            | Generates::Prediction
            | Generates::RawPrediction
            | Generates::Ranking
            | Generates::Moderation
            | Generates::Transcription
            | Generates::CohereChat => Dialect::Unknown,
        }
    }

    /// An object with this top-level member is a response.
    pub fn is_mark(self, key: &str, value: Value<'_>) -> bool {
        use Value::{Array, Null, Object, Scalar, Text};
        match self {
            Generates::Completion => match (key, value) {
                // llama.cpp without `/v1` has `content`, the Llama API `completion_message`.
                ("choices", Array) | ("content", Text(_)) | ("completion_message", Object) => true,
                // The label is all that Qianfan has in common with others.
                ("object", Text(kind)) => kind.starts_with("chat.completion"),
                _ => false,
            },
            Generates::Embedding => matches!(
                (key, value),
                ("data" | "predictions" | "vectors", Array)
                    | ("embeddings" | "embedding", Array | Object)
            ),
            Generates::Response => matches!(
                (key, value),
                ("output", Array | Text(_)) | ("object", Text("response"))
            ),
            Generates::Message => matches!(
                (key, value),
                ("content", Array | Text(_)) | ("type", Text("message"))
            ),
            Generates::Content => matches!(
                (key, value),
                ("candidates", Array) | ("promptFeedback" | "usageMetadata", Object)
            ),
            Generates::ContentEmbedding => matches!(
                (key, value),
                ("embedding", Object | Array) | ("embeddings" | "predictions", Array)
            ),
            // The container of a chat model holds a whole completion there.
            Generates::Prediction => matches!((key, value), ("predictions", Array | Object)),
            Generates::RawPrediction => matches!(
                (key, value),
                (
                    "choices" | "candidates" | "content" | "output" | "outputs" | "predictions",
                    Array | Object | Text(_)
                ) | ("completion" | "generation", Text(_))
                    | ("data" | "embeddings" | "pages" | "results", Array)
                    | ("input_tokens", Scalar)
            ),
            Generates::Ranking => {
                matches!((key, value), ("results" | "data" | "rankings", Array))
            }
            Generates::Moderation => matches!((key, value), ("results", Array)),
            Generates::Image => matches!(
                (key, value),
                (
                    "data" | "images" | "artifacts" | "output" | "predictions",
                    Array
                ) | ("b64_json" | "url" | "image", Text(_))
            ),
            Generates::Speech => match key {
                "audio" | "audio_content" | "audioContent" | "data" | "output" | "url" => {
                    !matches!(value, Null | Scalar)
                }
                _ => false,
            },
            Generates::Transcription => matches!(
                (key, value),
                ("text" | "transcript" | "output", Text(_))
                    | ("segments" | "words" | "results", Array)
                    | ("results", Object)
            ),
            Generates::CohereChat => match key {
                "message" => matches!(value, Object | Array),
                "answer" | "choices" | "content" | "generations" | "output" | "reply"
                | "response" | "responses" | "result" | "text" => !matches!(value, Null | Scalar),
                _ => false,
            },
        }
    }

    /// A response may be an array of what others have in one object.
    pub fn takes_array(self) -> bool {
        let of_whole_responses = matches!(self, Generates::Content | Generates::Completion);
        of_whole_responses || self.takes_rows()
    }

    /// A response may be an array whose items have other members than an object would.
    pub fn takes_rows(self) -> bool {
        matches!(
            self,
            Generates::Embedding | Generates::RawPrediction | Generates::Ranking
        )
    }

    /// Its streams have a final event.
    pub fn has_last_event(self) -> bool {
        match self {
            Generates::Completion
            | Generates::Response
            | Generates::Message
            | Generates::Content
            | Generates::Image
            | Generates::Speech
            | Generates::Transcription
            | Generates::CohereChat => true,
            Generates::Embedding
            | Generates::ContentEmbedding
            | Generates::Prediction
            | Generates::RawPrediction
            | Generates::Ranking
            | Generates::Moderation => false,
        }
    }

    /// A response need not be JSON.
    pub fn takes_anything(self) -> bool {
        matches!(self, Generates::Speech | Generates::Transcription)
    }
}

fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    number.starts_with(|sign: char| sign.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_follows_from_the_path() {
        for (path, expected) in [
            ("/v1/chat/completions", Some(Generates::Completion)),
            ("/chat/completions/", Some(Generates::Completion)),
            (
                "/openai/deployments/d/completions",
                Some(Generates::Completion),
            ),
            ("/v1/embeddings", Some(Generates::Embedding)),
            ("/v2/embed", Some(Generates::Embedding)),
            ("/v1/responses", Some(Generates::Response)),
            ("/v1/messages", Some(Generates::Message)),
            ("/messages", Some(Generates::Message)),
            ("/v1/threads/thread_1/messages", None),
            ("/v1beta/models/g:generateContent", Some(Generates::Content)),
            ("/models/g:streamGenerateContent", Some(Generates::Content)),
            ("/models/g:embedContent", Some(Generates::ContentEmbedding)),
            ("/models/g:countTokens", None),
            ("/models/g:predict", Some(Generates::Prediction)),
            ("/models/g:predictLongRunning", None),
            ("/v2/rerank", Some(Generates::Ranking)),
            ("/v1/moderations", Some(Generates::Moderation)),
            ("/v1/images/generations", Some(Generates::Image)),
            ("/v1/video/generations", None),
            ("/v1/audio/speech", Some(Generates::Speech)),
            ("/v1/audio/transcriptions", Some(Generates::Transcription)),
            ("/v2/chat", Some(Generates::CohereChat)),
            ("/chat", Some(Generates::CohereChat)),
            ("/api/chat", None),
            ("/v1/responses/resp_1", None),
            ("/v1/files", None),
            ("/v1/models", None),
            ("", None),
        ] {
            assert_eq!(Generates::of(path), expected, "{path}");
        }
    }
}
