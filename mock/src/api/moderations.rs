//! OpenAI's moderations, which never flag anything.

use serde_json::{Map, Value, json};

use super::embeddings::inputs;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::request_fields::RequestFields;
use crate::response::Response;

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// `POST moderations`
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    let input = fields.input.as_ref();
    let input = input.ok_or_else(|| ApiError::missing("input"))?;
    let result = json!({
        "flagged": false,
        "categories": for_every_category(&json!(false)),
        "category_scores": for_every_category(&json!(0.0001)),
        "category_applied_input_types": for_every_category(&json!(["text"])),
    });
    Ok(Response::json(&json!({
        "id": call.mock.random.id("modr-"),
        "model": fields.model.as_deref().unwrap_or("omni-moderation-latest"),
        "results": vec![result; inputs(input).len()],
    })))
}

fn for_every_category(value: &Value) -> Map<String, Value> {
    let entry = |category: &str| (category.to_owned(), value.clone());
    CATEGORIES.into_iter().map(entry).collect()
}
