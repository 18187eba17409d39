//! Which models does a request name? All of them are found, wherever an upstream may look: of
//! repeated keys upstreams differ in which they take, and some take a key in any case.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, convert::Infallible};

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::{Field, Multipart};
use percent_encoding::percent_decode_str;

use crate::{json_edit::each_entry, route::policy::BodyEdit};

/// Path segments before the name of a model: Gemini and Vertex AI, Azure, Bedrock, and OpenAI's
/// first routes.
const BEFORE_MODEL: [&str; 4] = [MODELS, "deployments", "model", "engines"];
const MODELS: &str = "models";

/// Keys of a JSON body, and fields of a form, that name a model: OpenAI's and most others',
/// ElevenLabs', watsonx', and OpenRouter's list of fallbacks.
const IN_BODY: [&str; 4] = ["model", "model_id", "modelId", MODELS];

/// Parameters of the query that do; Azure's WebSockets name a deployment.
const IN_QUERY: [&str; 3] = ["model", "model_id", "deployment"];

/// The models that a body names.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyModels {
    /// There is no body.
    None,
    /// It may name any model.
    Unreadable,
    Form(Vec<String>),
    Json(Vec<Entry>),
}

/// A key of a JSON body that names models, and its value as JSON text.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    key: Box<str>,
    value: Box<str>,
}

/// Whether a body is a form.
#[derive(Debug, PartialEq, Eq)]
pub enum Form {
    No,
    Parts {
        boundary: String,
    },
    /// Upstreams may take it for different ones.
    Unclear,
}

impl Form {
    /// By the value of `Content-Type`.
    pub fn of(content_type: &[u8]) -> Self {
        const MULTIPART: &[u8] = b"multipart/";
        let content_type = content_type.trim_ascii();
        let start = content_type.get(..MULTIPART.len());
        if !start.is_some_and(|start| start.eq_ignore_ascii_case(MULTIPART)) {
            return Form::No;
        }
        let text = std::str::from_utf8(content_type).unwrap_or_default();
        let is_single = text.to_ascii_lowercase().matches("boundary").count() == 1;
        match multer::parse_boundary(text) {
            Ok(boundary) if is_single => Form::Parts { boundary },
            Ok(_) | Err(_) => Form::Unclear,
        }
    }
}

impl BodyModels {
    pub fn in_json(body: &[u8]) -> Self {
        let mut entries = Vec::new();
        let read = each_entry(body, |key, value| {
            if is_named(&IN_BODY, &key) {
                let (key, value) = ((*key).into(), value.into());
                entries.push(Entry { key, value });
            }
        });
        match read {
            Ok(()) => BodyModels::Json(entries),
            Err(_) => BodyModels::Unreadable,
        }
    }

    pub fn in_form(body: Bytes, boundary: String) -> Self {
        // A preamble could be what an upstream reads, if it does not look at the type.
        let opening = format!("--{boundary}");
        if !body.trim_ascii_start().starts_with(opening.as_bytes()) {
            return BodyModels::Unreadable;
        }
        let read = async move {
            let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
            let mut models = Vec::new();
            while let Some(field) = form.next_field().await.ok()? {
                if is_named(&IN_BODY, field_name(&field)?) {
                    models.push(text_of(field).await?);
                }
            }
            Some(models)
        };
        // Reading never waits, since all of the body is there.
        let models = read.now_or_never().flatten();
        models.map_or(BodyModels::Unreadable, BodyModels::Form)
    }
}

/// The models that the body names after a target's edits. What is no text is no model that a list
/// could permit, but for a list of texts under `models`.
pub fn after_edits(entries: &[Entry], edits: &[BodyEdit], prefix: Option<&str>) -> Vec<String> {
    let is_set = |entry: &&Entry| edits.iter().any(|(key, _)| **key == *entry.key);
    let mut models = Vec::new();
    for entry in entries.iter().filter(|entry| !is_set(entry)) {
        let named = in_value(&entry.key, &entry.value);
        let as_sent = |model: String| match prefix.filter(|_| &*entry.key == "model") {
            Some(prefix) => model
                .strip_prefix(prefix)
                .map(str::to_owned)
                .unwrap_or(model),
            None => model,
        };
        models.extend(named.into_iter().map(as_sent));
    }
    let set = edits.iter().filter(|(key, _)| is_named(&IN_BODY, key));
    models.extend(set.flat_map(|(key, value)| in_value(key, value)));
    models
}

fn in_value(key: &str, value: &str) -> Vec<String> {
    match key.eq_ignore_ascii_case(MODELS) {
        true => serde_json::from_str(value).unwrap_or_else(|_| vec![String::new()]),
        false => vec![serde_json::from_str(value).unwrap_or_default()],
    }
}

/// The models of a path, decoded. `may_call`: what follows a colon after `models/` may be a method
/// of Gemini's.
pub fn in_path(path: &str, may_call: bool) -> Vec<String> {
    let mut models = Vec::new();
    let mut follows = None;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let text = decoded(segment);
        if let Some(before) = follows.take() {
            models.push(named_after(before, &text, may_call));
        }
        // An encoded `/` separates for some upstreams, and belongs to Bedrock's names.
        let mut parts = text.split('/');
        while let Some(part) = parts.next() {
            follows = place(part);
            let rest = parts.clone().collect::<Vec<_>>().join("/");
            if let Some(before) = follows.filter(|_| !rest.is_empty()) {
                models.push(named_after(before, &rest, may_call));
            }
        }
    }
    models
}

fn place(segment: &str) -> Option<&'static str> {
    let mut places = BEFORE_MODEL.into_iter();
    places.find(|place| place.eq_ignore_ascii_case(segment))
}

fn named_after(before: &str, text: &str, may_call: bool) -> String {
    let called = text
        .rsplit_once(':')
        .filter(|_| may_call && before == MODELS);
    called.map_or(text, |(model, _)| model).to_owned()
}

/// The models of a query, decoded.
pub fn in_query(query: &str) -> impl Iterator<Item = String> {
    let parts = query.split('&').filter_map(|part| part.split_once('='));
    let parts = parts.filter(|(name, _)| is_named(&IN_QUERY, &decoded(name)));
    parts.map(|(_, value)| decoded(value).into_owned())
}

fn is_named(names: &[&str], key: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// The name of a form's field, as every reader understands it; `None`: readers may differ.
fn field_name<'f>(field: &'f Field<'_>) -> Option<&'f str> {
    let mut lines = field.headers().get_all("content-disposition").iter();
    let (line, another) = (lines.next()?.to_str().ok()?, lines.next());
    if another.is_some() || line.contains('\\') {
        return None;
    }
    let mut name = None;
    let mut rest = line;
    while !rest.is_empty() {
        let (parameter, after) = next_parameter(rest)?;
        rest = after;
        let Some((key, value)) = parameter.split_once('=') else {
            continue;
        };
        let key = key.trim().to_ascii_lowercase();
        if key.starts_with("name*") || (key == "name" && name.is_some()) {
            return None;
        }
        if key == "name" {
            name = Some(value.trim().trim_matches('"'));
        }
    }
    name
}

/// The text up to the next semicolon that is not quoted, and what follows; `None`: a quote is open.
fn next_parameter(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    (!is_quoted).then_some((text, ""))
}

/// A field's value; `None`: it is encoded.
async fn text_of(field: Field<'_>) -> Option<String> {
    if field.headers().contains_key("content-transfer-encoding") {
        return None;
    }
    let bytes = field.bytes().await.ok()?;
    String::from_utf8(bytes.into()).ok()
}
