//! OpenAI's text completions, the old API that many local servers still have.

use serde_json::{Value, json};

use super::chat::usage;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::generation::Generation;
use crate::request_fields::RequestFields;
use crate::response::{EventScript, Response, data_event};

/// `POST completions`
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let mut fields = RequestFields::read(&call.request.body)?;
    fields.tools = None;
    let generation = Generation::new(call, &fields, fields.model()?);
    let id = call.mock.random.id("cmpl-");
    if fields.is_stream() {
        return Ok(Response::events(script(call, &fields, generation, id)));
    }
    let (text, finish_reason) = (generation.text(), finish_reason(&generation));
    let mut body = completion(&id, &generation, &text, Some(finish_reason));
    body["usage"] = usage(&generation, 1);
    Ok(Response::json(&body))
}

fn finish_reason(generation: &Generation) -> &'static str {
    match generation.truncated {
        true => "length",
        false => "stop",
    }
}

fn completion(id: &str, generation: &Generation, text: &str, finish: Option<&str>) -> Value {
    json!({
        "id": id,
        "object": "text_completion",
        "created": generation.created,
        "model": generation.model,
        "choices": [{ "text": text, "index": 0, "logprobs": null, "finish_reason": finish }],
    })
}

fn script(
    call: &Call<'_>,
    fields: &RequestFields,
    generation: Generation,
    id: String,
) -> EventScript {
    let mut last = completion(&id, &generation, "", Some(finish_reason(&generation)));
    if fields.wants_usage() {
        last["usage"] = usage(&generation, 1);
    }
    EventScript {
        opening: String::new(),
        tokens: generation.output_tokens(),
        token: Box::new(move |index| {
            data_event(&completion(&id, &generation, content::word(index), None))
        }),
        closing: format!("{}data: [DONE]\n\n", data_event(&last)),
        error: ApiError::for_status(500).event(call.dialect, call.request_id),
    }
}
