//! OpenAI's embeddings: unit vectors made from the input's own bytes, as numbers or base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::content;
use crate::dice::mix;
use crate::json::{Json, ToJson as _, object};
use crate::problem::Problem;
use crate::routes::Call;

/// Numbers in a vector when the request does not say.
const DIMENSIONS: usize = 1536;

/// Numbers in a vector at most.
const DIMENSIONS_LIMIT: usize = 65_536;

/// `POST embeddings`
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = Ask::read(&call.request.body)?;
    let model = ask.model()?;
    let input = ask
        .input
        .as_ref()
        .ok_or_else(|| Problem::missing("input"))?;
    let dimensions = ask.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=DIMENSIONS_LIMIT).contains(&dimensions) {
        return Err(Problem::bad_request("dimensions must be from 1 to 65536."));
    }
    let base64 = ask.encoding_format.as_deref() == Some("base64");
    let entry = |(index, text): (usize, &Value)| {
        object! {
            "object": "embedding",
            "index": index,
            "embedding": encoded(&vector(text, dimensions), base64),
        }
    };
    let data: Vec<Json> = inputs(input).into_iter().enumerate().map(entry).collect();
    let tokens = content::input_tokens(call.request.body.len());
    Ok(Answer::json(object! {
        "object": "list",
        "data": data,
        "model": model,
        "usage": object! { "prompt_tokens": tokens, "total_tokens": tokens },
    }))
}

/// The inputs of one request: a text, texts, tokens, or lists of tokens.
pub(super) fn inputs(input: &Value) -> Vec<&Value> {
    match input {
        Value::Array(list) if !list.iter().all(Value::is_number) => list.iter().collect(),
        one => vec![one],
    }
}

fn vector(text: &Value, dimensions: usize) -> Vec<f32> {
    let seed = text
        .to_string()
        .bytes()
        .fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
    let raw: Vec<f32> = (0..dimensions as u64)
        .map(|index| (mix(seed ^ index) % 20_001) as f32 / 10_000.0 - 1.0)
        .collect();
    let length = raw.iter().map(|number| number * number).sum::<f32>().sqrt();
    raw.iter()
        .map(|number| number / length.max(f32::EPSILON))
        .collect()
}

fn encoded(vector: &[f32], base64: bool) -> Json {
    let mut out = String::new();
    if base64 {
        let bytes: Vec<u8> = vector
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        STANDARD.encode(bytes).write(&mut out);
    } else {
        vector.write(&mut out);
    }
    Json(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
