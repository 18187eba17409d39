//! The query of a list: how long a page is, and where it begins.

use actix_web::web;
use serde::Deserialize;

use crate::error::{Code, GatewayError};

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
