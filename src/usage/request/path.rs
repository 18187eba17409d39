//! What does the path of a request say of its model?

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::named as name_of;

/// Path segments before the name of a model: Gemini and Vertex AI, Azure, Bedrock, and OpenAI's
/// first routes.
const BEFORE_MODEL: [&str; 4] = ["models", "deployments", "model", "engines"];

/// Parameters of the query that name a model; Azure's WebSockets name a deployment.
const IN_QUERY: [&str; 3] = ["model", "model_id", "deployment"];

/// The segment before the name of a model that counts whatever the body says: Azure's.
const BEFORE_SERVED: &str = "deployments";

/// The model of a request whose body names this one; the raw path and query are decoded.
pub fn named(path: &str, query: &str, in_body: Option<Box<str>>) -> Option<Box<str>> {
    let deployment = match path.contains(BEFORE_SERVED) {
        true => in_path(path, &[BEFORE_SERVED]),
        false => None,
    };
    let elsewhere = || in_path(path, &BEFORE_MODEL).or_else(|| in_query(query));
    deployment.or(in_body).or_else(elsewhere)
}

/// The path alone asks for a stream.
pub fn is_stream(path: &str) -> bool {
    [
        ":streamGenerateContent",
        ":streamRawPredict",
        "/converse-stream",
        "/invoke-with-response-stream",
    ]
    .iter()
    .any(|end| path.ends_with(end))
}

fn in_path(path: &str, before_model: &[&str]) -> Option<Box<str>> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let before = segments.find(|segment| is_named(before_model, segment))?;
    let name = decoded(segments.next()?);
    // What follows the colon is a method of Gemini's; Bedrock's names have colons of their own.
    let calls = before.eq_ignore_ascii_case("models");
    let model = name.rsplit_once(':').filter(|_| calls);
    name_of(model.map_or(&*name, |(model, _)| model))
}

fn in_query(query: &str) -> Option<Box<str>> {
    let mut parts = query.split('&').filter_map(|part| part.split_once('='));
    let (_, value) = parts.find(|(name, _)| is_named(&IN_QUERY, &decoded(name)))?;
    name_of(&decoded(value))
}

fn is_named(names: &[&str], text: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}
