//! What is the mock's own: its counts, forgetting them, and a word to a person who looks in.

use crate::answer::Answer;
use crate::json::object;
use crate::problem::Problem;
use crate::routes::Call;

/// `GET /mock/stats`
pub(crate) fn stats(call: &Call<'_>) -> Result<Answer, Problem> {
    let counts = call.mock.stats.counts().clone();
    Ok(Answer::json(counts.to_json()))
}

/// `POST /mock/reset`: forgets counts, files and the keys of `fail-first`.
pub(crate) fn reset(call: &Call<'_>) -> Result<Answer, Problem> {
    call.mock.reset();
    Ok(Answer::json(object! { "reset": true }))
}

/// `GET health`
pub(crate) fn health(_: &Call<'_>) -> Result<Answer, Problem> {
    Ok(Answer::json(object! { "status": "ok" }))
}

/// `ANY /`
pub(crate) fn welcome(_: &Call<'_>) -> Result<Answer, Problem> {
    let text = "This is throughway mock, an upstream that is shaped like OpenAI and Anthropic.\n\
                Try POST /v1/chat/completions, POST /v1/messages, ANY /echo/x, GET /mock/stats.\n\
                Faults are listed by `throughway mock --help`.\n";
    Ok(Answer::whole("text/plain; charset=utf-8", text))
}
