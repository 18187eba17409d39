//! `/echo/...`: the request as received, to see what a provider really gets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::api_error::ApiError;
use crate::call::Call;
use crate::request::Framing;
use crate::response::Response;

/// Most bytes of the request body that are returned.
const SHOWN: usize = 1 << 20;

/// `ANY echo/{rest}`
pub(crate) fn respond(call: &Call<'_>) -> Result<Response, ApiError> {
    let request = call.request;
    let lines = request.headers.iter();
    let headers = lines.map(|(name, value)| [latin1(name), latin1(value)]);
    let shown = &request.body[..request.body.len().min(SHOWN)];
    Ok(Response::json(&json!({
        "method": request.method,
        "target": request.target,
        "version": format!("HTTP/1.{}", request.version),
        "headers": headers.collect::<Vec<_>>(),
        "framing": match request.framing {
            Framing::None => "none",
            Framing::Length(_) => "content-length",
            Framing::Chunked => "chunked",
        },
        "body_length": request.body.len(),
        "body_shown": shown.len(),
        "body_text": std::str::from_utf8(shown).ok(),
        "body_base64": STANDARD.encode(shown),
    })))
}

/// The bytes as text, each byte as one Latin-1 character.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
