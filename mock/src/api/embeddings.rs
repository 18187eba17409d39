//! OpenAI's embeddings: unit vectors that depend only on the input, as numbers or base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::request_fields::RequestFields;
use crate::response::Response;

/// Length of a vector when the request does not state one.
const DIMENSIONS: usize = 1536;

/// Greatest length of a vector.
const DIMENSIONS_LIMIT: usize = 65_536;

/// `POST embeddings`
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    let model = fields.model()?;
    let input = fields.input.as_ref();
    let input = input.ok_or_else(|| ApiError::missing("input"))?;
    let dimensions = fields.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=DIMENSIONS_LIMIT).contains(&dimensions) {
        return Err(ApiError::bad_request("dimensions must be from 1 to 65536."));
    }
    let as_base64 = fields.encoding_format.as_deref() == Some("base64");
    let embedding = |(index, text): (usize, &Value)| {
        let vector = vector(text, dimensions);
        let vector = match as_base64 {
            true => json!(base64_of(&vector)),
            false => json!(vector),
        };
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    let data = inputs(input).into_iter().enumerate().map(embedding);
    let tokens = content::input_tokens(call.request.body.len());
    call.mock.stats.counts().count_tokens(tokens, 0);
    Ok(Response::json(&json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}

/// The inputs of one request: one text, several texts, tokens, or several lists of tokens.
pub(super) fn inputs(input: &Value) -> Vec<&Value> {
    match input {
        Value::Array(list) if !list.iter().all(Value::is_number) => list.iter().collect(),
        one => vec![one],
    }
}

fn vector(input: &Value, dimensions: usize) -> Vec<f32> {
    let mut rng = Rng::with_seed(xxh3_64(input.to_string().as_bytes()));
    let raw: Vec<f32> = (0..dimensions).map(|_| rng.f32() * 2.0 - 1.0).collect();
    let length = raw.iter().map(|number| number * number).sum::<f32>().sqrt();
    raw.iter()
        .map(|number| number / length.max(f32::EPSILON))
        .collect()
}

/// The numbers in little-endian order, in base64.
fn base64_of(vector: &[f32]) -> String {
    let bytes = vector.iter().flat_map(|number| number.to_le_bytes());
    STANDARD.encode(bytes.collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_unit_vector() {
        let one = vector(&json!("cat"), 64);
        assert_eq!(one, vector(&json!("cat"), 64));
        assert_ne!(one, vector(&json!("dog"), 64));
        let length: f32 = one.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-4);
    }

    #[test]
    fn every_form_of_input_is_counted() {
        let table = [
            (json!("a"), 1),
            (json!(["a", "b"]), 2),
            (json!([1, 2, 3]), 1),
            (json!([[1, 2], [3]]), 2),
        ];
        for (input, count) in table {
            assert_eq!(inputs(&input).len(), count, "{input}");
        }
    }
}
