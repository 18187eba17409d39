//! OpenAI's images: one grey pixel, as base64 or by an address that leads nowhere.

use crate::answer::Answer;
use crate::ask::Ask;
use crate::json::{Json, object};
use crate::problem::Problem;
use crate::routes::Call;

/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";

/// `POST images/generations`, and edits and variations, whose form is not looked at.
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let json = call.request.path().ends_with("/generations");
    let ask = match json {
        true => Ask::read(&call.request.body)?,
        false => Ask::default(),
    };
    let format = ask.response_format.as_ref();
    let image = match format.and_then(|format| format.as_str()) {
        Some("url") => object! { "url": "https://images.invalid/mock.png" },
        Some(_) | None => object! { "b64_json": PIXEL },
    };
    let images: Vec<Json> = vec![image; ask.n.unwrap_or(1).clamp(1, 10)];
    Ok(Answer::json(object! {
        "created": call.now,
        "data": images,
        "usage": object! {
            "total_tokens": 110u8,
            "input_tokens": 10u8,
            "output_tokens": 100u8,
            "input_tokens_details": object! { "text_tokens": 10u8, "image_tokens": 0u8 },
        },
    }))
}
