//! Every URL the mock answers, on one screen. A route is found by the end of the path, so that any
//! prefix works: `/v1/...`, `/openai/v1/...`, `/openai/deployments/x/...` or none.

use crate::answer::Answer;
use crate::api::{
    audio, chat, completions, echo, embeddings, files, images, lists, messages, models, own,
    responses,
};
use crate::behaviour::Behaviour;
use crate::problem::{Dialect, Problem};
use crate::request::Request;
use crate::state::Mock;

/// One request on its way through a route.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) mock: &'a Mock,
    pub(crate) dialect: Dialect,
    pub(crate) request_id: &'a str,
    /// Unix time in seconds.
    pub(crate) now: u64,
    /// What stood in the place of `{id}`, as sent.
    pub(crate) id: &'a str,
}

type Handler = fn(&Call<'_>) -> Result<Answer, Problem>;

/// What is answered at one place.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// The end of the path. `{id}` is one segment, `{rest}` all that follows.
    pub(crate) end: &'static str,
    /// For the reference page.
    pub(crate) answer: &'static str,
    handler: Handler,
}

const fn route(
    method: &'static str,
    end: &'static str,
    answer: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method,
        end,
        answer,
        handler,
    }
}

/// In the order of the reference page.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "chat/completions", "A chat completion of OpenAI's, or its stream.", chat::answer),
    route("POST", "messages", "A message of Anthropic's, or its stream.", messages::answer),
    route("POST", "messages/count_tokens", "A count of tokens, as Anthropic tells it.", messages::count_tokens),
    route("POST", "responses", "A response of OpenAI's, or its stream.", responses::answer),
    route("POST", "completions", "A text completion, or its stream.", completions::answer),
    route("POST", "embeddings", "Vectors.", embeddings::answer),
    route("GET", "models", "The models of `--model`, in OpenAI's or Anthropic's form.", models::list),
    route("GET", "models/{rest}", "One model.", models::one),
    route("POST", "moderations", "Nothing is flagged.", lists::moderate),
    route("POST", "rerank", "The documents with scores.", lists::rerank),
    route("POST", "files", "Keeps a file in memory.", files::upload),
    route("GET", "files", "The files that are kept.", files::list),
    route("GET", "files/{id}", "What is known of a file.", files::one),
    route("DELETE", "files/{id}", "Forgets a file.", files::delete),
    route("GET", "files/{id}/content", "The bytes of a file.", files::content),
    route("POST", "audio/transcriptions", "A text for a sound.", audio::transcribe),
    route("POST", "audio/translations", "A text for a sound.", audio::transcribe),
    route("POST", "audio/speech", "A sound.", audio::speak),
    route("POST", "images/generations", "An image.", images::answer),
    route("POST", "images/edits", "An image.", images::answer),
    route("POST", "images/variations", "An image.", images::answer),
    route("GET", "mock/stats", "What the mock has counted.", own::stats),
    route("POST", "mock/reset", "Forgets counts, files and the keys of `fail-first`.", own::reset),
    route("GET", "health", "`{\"status\":\"ok\"}`.", own::health),
];

/// Answers `call` by its method and path.
///
/// # Errors
/// 404 for a path that no route ends, 405 for a wrong method, and whatever the route itself finds.
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let path = call.request.path();
    if path == "/" {
        return own::welcome(call);
    }
    if is_echo(path) {
        return echo::answer(call);
    }
    let method = call.request.method.as_str();
    let method = if method == "HEAD" { "GET" } else { method };
    let mut known = false;
    for end in ends(path) {
        for route in ROUTES {
            let Some(id) = matched(route.end, end) else {
                continue;
            };
            if route.method == method {
                return (route.handler)(&Call { id, ..*call });
            }
            known = true;
        }
    }
    Err(match known {
        true => Problem {
            status: 405,
            ..Problem::bad_request(format!("{path} does not take {method}."))
        },
        false => Problem::not_found(format!("Unknown request URL: {method} {path}.")),
    })
}

/// Whether `path` asks for the mock's own counts, which are not counted themselves.
pub(crate) fn is_own(path: &str) -> bool {
    path.starts_with("/mock/")
}

fn is_echo(path: &str) -> bool {
    ["/echo", "/v1/echo"].iter().any(|prefix| {
        let rest = path.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The ends of `path` that a route may match: first what follows the last `/v1/`, then every end.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let versioned = path.rfind("/v1/").map(|start| &path[start + 4..]);
    let all = path.match_indices('/').map(|(slash, _)| &path[slash + 1..]);
    versioned.into_iter().chain(all)
}

/// What stands for the placeholder of `pattern` in `path` (empty without one), if it matches.
fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once('{') else {
        return (pattern == path).then_some("");
    };
    let id = path.strip_prefix(before)?;
    let after = after.split_once('}').map_or("", |(_, after)| after);
    let id = id.strip_suffix(after)?;
    let fits = pattern.contains("{rest}") || !id.contains('/');
    (fits && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route_of(path: &str) -> Option<(&'static str, &str)> {
        ends(path).find_map(|end| {
            let route = |route: &'static Route| Some((route.end, matched(route.end, end)?));
            ROUTES.iter().find_map(route)
        })
    }

    #[test]
    fn a_route_is_found_behind_any_prefix() {
        let table = [
            ("/v1/chat/completions", Some(("chat/completions", ""))),
            ("/chat/completions", Some(("chat/completions", ""))),
            (
                "/openai/deployments/a/chat/completions",
                Some(("chat/completions", "")),
            ),
            ("/models/v1/completions", Some(("completions", ""))),
            (
                "/v1/models/meta/llama-3",
                Some(("models/{rest}", "meta/llama-3")),
            ),
            ("/v1/files/f-1/content", Some(("files/{id}/content", "f-1"))),
            ("/v1/files/f-1", Some(("files/{id}", "f-1"))),
            ("/v1/files/", None),
            ("/v1/files/a/b", None),
            ("/v1/nothing", None),
            ("/v1/completions/", None),
        ];
        for (path, expected) in table {
            assert_eq!(route_of(path), expected, "{path}");
        }
    }

    #[test]
    fn echo_takes_whole_segments_only() {
        assert!(is_echo("/echo") && is_echo("/echo/v1/models") && is_echo("/v1/echo/x"));
        assert!(!is_echo("/echoes") && !is_echo("/v1/files/echo"));
    }
}
