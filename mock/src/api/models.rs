//! The list of models, in OpenAI's shape or Anthropic's. Any other model name is answered too;
//! it just is not listed.

use percent_encoding::percent_decode_str;

use crate::answer::Answer;
use crate::json::{Json, object};
use crate::problem::{Dialect, Problem};
use crate::routes::Call;

/// When the models were made: 2025-01-01, in Unix seconds and as Anthropic writes it.
const CREATED: u64 = 1_735_689_600;
const CREATED_AT: &str = "2025-01-01T00:00:00Z";

/// `GET models`
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let names = &call.mock.models;
    let data: Vec<Json> = names.iter().map(|name| model(name, call.dialect)).collect();
    Ok(Answer::json(match call.dialect {
        Dialect::Anthropic => object! {
            "data": data,
            "has_more": false,
            "first_id": names.first(),
            "last_id": names.last(),
        },
        Dialect::OpenAi | Dialect::Responses => object! { "object": "list", "data": data },
    }))
}

/// `GET models/{id}`
pub(crate) fn one(call: &Call<'_>) -> Result<Answer, Problem> {
    let name = percent_decode_str(call.id).decode_utf8_lossy();
    if call.mock.models.iter().any(|known| *known == name) {
        return Ok(Answer::json(model(&name, call.dialect)));
    }
    Err(Problem {
        param: Some("model"),
        code: Some("model_not_found"),
        ..Problem::not_found(format!("The model '{name}' does not exist."))
    })
}

fn model(name: &str, dialect: Dialect) -> Json {
    match dialect {
        Dialect::Anthropic => object! {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": CREATED_AT,
        },
        Dialect::OpenAi | Dialect::Responses => object! {
            "id": name,
            "object": "model",
            "created": CREATED,
            "owned_by": "mock",
        },
    }
}
