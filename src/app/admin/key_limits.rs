//! What is left of the limits that count for a key, for operators; its holder sees the same at
//! `/gateway/key`.

use serde_json::json;

use super::{Call, Response, object};
use crate::{
    error::{Code, GatewayError},
    gateway::parsed,
    proxy::shown_limits,
};

/// `GET /gateway/admin/v1/keys/{id}/limits`.
pub(super) async fn limits(call: Call) -> Response {
    let gateway = call.control.current.get();
    let holder = parsed(&call.id).and_then(|id| gateway.access.directory().key(id));
    let Some(holder) = holder else {
        let message = "there is no key in force with this id";
        return Err(GatewayError::new(Code::UnknownObject, message));
    };
    let limits = shown_limits(&gateway, holder).await;
    Ok(object(&json!({
        "limits": limits.of_key,
        "team_limits": limits.of_team,
        "gateway_limits": limits.of_gateway,
    })))
}
