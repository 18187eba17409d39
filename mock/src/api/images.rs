//! OpenAI's images: one grey pixel, as base64 or as a URL that does not resolve.

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::request_fields::RequestFields;
use crate::response::Response;

/// A PNG image of one pixel, in base64.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";

/// `POST images/generations`, and edits and variations, whose forms are not read.
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let has_json_body = call.request.path().ends_with("/generations");
    let fields = match has_json_body {
        true => RequestFields::read(&call.request.body)?,
        false => RequestFields::default(),
    };
    let format = fields.response_format.as_ref();
    let image = match format.and_then(Value::as_str) {
        Some("url") => json!({ "url": "https://images.invalid/mock.png" }),
        Some(_) | None => json!({ "b64_json": PIXEL }),
    };
    Ok(Response::json(&json!({
        "created": call.now,
        "data": vec![image; fields.n.unwrap_or(1).clamp(1, 10)],
        "usage": {
            "total_tokens": 110,
            "input_tokens": 10,
            "output_tokens": 100,
            "input_tokens_details": { "text_tokens": 10, "image_tokens": 0 },
        },
    })))
}
