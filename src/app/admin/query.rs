//! The query of a list: how long a page is, where it begins, and whose objects it names.

use actix_web::web;
use serde::Deserialize;

use super::Call;
use crate::{
    error::{Code, GatewayError},
    gateway::parsed,
    identity::{KeyId, Name, TeamId},
};

const LONGEST: u32 = 1000;
const USUAL: u32 = 100;

/// Which page of a list is asked for.
pub(super) struct Paging {
    pub cursor: Option<String>,
    pub limit: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    cursor: Option<String>,
    limit: Option<u32>,
}

impl Paging {
    /// # Errors
    /// A parameter is unknown or cannot be used.
    pub fn of(query: &str) -> Result<Self, GatewayError> {
        let fields = web::Query::<Fields>::from_query(query).ok();
        let limit = |it: &Fields| it.limit.unwrap_or(USUAL);
        let fields = fields.filter(|it| (1..=LONGEST).contains(&limit(it)));
        let Some(fields) = fields else {
            let message =
                format!("a list takes limit, from 1 to {LONGEST}, and cursor, and nothing else");
            return Err(GatewayError::new(Code::InvalidQuery, message));
        };
        Ok(Paging {
            limit: limit(&fields),
            cursor: fields.into_inner().cursor,
        })
    }
}

/// The parameters of a query, in their order; none is given twice.
///
/// # Errors
/// One of them is.
pub(super) fn parameters(query: &str) -> Result<Vec<(String, String)>, GatewayError> {
    let all: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    for (at, (name, _)) in all.iter().enumerate() {
        if all[..at].iter().any(|(before, _)| before == name) {
            let message = "this parameter is there twice";
            return Err(GatewayError::about(Code::InvalidQuery, name, message));
        }
    }
    Ok(all)
}

/// The parameters of a query for records or sums, with the names of keys and teams replaced by ids.
///
/// # Errors
/// A parameter is there twice, or a name is that of no key or team.
pub(super) fn with_ids(call: &Call) -> Result<Vec<(String, String)>, GatewayError> {
    let mut all = parameters(call.request.query_string())?;
    let gateway = call.control.current.get();
    let directory = gateway.access.directory();
    for (name, value) in &mut all {
        let (kind, prefix) = match &**name {
            "key" => ("key", KeyId::PREFIX),
            "team" => ("team", TeamId::PREFIX),
            _ => continue,
        };
        // An id may be that of a key that is deleted. No name begins like one.
        if value.starts_with(prefix) {
            continue;
        }
        let id = parsed::<Name>(value).and_then(|it| match kind {
            "key" => directory.key_by_name(&it).map(|it| it.key.id.to_string()),
            _ => directory.team_by_name(&it).map(|it| it.id.to_string()),
        });
        *value = id.ok_or_else(|| {
            let message = format!(
                "there is no {kind} with this name or id; a deleted one is found by its id, \
                 {prefix}..."
            );
            GatewayError::about(Code::InvalidQuery, kind, message)
        })?;
    }
    Ok(all)
}
