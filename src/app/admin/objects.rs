//! Keys, teams and endpoints: lists, single objects, and their changes.

use std::{sync::Arc, time::Duration};

use actix_http::{
    StatusCode,
    header::{ETAG, HeaderValue, LOCATION},
};
use actix_web::{HttpResponse, http::Method};
use serde::Deserialize;
use serde_json::Value;

use super::{Call, Response, body, entity_tag, object as response_of, page, query::Paging};
use crate::{
    config::duration,
    control::{Action, Asked, Changed, listed, object, shown},
    error::{Code, GatewayError},
    gateway::{Gateway, Version},
    identity::document,
    store::{Kind, hidden_in},
};

/// The longest time that an old secret may live after a rotation.
const LONGEST_GRACE: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) async fn list_or_create(call: Call, kind: Kind) -> Response {
    if call.request.method() != Method::POST {
        return list(
            &call.control.current.get(),
            call.request.query_string(),
            kind,
        );
    }
    let document = body::read(&call.request, call.payload).await?;
    check_secrets(&document)?;
    let asked = Asked {
        actor: call.actor,
        kind,
        action: Action::Create { document },
    };
    let changed = call.control.change(asked).await?;
    let mut response = changed_object(&changed);
    *response.status_mut() = StatusCode::CREATED;
    let id = changed.item.map(|it| it.id().id).unwrap_or_default();
    let location = format!("{}/{id}", call.request.path());
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn list(gateway: &Arc<Gateway>, query: &str, kind: Kind) -> Response {
    let paging = Paging::of(query)?;
    let limit = usize::try_from(paging.limit).unwrap_or(usize::MAX);
    let found = listed(gateway, kind, paging.cursor.as_deref(), limit)?;
    Ok(page(found.objects, found.next))
}

pub(super) async fn one(call: Call, kind: Kind) -> Response {
    let expected = entity_tag::expected(call.request.headers())?;
    let id = call.id;
    let action = match *call.request.method() {
        Method::PATCH => {
            let patch = body::read(&call.request, call.payload).await?;
            check_secrets(&patch)?;
            Action::Patch {
                id,
                patch,
                expected,
            }
        }
        Method::DELETE => Action::Delete { id, expected },
        _ => {
            let found = object(&call.control.current.get(), kind, &id)?;
            return Ok(tagged(response_of(&found.shown()), found.version()));
        }
    };
    let asked = Asked {
        actor: call.actor,
        kind,
        action,
    };
    let changed = call.control.change(asked).await?;
    Ok(match changed.item {
        Some(_) => changed_object(&changed),
        None => HttpResponse::NoContent().finish(),
    })
}

/// What is shown in place of a secret is no secret.
fn check_secrets(document: &Value) -> Result<(), GatewayError> {
    let Some(pointer) = hidden_in(document) else {
        return Ok(());
    };
    let path = pointer.trim_start_matches('/').replace('/', ".");
    let message = format!(
        "{path} is what is shown in place of a secret: give the secret itself, or leave out the \
         whole field, which then stays as it is"
    );
    Err(GatewayError::about(Code::InvalidRequest, &path, message))
}

/// The body of a rotation.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rotation {
    grace: Option<String>,
}

pub(super) async fn rotate(call: Call) -> Response {
    let expected = entity_tag::expected(call.request.headers())?;
    let document = body::read(&call.request, call.payload).await?;
    let asked = Asked {
        actor: call.actor,
        kind: Kind::Key,
        action: Action::Rotate {
            id: call.id,
            grace: grace(&document)?,
            expected,
        },
    };
    Ok(changed_object(&call.control.change(asked).await?))
}

fn grace(document: &Value) -> Result<Duration, GatewayError> {
    let refuse = |path: &str, message| GatewayError::about(Code::InvalidRequest, path, message);
    let rotation = document::read::<Rotation>(document);
    let rotation = rotation.map_err(|error| refuse(&error.path, error.to_string()))?;
    let Some(text) = rotation.grace else {
        return Ok(Duration::ZERO);
    };
    let grace = duration(&text).filter(|it| *it <= LONGEST_GRACE);
    grace.ok_or_else(|| {
        let message = "grace must be a duration such as 30s, 15m or 24h, at most 168h";
        refuse("grace", message.to_owned())
    })
}

/// An object after its change, with its secret where it has a new one.
fn changed_object(changed: &Changed) -> HttpResponse {
    let version = Some(changed.version);
    let mut document = changed.item.as_ref().map(|it| shown(it, version));
    if let (Some(Value::Object(fields)), Some(secret)) = (&mut document, &changed.secret) {
        fields.insert("key".to_owned(), secret.expose().into());
    }
    let mut response = tagged(response_of(&document.unwrap_or_default()), version);
    if changed.secret.is_some() {
        let no_store = HeaderValue::from_static("no-store");
        let headers = response.headers_mut();
        headers.insert(actix_http::header::CACHE_CONTROL, no_store);
    }
    response
}

fn tagged(mut response: HttpResponse, version: Option<Version>) -> HttpResponse {
    let tag = version.map(|it| entity_tag::of(it.revision));
    if let Some(Ok(tag)) = tag.map(|it| HeaderValue::from_str(&it)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
