//! OpenAI's audio: a transcription that has heard nothing, and speech that is only bytes.

use super::multipart;
use crate::answer::Answer;
use crate::ask::Ask;
use crate::content;
use crate::json::{Json, object};
use crate::problem::Problem;
use crate::routes::Call;

/// Bytes of speech per token.
const SPEECH_BYTES: u64 = 512;

/// `POST audio/transcriptions` and `POST audio/translations`
pub(crate) fn transcribe(call: &Call<'_>) -> Result<Answer, Problem> {
    let parts = multipart::parts(call.request)?;
    let heard = parts.iter().find(|part| part.name == "file");
    let heard = heard.ok_or_else(|| Problem::missing("file"))?.bytes.len();
    multipart::text(&parts, "model").ok_or_else(|| Problem::missing("model"))?;
    let tokens = call.behaviour.tokens;
    let text = content::text(tokens);
    Ok(match multipart::text(&parts, "response_format") {
        Some("text") => Answer::whole("text/plain; charset=utf-8", format!("{text}\n")),
        Some("srt") => subtitles("", ',', &text),
        Some("vtt") => subtitles("WEBVTT\n\n", '.', &text),
        Some("verbose_json") => Answer::json(object! {
            "task": "transcribe",
            "language": "english",
            "duration": 1.0f64,
            "text": text,
            "segments": Vec::<Json>::new(),
            "usage": object! { "type": "duration", "seconds": 1u8 },
        }),
        Some(_) | None => Answer::json(object! {
            "text": text,
            "usage": usage(content::input_tokens(heard), tokens),
        }),
    })
}

/// `POST audio/speech`
pub(crate) fn speak(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = Ask::read(&call.request.body)?;
    ask.model()?;
    if ask.input.is_none() {
        return Err(Problem::missing("input"));
    }
    let format = ask
        .response_format
        .as_ref()
        .and_then(|format| format.as_str());
    let content_type = match format {
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        Some(_) | None => "audio/mpeg",
    };
    let bytes = call.behaviour.tokens as u64 * SPEECH_BYTES;
    Ok(Answer::pattern(content_type, bytes))
}

fn usage(input: usize, output: usize) -> Json {
    object! {
        "type": "tokens",
        "input_tokens": input,
        "input_token_details": object! { "text_tokens": 0u8, "audio_tokens": input },
        "output_tokens": output,
        "total_tokens": input + output,
    }
}

fn subtitles(head: &str, point: char, text: &str) -> Answer {
    let line = text.replace('\n', " ");
    let body = format!("{head}1\n00:00:00{point}000 --> 00:00:01{point}000\n{line}\n");
    Answer::whole("text/plain; charset=utf-8", body)
}
