//! What requests of each dialect say of themselves.

use super::*;

fn facts(path: &str, body: &str) -> RequestFacts {
    request_facts(path, b"application/json", body.as_bytes(), true)
}

#[test]
fn the_model_is_in_body_path_or_query() {
    for (path, body, expected) in [
        (
            "/v1/chat/completions",
            r#"{"model":"gpt-4o"}"#,
            Some("gpt-4o"),
        ),
        (
            "/v1/chat/completions",
            r#"{"model":"a","x":{"model":"c"},"model":"b"}"#,
            Some("b"),
        ),
        (
            "/v1/chat/completions",
            r#"{"messages":[{"model":"c"}]}"#,
            None,
        ),
        ("/v1/x", r#"{"model_id":"m"}"#, Some("m")),
        ("/v1/x", r#"{"model":"m","model_id":"n"}"#, Some("m")),
        ("/v1/x", r#"{"model_id":"n","model":"m"}"#, Some("m")),
        ("/v1/x", r#"{"model":7}"#, None),
        ("/v1/x", "no JSON", None),
        (
            "/v1beta/models/gemini-pro:generateContent",
            "{}",
            Some("gemini-pro"),
        ),
        (
            "/v1beta/models/gemini-pro%3AgenerateContent",
            "{}",
            Some("gemini-pro"),
        ),
        (
            "/openai/deployments/gpt%2D4/chat/completions",
            "{}",
            Some("gpt-4"),
        ),
        // Azure serves the deployment, whatever the body says.
        (
            "/openai/deployments/big/chat/completions",
            r#"{"model":"small"}"#,
            Some("big"),
        ),
        ("/v1/engines/davinci/completions", "{}", Some("davinci")),
        (
            "/model/anthropic.claude-v2%3A1/invoke",
            "{}",
            Some("anthropic.claude-v2:1"),
        ),
        ("/models", "{}", None),
        (
            "/v1/realtime?model=gpt-realtime&x=1",
            "",
            Some("gpt-realtime"),
        ),
        ("/openai/realtime?deployment=my%20d", "", Some("my d")),
        ("/v1/models/a?model=b", r#"{"model":"c"}"#, Some("c")),
    ] {
        assert_eq!(
            facts(path, body).model.as_deref(),
            expected,
            "{path} {body}"
        );
    }
    let long = format!("{{\"model\":\"{}\"}}", "m".repeat(257));
    assert_eq!(facts("/v1/x", &long).model, None);
}

#[test]
fn the_largest_number_of_tokens_counts() {
    for (body, expected) in [
        (r#"{"max_tokens":100}"#, Some(100)),
        (r#"{"max_tokens":1,"max_completion_tokens":90}"#, Some(90)),
        (r#"{"max_tokens":90,"max_tokens":1}"#, Some(90)),
        (r#"{"max_output_tokens":7}"#, Some(7)),
        (r#"{"generationConfig":{"maxOutputTokens":8}}"#, Some(8)),
        (r#"{"generation_config":{"max_output_tokens":8}}"#, Some(8)),
        (r#"{"inferenceConfig":{"maxTokens":9}}"#, Some(9)),
        (r#"{"textGenerationConfig":{"maxTokenCount":9}}"#, Some(9)),
        (r#"{"options":{"num_predict":5}}"#, Some(5)),
        (r#"{"options":{"num_predict":-1}}"#, None),
        (r#"{"parameters":{"max_new_tokens":6}}"#, Some(6)),
        (r#"{"max_tokens_to_sample":6}"#, Some(6)),
        (r#"{"max_gen_len":6}"#, Some(6)),
        (r#"{"max_tokens":"6"}"#, None),
        (r#"{"max_tokens":null}"#, None),
        (r#"{"tools":[{"max_tokens":6}]}"#, None),
        (r#"{}"#, None),
    ] {
        assert_eq!(facts("/v1/x", body).max_tokens, expected, "{body}");
    }
}

#[test]
fn several_choices_and_streams_are_seen() {
    assert_eq!(facts("/v1/x", r#"{"n":3,"best_of":5}"#).choices, Some(5));
    let body = r#"{"generationConfig":{"candidateCount":2}}"#;
    assert_eq!(facts("/v1/x", body).choices, Some(2));
    for (path, body, expected) in [
        ("/v1/x", r#"{"stream":true}"#, Some(true)),
        ("/v1/x", r#"{"stream":true,"stream":false}"#, Some(false)),
        ("/v1/x", r#"{"stream":"yes"}"#, None),
        ("/v1/x", "{}", None),
        (
            "/v1beta/models/g:streamGenerateContent?alt=sse",
            "{}",
            Some(true),
        ),
        ("/model/m/converse-stream", "{}", Some(true)),
    ] {
        assert_eq!(facts(path, body).is_stream, expected, "{path} {body}");
    }
}

#[test]
fn characters_are_those_of_a_text_to_speak() {
    let body = r#"{"model":"tts-1","input":"H\u00e9llo \"you\"","voice":"alloy"}"#;
    assert_eq!(facts("/v1/audio/speech", body).characters, Some(11));
    let body = r#"{"text":"日本語"}"#;
    assert_eq!(
        facts("/v1/text-to-speech/voice_1", body).characters,
        Some(3)
    );
    assert_eq!(
        facts("/v1/embeddings", r#"{"input":"Hello"}"#).characters,
        None
    );
    let speech = |body: &str, is_whole| {
        request_facts("/v1/audio/speech", b"", body.as_bytes(), is_whole).characters
    };
    assert_eq!(speech(r#"{"input":"Hello"}"#, true), Some(5));
    assert_eq!(speech(r#"{"input":"Hello""#, false), None);
    assert_eq!(speech(r#"{"input":"Hel"#, true), None);
}

#[test]
fn what_comes_before_a_cut_is_read() {
    let body = format!(
        "{{\"model\":\"m\",\"max_tokens\":5,\"x\":\"{}\"}}",
        "x".repeat(100_000)
    );
    let read = facts("/v1/x", &body);
    assert_eq!(
        (read.model.as_deref(), read.max_tokens),
        (Some("m"), Some(5))
    );
    let late = format!("{{\"x\":\"{}\",\"model\":\"m\"}}", "x".repeat(100_000));
    assert_eq!(facts("/v1/x", &late).model, None);
}

#[test]
fn forms_have_fields() {
    let kind = b"multipart/form-data; boundary=XX";
    let field = |name: &str, value: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let model = field("model", "whisper-1");
    for (body, expected) in [
        (format!("{model}--XX--\r\n"), Some("whisper-1")),
        (format!("{model}{file}binary"), Some("whisper-1")),
        (
            format!("{file}binary\r\n{model}--XX--\r\n"),
            Some("whisper-1"),
        ),
        (format!("{file}binary"), None),
        (field("model", &"x".repeat(2000)), None),
        ("nothing of the kind".to_owned(), None),
    ] {
        let facts = request_facts("/v1/audio/transcriptions", kind, body.as_bytes(), false);
        assert_eq!(facts.model.as_deref(), expected, "{body}");
    }
    let body = [
        field("n", "2"),
        field("stream", "true"),
        "--XX--\r\n".to_owned(),
    ]
    .concat();
    let facts = request_facts("/v1/images/edits", kind, body.as_bytes(), true);
    assert_eq!((facts.choices, facts.is_stream), (Some(2), Some(true)));
}

#[test]
fn an_estimate_of_the_input_is_rarely_too_low() {
    assert_eq!(estimated_input(0), 0);
    assert_eq!(estimated_input(1), 1);
    assert_eq!(estimated_input(3000), 1000);
}
