//! The pages of the mock itself: its counts, a reset, a health check, and a greeting.

use serde_json::json;

use crate::api_error::ApiError;
use crate::call::Call;
use crate::response::Response;

/// `GET /mock/stats`
pub(crate) fn stats(call: &Call<'_>) -> Result<Response, ApiError> {
    let counts = call.mock.stats.counts().to_json();
    Ok(Response::json(&counts))
}

/// `POST /mock/reset`: forgets counts, files and the keys of `fail-first`.
pub(crate) fn reset(call: &Call<'_>) -> Result<Response, ApiError> {
    call.mock.reset();
    Ok(Response::json(&json!({ "reset": true })))
}

/// `GET health`
pub(crate) fn health(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(Response::json(&json!({ "status": "ok" })))
}

/// `ANY /`
pub(crate) fn welcome(_: &Call<'_>) -> Result<Response, ApiError> {
    let text = "This is throughway mock, a provider shaped like OpenAI and Anthropic.\n\
                Try POST /v1/chat/completions, POST /v1/messages, ANY /echo/x, GET /mock/stats.\n\
                `throughway mock --help` lists the faults.\n";
    Ok(Response::whole("text/plain; charset=utf-8", text))
}
