//! Every URL of the mock. A route matches the end of the path, so that any prefix works: `/v1/...`,
//! `/openai/v1/...`, `/openai/deployments/x/...` or none.

use crate::api::{
    admin, audio, chat, completions, echo, embeddings, files, images, messages, models,
    moderations, rerank, responses,
};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::response::Response;

type Handler = fn(&Call<'_>) -> Result<Response, ApiError>;

/// One method and path of the mock.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// The end of the path. `{id}` is one segment, `{rest}` the rest of the path.
    pub(crate) end: &'static str,
    /// What the response is, for the reference page.
    pub(crate) meaning: &'static str,
    handler: Handler,
}

const fn route(
    method: &'static str,
    end: &'static str,
    meaning: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method,
        end,
        meaning,
        handler,
    }
}

/// All routes, in the order of the reference page.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "chat/completions", "An OpenAI chat completion, or its stream.", chat::create),
    route("POST", "messages", "An Anthropic message, or its stream.", messages::create),
    route("POST", "messages/count_tokens", "An Anthropic token count.", messages::count_tokens),
    route("POST", "responses", "An OpenAI response, or its stream.", responses::create),
    route("POST", "completions", "An OpenAI text completion, or its stream.", completions::create),
    route("POST", "embeddings", "Embedding vectors.", embeddings::create),
    route("GET", "models", "The models that `--model` names.", models::list),
    route("GET", "models/{rest}", "One model.", models::get),
    route("POST", "moderations", "A moderation that flags nothing.", moderations::create),
    route("POST", "rerank", "The documents with scores.", rerank::create),
    route("POST", "files", "Stores name and size of a file.", files::upload),
    route("GET", "files", "The stored files.", files::list),
    route("GET", "files/{id}", "Name and size of a file.", files::get),
    route("DELETE", "files/{id}", "Deletes a file.", files::delete),
    route("GET", "files/{id}/content", "Bytes of the file's size or `?bytes=N`.", files::content),
    route("POST", "audio/transcriptions", "A text for a recording.", audio::transcribe),
    route("POST", "audio/translations", "A text for a recording.", audio::transcribe),
    route("POST", "audio/speech", "Bytes with the type of a recording.", audio::speak),
    route("POST", "images/generations", "An image.", images::create),
    route("POST", "images/edits", "An image.", images::create),
    route("POST", "images/variations", "An image.", images::create),
    route("GET", "mock/stats", "The counts of the mock.", admin::stats),
    route("POST", "mock/reset", "Forgets counts, files and `fail-first` keys.", admin::reset),
    route("GET", "health", "`{\"status\":\"ok\"}`.", admin::health),
];

/// The response to `call`, by its method and path.
///
/// # Errors
/// 404 for an unknown path, 405 for a wrong method, and every error of the route itself.
pub(crate) fn respond(call: &Call<'_>) -> Result<Response, ApiError> {
    let path = call.request.path();
    if path == "/" {
        return admin::welcome(call);
    }
    if is_echo(path) {
        return echo::respond(call);
    }
    let method = call.request.method.as_str();
    let method = if method == "HEAD" { "GET" } else { method };
    let mut path_is_known = false;
    for end in ends(path) {
        for route in ROUTES {
            let Some(id) = match_end(route.end, end) else {
                continue;
            };
            if route.method == method {
                return (route.handler)(&Call { id, ..*call });
            }
            path_is_known = true;
        }
    }
    Err(match path_is_known {
        true => ApiError {
            status: 405,
            ..ApiError::bad_request(format!("{path} does not take {method}."))
        },
        false => ApiError::not_found(format!("Unknown request URL: {method} {path}.")),
    })
}

/// Whether `path` is a page of the mock itself, which is neither counted nor made to fail.
pub(crate) fn is_admin(path: &str) -> bool {
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

/// If `path` matches `pattern`: the part of `path` in place of the placeholder, or nothing when
/// `pattern` has no placeholder.
fn match_end<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
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

    fn route_for(path: &str) -> Option<(&'static str, &str)> {
        ends(path).find_map(|end| {
            let route = |route: &'static Route| Some((route.end, match_end(route.end, end)?));
            ROUTES.iter().find_map(route)
        })
    }

    #[test]
    fn a_route_is_found_after_any_prefix() {
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
            assert_eq!(route_for(path), expected, "{path}");
        }
    }

    #[test]
    fn echo_takes_whole_segments_only() {
        assert!(is_echo("/echo") && is_echo("/echo/v1/models") && is_echo("/v1/echo/x"));
        assert!(!is_echo("/echoes") && !is_echo("/v1/files/echo"));
    }
}
