//! The list of models, in the shape of OpenAI or Anthropic. Requests for any other model are
//! answered as well.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::dialect::Dialect;
use crate::response::Response;

/// When the models were created: 2025-01-01, in Unix seconds and as Anthropic writes it.
const CREATED: u64 = 1_735_689_600;
const CREATED_AT: &str = "2025-01-01T00:00:00Z";

/// `GET models`
pub(crate) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let names = &call.mock.models;
    let models = names.iter().map(|name| model(name, call.dialect));
    let data: Vec<Value> = models.collect();
    Ok(Response::json(&match call.dialect {
        Dialect::Anthropic => json!({
            "data": data,
            "has_more": false,
            "first_id": names.first(),
            "last_id": names.last(),
        }),
        Dialect::OpenAi | Dialect::Responses => json!({ "object": "list", "data": data }),
    }))
}

/// `GET models/{rest}`
pub(crate) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let name = percent_decode_str(call.id).decode_utf8_lossy();
    if call.mock.models.iter().any(|known| *known == name) {
        return Ok(Response::json(&model(&name, call.dialect)));
    }
    Err(ApiError {
        param: Some("model"),
        code: Some("model_not_found"),
        ..ApiError::not_found(format!("The model '{name}' does not exist."))
    })
}

fn model(name: &str, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Anthropic => json!({
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": CREATED_AT,
        }),
        Dialect::OpenAi | Dialect::Responses => json!({
            "id": name,
            "object": "model",
            "created": CREATED,
            "owned_by": "mock",
        }),
    }
}
