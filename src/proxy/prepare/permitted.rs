//! May the holder of the key use these targets, and these models? Every target of the plan is
//! asked about, fallbacks too, before anything is sent.

use actix_http::{
    Method,
    header::{self, HeaderMap},
};
use bytes::Bytes;

use super::{
    buffer_body,
    models::{BodyModels, Form, after_edits, in_path, in_query},
};
use crate::{
    error::GatewayError,
    http::encoding::is_encoded,
    identity::{Identity, allow::Destination},
    proxy::{
        admit::Admitted,
        offload,
        plan::{Plan, Target},
        sender::Sender,
    },
    upstream::BodyLength,
};

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
    let body = models_in_body(admitted, sender).await?;
    let mut targets = plan.targets.iter();
    targets.try_for_each(|target| check_models(holder, admitted, target, &body))
}

/// Each model as the target gets it: in path and query, those of the base URL too, and in the body
/// after its edits.
fn check_models(
    holder: &Identity,
    admitted: &Admitted<'_>,
    target: &Target,
    body: &BodyModels,
) -> Result<(), GatewayError> {
    let path = [target.base.raw_path(), admitted.routed.rest].concat();
    let queries = [target.base.raw_query(), admitted.routed.query];
    let in_queries = queries.into_iter().flatten().flat_map(in_query);
    let has_body = admitted.length.is_editable();
    let reads = matches!(admitted.head.method, Method::GET | Method::HEAD);
    let mut models = in_path(&path, !reads);
    models.extend(in_queries);
    match body {
        BodyModels::Unreadable => return Ok(holder.check_model(None)?),
        BodyModels::None => {}
        BodyModels::Form(in_form) => models.extend(in_form.iter().cloned()),
        BodyModels::Json(entries) => models.extend(after_edits(
            entries,
            &target.override_params,
            target.model_prefix.as_deref(),
        )),
    }
    let is_only_read = reads && !has_body && admitted.length != BodyLength::Tunnel;
    if models.is_empty() && !is_only_read {
        return Ok(holder.check_model(None)?);
    }
    for model in &models {
        holder.check_model(Some(model))?;
    }
    Ok(())
}

/// All models that the body names. A body that cannot be read might name any.
async fn models_in_body(
    admitted: &Admitted<'_>,
    sender: &impl Sender,
) -> Result<BodyModels, GatewayError> {
    // What a WebSocket says after its handshake is not looked at.
    if !admitted.length.is_editable() {
        return Ok(BodyModels::None);
    }
    if is_encoded(admitted.head.headers()) {
        return Ok(BodyModels::Unreadable);
    }
    let limit = admitted.gateway.replay_limit;
    buffer_body::read(sender, &admitted.body, limit).await?;
    let body = buffer_body::joined(&admitted.body)?;
    let form = form(admitted.head.headers());
    let length = body.len();
    let read = move || read(body, form);
    offload::by_size(admitted.client(), length, read).await
}

fn read(body: Bytes, form: Form) -> BodyModels {
    match form {
        _ if body.is_empty() => BodyModels::None,
        Form::No => BodyModels::in_json(&body),
        Form::Parts { boundary } => BodyModels::in_form(body, boundary),
        Form::Unclear => BodyModels::Unreadable,
    }
}

/// What `Content-Type` says. Of two lines upstreams may read either.
fn form(headers: &HeaderMap) -> Form {
    let mut lines = headers.get_all(header::CONTENT_TYPE);
    match (lines.next(), lines.next()) {
        (None, _) => Form::No,
        (Some(line), None) => Form::of(line.as_bytes()),
        (Some(_), Some(_)) => Form::Unclear,
    }
}
