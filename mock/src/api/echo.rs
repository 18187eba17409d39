//! `/echo/...`: what arrived, so that a person can see what a provider really receives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::answer::Answer;
use crate::json::{Json, ToJson as _, object};
use crate::problem::Problem;
use crate::request::Framing;
use crate::routes::Call;

/// Bytes of the body that are sent back.
const SHOWN: usize = 1 << 20;

/// `ANY echo/{tail}`
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let request = call.request;
    let lines = request.headers.iter();
    let headers: Vec<Json> = lines.map(|(name, value)| pair(name, value)).collect();
    let shown = &request.body[..request.body.len().min(SHOWN)];
    Ok(Answer::json(object! {
        "method": request.method,
        "target": request.target,
        "version": format!("HTTP/1.{}", request.version),
        "headers": headers,
        "framing": match request.framing {
            Framing::None => "none",
            Framing::Length(_) => "content-length",
            Framing::Chunked => "chunked",
        },
        "body_length": request.body.len(),
        "body_shown": shown.len(),
        "body_text": std::str::from_utf8(shown).ok(),
        "body_base64": STANDARD.encode(shown),
    }))
}

/// A header line as `[name, value]`; bytes beyond ASCII are read as Latin-1.
fn pair(name: &[u8], value: &[u8]) -> Json {
    let mut out = String::new();
    [latin1(name), latin1(value)].write(&mut out);
    Json(out)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
