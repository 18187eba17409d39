//! OpenAI's audio: transcriptions that do not depend on the recording, and speech that is a
//! pattern of bytes.

use serde_json::{Value, json};

use super::multipart::Form;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::request_fields::RequestFields;
use crate::response::Response;

/// Bytes of speech per token.
const SPEECH_BYTES: u64 = 512;

/// `POST audio/transcriptions` and `POST audio/translations`
pub(crate) fn transcribe(call: &Call<'_>) -> Result<Response, ApiError> {
    let form = Form::read(call.request)?;
    let recording = form.part("file")?;
    form.text("model")
        .ok_or_else(|| ApiError::missing("model"))?;
    let tokens = call.behaviour.tokens;
    let text = content::text(tokens);
    Ok(match form.text("response_format") {
        Some("text") => Response::whole("text/plain; charset=utf-8", format!("{text}\n")),
        Some("srt") => subtitles("", ',', &text),
        Some("vtt") => subtitles("WEBVTT\n\n", '.', &text),
        Some("verbose_json") => Response::json(&json!({
            "task": "transcribe",
            "language": "english",
            "duration": 1,
            "text": text,
            "segments": [],
            "usage": { "type": "duration", "seconds": 1 },
        })),
        Some(_) | None => Response::json(&json!({
            "text": text,
            "usage": usage(content::input_tokens(recording.bytes.len()), tokens),
        })),
    })
}

/// `POST audio/speech`
pub(crate) fn speak(call: &Call<'_>) -> Result<Response, ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    fields.model()?;
    if fields.input.is_none() {
        return Err(ApiError::missing("input"));
    }
    let format = fields.response_format.as_ref();
    let content_type = match format.and_then(Value::as_str) {
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        Some(_) | None => "audio/mpeg",
    };
    let bytes = call.behaviour.tokens as u64 * SPEECH_BYTES;
    Ok(Response::pattern(content_type, bytes))
}

fn usage(input: usize, output: usize) -> Value {
    json!({
        "type": "tokens",
        "input_tokens": input,
        "input_token_details": { "text_tokens": 0, "audio_tokens": input },
        "output_tokens": output,
        "total_tokens": input + output,
    })
}

/// One subtitle of one second; `point` separates seconds from milliseconds.
fn subtitles(head: &str, point: char, text: &str) -> Response {
    let line = text.replace('\n', " ");
    let body = format!("{head}1\n00:00:00{point}000 --> 00:00:01{point}000\n{line}\n");
    Response::whole("text/plain; charset=utf-8", body)
}
