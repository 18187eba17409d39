//! Finding the plan of a request: what headers and settings name, and the body's `model` where only
//! it can tell. Reads the request's config where no plan is kept for it.

use std::rc::Rc;

use actix_http::RequestHead;

use super::{
    Planned, Prefix, Wanted,
    cache::{Found, PlanCache},
    choose,
};
use crate::{
    error::{Code, GatewayError},
    gateway::Known,
    http::media_type::is_upload,
    memory::Share,
    proxy::offload::offload,
    route::{
        attempts::NoMatch,
        config::{self, Source, Written},
    },
};

/// The plan. `model` reads the body for its `model`, and is called only where nothing else names a
/// target.
///
/// # Errors
/// What makes no plan, and what goes wrong with the body.
pub async fn find(
    plans: &PlanCache,
    head: &RequestHead,
    wanted: Wanted<'_>,
    client: Share,
    model: impl AsyncFnOnce() -> Result<Option<String>, GatewayError>,
) -> Result<Rc<Planned>, GatewayError> {
    let mut config = None;
    let mut found = plans.find(wanted, None, Prefix::Unread)?;
    if let (Found::AsksConfig, Some(text)) = (&found, &wanted.directives.config) {
        config = Some(read_config(client, text, plans.known()).await?);
        found = plans.find(wanted, config.as_ref(), Prefix::Unread)?;
    }
    if let Found::Plan(plan) = found {
        return Ok(plan);
    }
    let model = match is_upload(head.headers()) {
        false => model().await?,
        true => None,
    };
    let model = model.as_deref();
    let prefix = Prefix::Read(model.and_then(|it| plans.known().provider_of(it)));
    match plans.find(wanted, config.as_ref(), prefix)? {
        Found::Plan(plan) => Ok(plan),
        Found::AsksConfig | Found::AsksModel => {
            let message = "the request was read for its plan in vain";
            Err(GatewayError::new(Code::Internal, message))
        }
    }
}

/// Reads the request's config; beside the worker, where that may take long.
async fn read_config(client: Share, text: &str, known: &Known) -> Result<Source, GatewayError> {
    match choose::tell(text, known)? {
        Written::Saved(name) => Ok(Source::Saved(name.into())),
        Written::Json(json) => {
            let entry = match config::is_quick(&json) {
                true => config::parse(&json),
                false => {
                    let json = json.into_owned();
                    offload(client, move || config::parse(&json)).await?
                }
            };
            Ok(Source::Inline(Box::new(entry?)))
        }
    }
}

impl From<NoMatch> for GatewayError {
    fn from(NoMatch(path): NoMatch) -> Self {
        let message = format!(
            "{path}.strategy: no condition holds for this request, and there is no default"
        );
        GatewayError::new(Code::InvalidConfig, message)
    }
}
