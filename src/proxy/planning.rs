//! Finding the plan of a request: what headers and settings name, and the body's `model` where only it can tell.

use std::rc::Rc;

use actix_http::{RequestHead, header};
use bytes::Bytes;

use super::{
    plan::{Plan, Prefix},
    plans::{Found, Plans},
};
use crate::{
    directives::Directives,
    error::{Code, GatewayError},
    route::attempts::NoMatch,
    splice,
};

/// The plan; `read` reads the body, and is asked only where nothing else names a target.
///
/// # Errors
/// What makes no plan, and what goes wrong with the body.
pub async fn find(
    plans: &Plans,
    head: &RequestHead,
    directives: &Directives,
    read: impl AsyncFnOnce() -> Result<Bytes, GatewayError>,
) -> Result<Rc<Plan>, GatewayError> {
    if let Found::Plan(plan) = plans.find(directives, Prefix::Unread)? {
        return Ok(plan);
    }
    let bytes = match may_be_json(head) {
        true => read().await?,
        false => Bytes::new(),
    };
    let model = splice::model(&bytes);
    let name = model
        .as_deref()
        .and_then(|it| plans.known().provider_of(it));
    match plans.find(directives, Prefix::Read(name))? {
        Found::Plan(plan) => Ok(plan),
        Found::AsksModel => {
            let message = "the body was read for its model in vain";
            Err(GatewayError::new(Code::Internal, message))
        }
    }
}

/// Uploads of files have no `model` to choose by, and are not read for one.
fn may_be_json(head: &RequestHead) -> bool {
    const OTHERS: [&[u8]; 5] = [
        b"multipart/",
        b"audio/",
        b"image/",
        b"video/",
        b"application/octet-stream",
    ];
    let media = head.headers().get(header::CONTENT_TYPE);
    let media = media.map(|media| media.as_bytes().to_ascii_lowercase());
    media.is_none_or(|media| !OTHERS.iter().any(|other| media.starts_with(other)))
}

impl From<NoMatch> for GatewayError {
    fn from(NoMatch(path): NoMatch) -> Self {
        let message = format!(
            "{path}.strategy: no condition holds for this request, and there is no default"
        );
        GatewayError::new(Code::InvalidConfig, message)
    }
}
