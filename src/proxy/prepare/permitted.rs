//! May the holder of the key use these targets, and these models? Every target of the plan is
//! asked about, fallbacks too, before anything is sent.

use std::{borrow::Cow, convert::Infallible};

use actix_http::{Method, header};
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::Multipart;
use percent_encoding::percent_decode_str;

use super::buffer_body;
use crate::{
    error::GatewayError,
    identity::{Identity, allow::Destination},
    json_edit::each_entry,
    proxy::{
        admit::Admitted,
        offload,
        plan::{Plan, Target},
        sender::Sender,
    },
    upstream::BodyLength,
};

/// Path segments before the name of a model (Gemini and Vertex AI, Azure, Bedrock).
const BEFORE_MODEL: [&str; 3] = ["models", "deployments", "model"];

/// Refuses a request of which the holder of the key may not use a target or a model.
///
/// # Errors
/// `not_allowed`, and what goes wrong with the body where the model is in it.
pub async fn check(
    admitted: &Admitted<'_>,
    plan: &Plan,
    sender: &impl Sender,
) -> Result<(), GatewayError> {
    let Some(holder) = admitted.holder() else {
        return Ok(());
    };
    for target in &plan.targets {
        holder.check_destination(&Destination {
            url: &target.base,
            named: &target.named,
            named_by: target.named_by,
        })?;
    }
    if !holder.needs_model() {
        return Ok(());
    }
    let models = models(admitted, sender).await?;
    if models.is_empty() && is_only_read(admitted) {
        return Ok(());
    }
    let mut targets = plan.targets.iter();
    targets.try_for_each(|target| check_models(holder, target, &models))
}

/// A request that has no body has nothing generated; a WebSocket may.
fn is_only_read(admitted: &Admitted<'_>) -> bool {
    let reads = matches!(admitted.head.method, Method::GET | Method::HEAD);
    reads && matches!(admitted.length, BodyLength::None | BodyLength::Exact(0))
}

/// Each model as the target gets it.
fn check_models(holder: &Identity, target: &Target, models: &[String]) -> Result<(), GatewayError> {
    let set = target
        .override_params
        .iter()
        .find(|(key, _)| &**key == "model");
    if let Some((_, value)) = set {
        // The value is JSON text; what is no text is no model that a list could permit.
        let model: Option<String> = serde_json::from_str(value).ok();
        return Ok(holder.check_model(model.as_deref())?);
    }
    if models.is_empty() {
        return Ok(holder.check_model(None)?);
    }
    for model in models {
        let prefix = target.model_prefix.as_deref().unwrap_or_default();
        let model = model.strip_prefix(prefix).unwrap_or(model);
        holder.check_model(Some(model))?;
    }
    Ok(())
}

/// All models that a request names: in its path, its query and its body, repeated ones too.
async fn models(
    admitted: &Admitted<'_>,
    sender: &impl Sender,
) -> Result<Vec<String>, GatewayError> {
    let mut models = in_path(admitted.rest);
    models.extend(in_query(admitted.query.unwrap_or_default()));
    if matches!(admitted.length, BodyLength::None | BodyLength::Tunnel) {
        return Ok(models);
    }
    let limit = admitted.gateway.replay_limit;
    buffer_body::read(sender, &admitted.body, limit).await?;
    let body = buffer_body::joined(&admitted.body)?;
    let kind = admitted.head.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).ok();
    let length = body.len();
    let read = move || match boundary {
        Some(boundary) => in_form(body, boundary),
        None => in_json(&body),
    };
    models.extend(offload::by_size(admitted.client(), length, read).await?);
    Ok(models)
}

fn in_path(path: &str) -> Vec<String> {
    let mut segments = path.split('/');
    let mut models = Vec::new();
    while let Some(segment) = segments.next() {
        if BEFORE_MODEL.contains(&segment) {
            let name = segments.next().unwrap_or_default();
            let name = decoded(name);
            let name = name.split(':').next().unwrap_or_default();
            if !name.is_empty() {
                models.push(name.to_owned());
            }
        }
    }
    models
}

fn in_query(query: &str) -> impl Iterator<Item = String> {
    let parts = query.split('&').filter_map(|part| part.split_once('='));
    let parts = parts.filter(|(name, _)| decoded(name) == "model");
    parts.map(|(_, value)| decoded(value).into_owned())
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Every `model` of a JSON object: upstreams differ in which of repeated keys they take.
fn in_json(body: &[u8]) -> Vec<String> {
    let mut models = Vec::new();
    let read = each_entry(body, |key, value| {
        if key == "model" {
            // What is no text is no model that a list could permit.
            models.push(serde_json::from_str(value).unwrap_or_default());
        }
    });
    match read {
        Ok(()) => models,
        Err(_) => Vec::new(),
    }
}

/// Every `model` of a form.
fn in_form(body: Bytes, boundary: String) -> Vec<String> {
    let read = async move {
        let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
        let mut models = Vec::new();
        while let Some(field) = form.next_field().await? {
            if field.name() == Some("model") {
                models.push(field.text().await?);
            }
        }
        Ok::<_, multer::Error>(models)
    };
    // Reading never waits, since all of the body is there. A form that cannot be read names none.
    read.now_or_never().and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_wherever_a_request_names_them() {
        for (path, expected) in [
            ("/chat/completions", &[][..]),
            ("/v1beta/models/gemini-pro:generateContent", &["gemini-pro"]),
            ("/openai/deployments/gpt%2D4/chat/completions", &["gpt-4"]),
            (
                "/model/anthropic.claude-v2%3A1/invoke",
                &["anthropic.claude-v2"],
            ),
            ("/models", &[]),
        ] {
            assert_eq!(in_path(path), expected, "{path}");
        }
        let query: Vec<_> = in_query("a=1&model=gpt-4o&mod%65l=x%20y").collect();
        assert_eq!(query, ["gpt-4o", "x y"]);
        for (body, expected) in [
            (r#"{"model":"a","mod\u0065l":"b"}"#, &["a", "b"][..]),
            (r#"{"model":5}"#, &[""]),
            (r#"{"model":"a""#, &[]),
            ("[]", &[]),
        ] {
            assert_eq!(in_json(body.as_bytes()), expected, "{body}");
        }
        let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\n\
                    a\r\n--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
                    --x\r\nContent-Disposition: form-data; name=model\r\n\r\nother\r\n--x--\r\n";
        let found = in_form(Bytes::from_static(form.as_bytes()), "x".to_owned());
        assert_eq!(found, ["whisper-1", "other"]);
        assert!(in_form(Bytes::from_static(b"--x\r\n"), "x".to_owned()).is_empty());
    }
}
