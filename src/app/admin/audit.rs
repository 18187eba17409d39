//! `GET /gateway/admin/v1/audit`: who changed what, newest first.

use serde_json::Value;

use super::{Call, Response, page, query::Paging};
use crate::error::{Code, GatewayError};

pub(super) async fn list(call: Call) -> Response {
    let paging = Paging::of(call.request.query_string())?;
    let cursor = paging.cursor.map(|text| text.parse::<u64>());
    let cursor = cursor.transpose().map_err(|_| {
        let message = "cursor is the next_cursor of the page before";
        GatewayError::about(Code::InvalidQuery, "cursor", message)
    })?;
    let found = call.control.audit(cursor, paging.limit).await?;
    let rows = found.rows.iter();
    let rows = rows.map(|row| serde_json::to_value(row).unwrap_or(Value::Null));
    Ok(page(rows.collect(), found.next.map(|it| it.to_string())))
}
