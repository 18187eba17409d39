//! `GET /gateway/admin/v1/health`: what the parts of the gateway are doing that operators look
//! after.

use serde_json::json;

use super::{Call, Response, object};

pub(super) fn health(call: &Call) -> Response {
    let process = call.control.current.get().process.clone();
    let records = process.archive.health();
    let error = records.last_error.as_ref();
    Ok(object(&json!({
        "store": process.store.get().to_string(),
        "records": {
            "store": records.state,
            "queued": records.queued,
            "stored": records.stored,
            "dropped": records.dropped,
            "failing_since": records.failing_since,
            "last_error": error.map(|(at, text)| json!({ "at": at, "message": text })),
        },
    })))
}
