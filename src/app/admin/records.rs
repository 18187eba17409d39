//! `GET /gateway/admin/v1/records`: which requests there were, newest first, and one of them.

use std::time::Duration;

use actix_web::HttpResponse;
use uuid::Uuid;

use super::{Call, Response, object, page, query};
use crate::{
    error::{Code, GatewayError},
    records::{BadParameter, Filter, SearchError, shown},
};

const LONGEST: usize = 1000;
const USUAL: usize = 100;

/// A page of records.
pub(super) async fn list(call: Call) -> Response {
    let mut filter = Filter::default();
    let (mut cursor, mut limit) = (None, USUAL);
    for (name, value) in query::with_ids(&call)? {
        match &*name {
            "cursor" => cursor = Some(cursor_of(&value)?),
            "limit" => limit = limit_of(&value)?,
            _ => take(&mut filter, &name, &value)?,
        }
    }
    let process = call.control.current.get().process.clone();
    let found = process
        .archive
        .search(filter, cursor, limit)
        .await
        .map_err(refused)?;
    let records = found.records.iter().map(shown).collect();
    Ok(page(records, found.next.map(|it| it.to_string())))
}

/// How often a record is looked for, and the pause in between.
const TRIES: usize = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// One record.
pub(super) async fn one(call: Call) -> Response {
    if let Some((name, _)) = query::parameters(call.request.query_string())?.first() {
        return Err(bad(BadParameter::new(name, "a record takes no parameters")));
    }
    let unknown = || GatewayError::new(Code::UnknownObject, "there is no record with this id");
    let id: Uuid = call.id.parse().map_err(|_| unknown())?;
    let process = call.control.current.get().process.clone();
    let mut found = process.archive.record(id).await.map_err(refused)?;
    let mut tries = 1;
    // The live tail shows a record before it is stored.
    while found.is_none() && tries < TRIES {
        tokio::time::sleep(PAUSE).await;
        found = process.archive.record(id).await.map_err(refused)?;
        tries += 1;
    }
    let record = found.ok_or_else(unknown)?;
    Ok::<HttpResponse, _>(object(&shown(&record)))
}

fn cursor_of(value: &str) -> Result<Uuid, GatewayError> {
    let refuse = |_| {
        let message = "cursor is the next_cursor of the page before";
        GatewayError::about(Code::InvalidQuery, "cursor", message)
    };
    value.parse().map_err(refuse)
}

fn limit_of(value: &str) -> Result<usize, GatewayError> {
    let limit = value.parse().ok().filter(|it| (1..=LONGEST).contains(it));
    limit.ok_or_else(|| {
        let message = format!("limit is a number from 1 to {LONGEST}");
        GatewayError::about(Code::InvalidQuery, "limit", message)
    })
}

/// Adds a parameter to a filter.
pub(super) fn take(filter: &mut Filter, name: &str, value: &str) -> Result<(), GatewayError> {
    match filter.take(name, value) {
        Ok(true) => Ok(()),
        Ok(false) => Err(bad(BadParameter::new(
            name,
            "records do not take this parameter",
        ))),
        Err(error) => Err(bad(error)),
    }
}

pub(super) fn bad(parameter: BadParameter) -> GatewayError {
    GatewayError::about(Code::InvalidQuery, &parameter.name, parameter.message)
}

/// Why a search found nothing out. The log has the details of a store that fails.
pub(super) fn refused(error: SearchError) -> GatewayError {
    let message = error.to_string();
    let unavailable = |message: String| {
        let mut error = GatewayError::new(Code::StoreUnavailable, message);
        error.retry_after = Some(std::time::Duration::from_secs(1));
        error
    };
    match error {
        SearchError::NoStore => GatewayError::new(Code::Conflict, message),
        SearchError::TooLong | SearchError::TooMany => {
            GatewayError::new(Code::InvalidQuery, message)
        }
        SearchError::Away => unavailable(message),
        SearchError::Store(error) => {
            tracing::warn!(%error, "records cannot be searched");
            unavailable("the store of records cannot be read now".to_owned())
        }
        SearchError::BrokenOff => GatewayError::new(Code::Internal, message),
    }
}
