//! Which paths can be cached: generating routes without side effects, and those that the settings
//! add.

/// Generating routes without side effects, by the last segment of the raw path and the one before
/// it.
const ROUTES: [(&str, Before); 7] = [
    // Chat completions, too.
    ("completions", Before::Any),
    ("embeddings", Before::Any),
    // Without a version before it, the path could be the messages of a thread.
    ("messages", Before::Version),
    ("rerank", Before::Any),
    ("moderations", Before::Any),
    ("generations", Before::Segment("images")),
    ("speech", Before::Segment("audio")),
];

#[derive(Clone, Copy)]
enum Before {
    Any,
    /// A version segment such as `v1`.
    Version,
    Segment(&'static str),
}

const RESPONSES: &str = "responses";

/// The methods after a colon in Gemini and Vertex paths. Not cached: batches and
/// `:predictLongRunning`, whose results are fetched later, and `:countTokens`, which generates
/// nothing.
const COLON_METHODS: [&str; 7] = [
    "generateContent",
    "streamGenerateContent",
    "embedContent",
    "batchEmbedContents",
    "predict",
    "rawPredict",
    "streamRawPredict",
];

/// What kind of request body a cacheable route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// JSON without fields that affect caching.
    Stateless,
    /// The Responses API: JSON that may refer to stored state.
    Responses,
    /// A path of the settings; the body may be anything.
    Other,
}

impl Route {
    /// Classifies the raw path of a request; `more` are path suffixes of the settings
    /// (`cache.paths`).
    pub fn of(path: &str, more: &[Box<str>]) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let (front, last) = path.rsplit_once('/').unwrap_or(("", path));
        if last == RESPONSES {
            return Some(Route::Responses);
        }
        let known = |(name, before): &(&str, Before)| {
            *name == last
                && match before {
                    Before::Any => true,
                    Before::Version => is_version(last_segment(front)),
                    Before::Segment(segment) => last_segment(front) == *segment,
                }
        };
        let method = last.split_once(':').map(|(_, method)| method);
        let by_colon = method.is_some_and(|method| COLON_METHODS.contains(&method));
        if by_colon || ROUTES.iter().any(known) {
            return Some(Route::Stateless);
        }
        let of_settings = more.iter().any(|route| ends_with(path, route));
        of_settings.then_some(Route::Other)
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Compares whole segments.
fn ends_with(path: &str, suffix: &str) -> bool {
    let mut segments = path.rsplit('/');
    let mut wanted = suffix.trim_matches('/').rsplit('/');
    wanted.all(|wanted| segments.next() == Some(wanted))
}

fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    number.starts_with(|sign: char| sign.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Generates;

    #[test]
    fn each_route_of_the_table_has_a_known_response_format() {
        let before = |before: &Before| match before {
            Before::Any | Before::Version => "v1",
            Before::Segment(segment) => *segment,
        };
        let routes = ROUTES
            .iter()
            .map(|(name, it)| format!("/{}/{name}", before(it)));
        let methods = COLON_METHODS.iter().map(|it| format!("/v1/models/g:{it}"));
        for path in routes.chain(methods).chain(["/v1/responses".to_owned()]) {
            assert!(Route::of(&path, &[]).is_some(), "{path}");
            assert!(Generates::of(&path).is_some(), "{path}");
        }
    }

    #[test]
    fn only_generating_routes_are_cached() {
        use Route::{Other, Responses, Stateless};
        let more = ["/my/rank".into(), "score".into()];
        for (path, expected) in [
            ("/v1/chat/completions", Some(Stateless)),
            ("/v1/chat/completions/", Some(Stateless)),
            ("/openai/deployments/d/chat/completions", Some(Stateless)),
            ("/v1/completions", Some(Stateless)),
            ("/v1/embeddings", Some(Stateless)),
            ("/v1/messages", Some(Stateless)),
            ("/anthropic/v1/messages", Some(Stateless)),
            ("/v2/rerank", Some(Stateless)),
            ("/v1/moderations", Some(Stateless)),
            ("/v1/images/generations", Some(Stateless)),
            ("/v1/audio/speech", Some(Stateless)),
            ("/v1/responses", Some(Responses)),
            ("/openai/responses", Some(Responses)),
            ("/gemini/v1beta/models/g:generateContent", Some(Stateless)),
            ("/v1beta/models/g:streamGenerateContent", Some(Stateless)),
            ("/v1beta/models/g:embedContent", Some(Stateless)),
            ("/v1beta/models/g:batchEmbedContents", Some(Stateless)),
            ("/v1/publishers/google/models/g:predict", Some(Stateless)),
            ("/v1/models/claude:streamRawPredict", Some(Stateless)),
            ("/v1/my/rank", Some(Other)),
            ("/x/score", Some(Other)),
            ("/v1/rank", None),
            ("/v1/highscore", None),
            ("/v1/models/g:predictLongRunning", None),
            ("/v1/models/g:batchGenerateContent", None),
            ("/v1/models/g:countTokens", None),
            ("/v1/generateContent", None),
            ("/v1/threads/thread_1/messages", None),
            ("/v1/version/messages", None),
            ("/messages", None),
            ("/v1/messages/batches", None),
            ("/v1/messages/count_tokens", None),
            ("/v1/responses/resp_1/cancel", None),
            ("/v1/chat/completions/chatcmpl_1", None),
            ("/v1/notcompletions", None),
            ("/v1/chat%2Fcompletions", None),
            ("/v1/audio/transcriptions", None),
            ("/v1/images/edits", None),
            ("/v1/files", None),
            ("/v1/batches", None),
            ("/v1/fine_tuning/jobs", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Route::of(path, &more), expected, "{path}");
        }
    }
}
