//! The meaning of events in each dialect.

mod last_words;

use super::*;

#[test]
fn each_event_has_the_meaning_of_its_dialect() {
    use Dialect::{Anthropic, Chat, Gemini, Responses, Unknown};
    use Meaning::{Error, Preamble, Terminal, Token};
    for (dialect, name, data, expected) in [
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            Preamble,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"role":"assistant","content":null,"refusal":null}}]}"#,
            Preamble,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"content":"Hi"}}]}"#,
            Token,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"reasoning_content":"Hm"}}]}"#,
            Token,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"reasoning":"Hm"}}]}"#,
            Token,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"refusal":"No"}}]}"#,
            Token,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"audio":{"data":"AA"}}}]}"#,
            Token,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}"#,
            Token,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{"tool_calls":[]}}]}"#,
            Preamble,
        ),
        (Chat, "", r#"{"choices":[{"text":"Hi"}]}"#, Token),
        (
            Chat,
            "",
            r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#,
            Terminal,
        ),
        (
            Chat,
            "",
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            Terminal,
        ),
        (
            Chat,
            "",
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            Preamble,
        ),
        (Chat, "", "[DONE]", Terminal),
        (Chat, "", r#"{"error":{"message":"overloaded"}}"#, Error),
        (
            Chat,
            "",
            r#"{"error":null,"choices":[{"delta":{"content":"x"}}]}"#,
            Token,
        ),
        (Chat, "error", "overloaded", Error),
        (Chat, "", "", Preamble),
        (
            Responses,
            "response.created",
            r#"{"type":"response.created","response":{"error":null}}"#,
            Preamble,
        ),
        (
            Responses,
            "",
            r#"{"type":"response.output_item.added","item":{}}"#,
            Preamble,
        ),
        (
            Responses,
            "",
            r#"{"type":"response.output_text.delta","delta":"Hi"}"#,
            Token,
        ),
        (
            Responses,
            "",
            r#"{"type":"response.output_text.delta","delta":""}"#,
            Preamble,
        ),
        (
            Responses,
            "",
            r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#,
            Token,
        ),
        (Responses, "", r#"{"type":"response.completed"}"#, Terminal),
        (Responses, "", r#"{"type":"response.failed"}"#, Error),
        (
            Responses,
            "error",
            r#"{"type":"error","message":"x"}"#,
            Error,
        ),
        (
            Anthropic,
            "message_start",
            r#"{"type":"message_start","message":{"content":[]}}"#,
            Preamble,
        ),
        (Anthropic, "ping", r#"{"type":"ping"}"#, Preamble),
        (
            Anthropic,
            "",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            Preamble,
        ),
        (
            Anthropic,
            "",
            concat!(
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","#,
                r#""id":"t","name":"f","input":{}}}"#
            ),
            Token,
        ),
        (
            Anthropic,
            "",
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}"#,
            Token,
        ),
        (
            Anthropic,
            "",
            r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hm"}}"#,
            Token,
        ),
        (
            Anthropic,
            "",
            concat!(
                r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","#,
                r#""partial_json":""}}"#
            ),
            Preamble,
        ),
        (
            Anthropic,
            "",
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            Terminal,
        ),
        (Anthropic, "", r#"{"type":"message_stop"}"#, Terminal),
        (
            Anthropic,
            "error",
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            Error,
        ),
        (
            Gemini,
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#,
            Token,
        ),
        (
            Gemini,
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"","thought":true}]}}]}"#,
            Preamble,
        ),
        (
            Gemini,
            "",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#,
            Token,
        ),
        (
            Gemini,
            "",
            r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            Terminal,
        ),
        (
            Gemini,
            "",
            r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
            Terminal,
        ),
        (Gemini, "", r#"{"usageMetadata":{}}"#, Preamble),
        (Gemini, "", r#"{"error":{"code":503}}"#, Error),
        (
            Unknown,
            "",
            r#"{"choices":[{"delta":{"role":"assistant"}}]}"#,
            Preamble,
        ),
        (
            Chat,
            "",
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}"#,
            Token,
        ),
        (Chat, "", r#"{"type":"ping"}"#, Preamble),
        (Unknown, "", r#"{"anything":1}"#, Token),
        (
            Unknown,
            "",
            r#"{"type":"image_generation.partial_image","b64_json":"AA"}"#,
            Token,
        ),
        (
            Unknown,
            "",
            r#"{"type":"speech.audio.delta","audio":"AA"}"#,
            Token,
        ),
        (
            Chat,
            "",
            concat!(
                r#"{"choices":[{"delta":{"content":""},"error":{"code":502},"#,
                r#""finish_reason":"error"}]}"#
            ),
            Error,
        ),
        (Unknown, "", "text", Token),
        (Unknown, "", r#"{"error":"x"}"#, Error),
        (Unknown, "error", "x", Error),
    ] {
        let event = Event {
            name: name.into(),
            data: data.into(),
        };
        assert_eq!(
            meaning(dialect, &event),
            expected,
            "{dialect:?} {name} {data}"
        );
    }
}
