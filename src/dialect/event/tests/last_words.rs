//! Events that complete a response or mark it as failed.

use super::*;

#[test]
fn only_the_final_event_of_the_dialect_completes_a_response() {
    use Dialect::{Anthropic, Chat, Gemini, Images, Responses, Speech, Unknown};
    use Progress::{Failed, Of, Open, Whole};
    let candidates = |data| Of(Candidates::of(&serde_json::from_str(data).unwrap()));
    let none = Of(Candidates::default());
    for (dialect, name, data, expected) in [
        (Chat, "", "[DONE]", (Chat, Whole)),
        (
            Chat,
            "",
            r#"{"choices":[{"finish_reason":"stop"}]}"#,
            (Chat, Open),
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"content":"[DONE]"}}]}"#,
            (Chat, Open),
        ),
        (Chat, "", r#"{"type":"message_stop"}"#, (Chat, Open)),
        (Chat, "", r#"{"error":{"message":"x"}}"#, (Chat, Failed)),
        (Chat, "error", "overloaded", (Chat, Failed)),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"content":"x"}},{"error":{"code":502}}]}"#,
            (Chat, Failed),
        ),
        (
            Unknown,
            "",
            r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
            (Chat, Failed),
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"error":null,"finish_reason":null}]}"#,
            (Chat, Open),
        ),
        (Chat, "", "", (Chat, Open)),
        (Responses, "", "[DONE]", (Responses, Open)),
        (
            Responses,
            "",
            r#"{"type":"response.completed","response":{"error":null}}"#,
            (Responses, Whole),
        ),
        (
            Responses,
            "",
            r#"{"type":"response.incomplete"}"#,
            (Responses, Failed),
        ),
        (
            Responses,
            "",
            r#"{"type":"response.cancelled"}"#,
            (Responses, Failed),
        ),
        (
            Responses,
            "",
            r#"{"type":"response.failed"}"#,
            (Responses, Failed),
        ),
        (Responses, "", r#"{"type":"error"}"#, (Responses, Failed)),
        (
            Responses,
            "",
            r#"{"type":"response.output_text.done"}"#,
            (Responses, Open),
        ),
        (
            Anthropic,
            "message_stop",
            r#"{"type":"message_stop"}"#,
            (Anthropic, Whole),
        ),
        (
            Anthropic,
            "",
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            (Anthropic, Open),
        ),
        (
            Anthropic,
            "error",
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            (Anthropic, Failed),
        ),
        (
            Gemini,
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP"}]}"#,
            (
                Gemini,
                candidates(r#"{"candidates":[{"finishReason":"STOP"}]}"#),
            ),
        ),
        (
            Gemini,
            "",
            r#"{"candidates":[{"finishReason":""}]}"#,
            (Gemini, candidates(r#"{"candidates":[{}]}"#)),
        ),
        (
            Gemini,
            "",
            r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
            (Gemini, none),
        ),
        (Gemini, "", r#"{"error":{"code":503}}"#, (Gemini, Failed)),
        (Unknown, "", "[DONE]", (Unknown, Open)),
        (Unknown, "", r#"{"anything":1}"#, (Unknown, Open)),
        (
            Unknown,
            "",
            r#"{"choices":[{"finish_reason":"stop"}]}"#,
            (Chat, Open),
        ),
        (
            Unknown,
            "",
            r#"{"type":"message_stop"}"#,
            (Anthropic, Whole),
        ),
        (Unknown, "error", "x", (Unknown, Failed)),
        (Unknown, "", r#"{"error":"x"}"#, (Unknown, Failed)),
        (
            Unknown,
            "",
            r#"{"type":"image_generation.partial_image","b64_json":"AA"}"#,
            (Images, Open),
        ),
        (
            Images,
            "",
            r#"{"type":"image_generation.completed","b64_json":"AA"}"#,
            (Images, Whole),
        ),
        (
            Unknown,
            "",
            r#"{"type":"image_edit.partial_image"}"#,
            (Images, Open),
        ),
        (
            Unknown,
            "",
            r#"{"type":"image_edit.completed"}"#,
            (Images, Whole),
        ),
        (Images, "", "[DONE]", (Images, Open)),
        (
            Unknown,
            "",
            r#"{"type":"speech.audio.delta","audio":"AA"}"#,
            (Speech, Open),
        ),
        (
            Unknown,
            "",
            r#"{"type":"speech.audio.done"}"#,
            (Speech, Whole),
        ),
        (Speech, "", "[DONE]", (Speech, Open)),
    ] {
        let event = Event {
            name: name.into(),
            data: data.into(),
        };
        assert_eq!(
            progress(dialect, &event),
            expected,
            "{dialect:?} {name} {data}"
        );
    }
}
