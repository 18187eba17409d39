//! Responses of many kinds of servers.

use crate::dialect::{Generates, Media};

/// Valid responses, with their route and media type.
pub const RESPONSES: &[(Generates, Media, &str)] = &[
    (
        Generates::Completion,
        Media::Json,
        r#"{"id":"c","object":"chat.completion","choices":[]}"#,
    ),
    (
        Generates::Completion,
        Media::Html,
        " \n\n {\"choices\":[{\"text\":\"a\"}]}",
    ),
    (
        Generates::Completion,
        Media::Json,
        r#"{"error":{"message":"partial"},"choices":[{"text":"a"}]}"#,
    ),
    (
        Generates::Completion,
        Media::Json,
        r#"{"error":null,"detail":null,"choices":[]}"#,
    ),
    (
        Generates::Completion,
        Media::Json,
        r#"{"x":"\ud83d","choices":[]}"#,
    ),
    // An event stream under another media type.
    (
        Generates::Completion,
        Media::Json,
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        Generates::Embedding,
        Media::Json,
        r#"{"object":"list","data":[{"embedding":[0.1]}]}"#,
    ),
    // Ollama, Cohere, llama.cpp, TEI.
    (Generates::Embedding, Media::Json, r#"{"embedding":[0.1]}"#),
    (
        Generates::Embedding,
        Media::Json,
        r#"{"embeddings":{"float":[[0.1]]}}"#,
    ),
    (
        Generates::Embedding,
        Media::Json,
        r#"[{"index":0,"embedding":[[0.1]]}]"#,
    ),
    (Generates::Embedding, Media::Json, "[[0.1,0.2]]"),
    (
        Generates::Response,
        Media::Json,
        r#"{"object":"response","status":"queued","output":[]}"#,
    ),
    (
        Generates::Response,
        Media::Json,
        r#"{"status":"failed","error":{"code":"x"},"output":[{}]}"#,
    ),
    (
        Generates::Message,
        Media::Json,
        r#"{"type":"message","role":"assistant","content":[]}"#,
    ),
    (
        Generates::Content,
        Media::Json,
        r#"{"candidates":[{"content":{}}]}"#,
    ),
    (
        Generates::Content,
        Media::Json,
        r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
    ),
    (
        Generates::Content,
        Media::Json,
        "[{\"candidates\":[]}\n,\r\n{\"candidates\":[]}]",
    ),
    (
        Generates::ContentEmbedding,
        Media::Json,
        r#"{"embedding":{"values":[0.1]}}"#,
    ),
    (
        Generates::ContentEmbedding,
        Media::Json,
        r#"{"embeddings":[{"values":[0.1]}]}"#,
    ),
    (Generates::Prediction, Media::Json, r#"{"predictions":[]}"#),
    (
        Generates::RawPrediction,
        Media::Json,
        r#"{"type":"message","content":[]}"#,
    ),
    (
        Generates::Ranking,
        Media::Json,
        r#"{"results":[{"index":0,"relevance_score":0.1}]}"#,
    ),
    (
        Generates::Ranking,
        Media::Json,
        r#"{"object":"list","data":[]}"#,
    ),
    (
        Generates::Ranking,
        Media::Json,
        r#"[{"index":0,"score":0.1}]"#,
    ),
    (
        Generates::Moderation,
        Media::Json,
        r#"{"id":"m","results":[{"flagged":false}]}"#,
    ),
    (
        Generates::Image,
        Media::Json,
        r#"{"created":1,"data":[{"b64_json":"AA"}]}"#,
    ),
    (
        Generates::Image,
        Media::Events,
        "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}\n\n",
    ),
    (Generates::Speech, Media::Other, "ID3sound"),
    (Generates::Speech, Media::Other, "<sound, not a page"),
    (Generates::Speech, Media::Other, "{sound"),
    (Generates::Speech, Media::Other, "nullsound"),
    (Generates::Speech, Media::Json, r#"{"audioContent":"AA"}"#),
    (
        Generates::Speech,
        Media::Events,
        "data: {\"type\":\"speech.audio.delta\",\"audio\":\"AA\"}\n\n",
    ),
    (Generates::Transcription, Media::Json, r#"{"text":""}"#),
    (
        Generates::Transcription,
        Media::Json,
        r#"{"task":"transcribe","segments":[]}"#,
    ),
    (Generates::Transcription, Media::Other, " [BLANK_AUDIO]\n"),
    (Generates::Transcription, Media::Other, "\n"),
    (
        Generates::Transcription,
        Media::Other,
        "data: that is what was said",
    ),
    (
        Generates::Transcription,
        Media::Other,
        "1\n00:00:00,000 --> 00:00:01,000\nHello",
    ),
    (
        Generates::Transcription,
        Media::Events,
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n",
    ),
    (
        Generates::Transcription,
        Media::Events,
        "data: {\"object\":\"transcription.chunk\",\
         \"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        Generates::CohereChat,
        Media::Json,
        r#"{"id":"c","message":{"role":"assistant","content":[]}}"#,
    ),
    (
        Generates::CohereChat,
        Media::Json,
        r#"{"text":"a","generation_id":"g"}"#,
    ),
    (
        Generates::CohereChat,
        Media::Lines,
        "{\"event_type\":\"stream-start\"}\n{\"event_type\":\"stream-end\"}\n",
    ),
    (
        Generates::CohereChat,
        Media::Events,
        "data: {\"type\":\"message-start\"}\n\ndata: {\"type\":\"message-end\"}\n\n",
    ),
    // Azure's filter results, usage, heartbeats, and what a proxy sends before the response.
    (
        Generates::Completion,
        Media::Events,
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        Generates::Completion,
        Media::Events,
        ": PROCESSING\n\ndata: {\"sources\":[1]}\n\n\
         data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n",
    ),
    (
        Generates::Message,
        Media::Events,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n\
         event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    (
        Generates::Response,
        Media::Events,
        "data: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}\n\n",
    ),
    (
        Generates::Content,
        Media::Events,
        "data: {\"usageMetadata\":{\"a\":1}}\n\n\
         data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n",
    ),
    (
        Generates::Embedding,
        Media::Events,
        "data: {\"anything\":1}\n\n",
    ),
    // llama.cpp without `/v1`, Qianfan, the Llama API, empty `error` members, heartbeats with a
    // text, MiniMax, the beginning of a Gemini array, Vertex AI, Together, whisper.cpp, Reka.
    (
        Generates::Completion,
        Media::Json,
        "{\"index\":0,\"content\":\"a\",\"tokens\":[],\"stop\":true}",
    ),
    (
        Generates::Completion,
        Media::Json,
        "[{\"index\":0,\"content\":\"a\"},{\"index\":1,\"content\":\"\"}]",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"index\":0,\"content\":\"a\",\"stop\":false}\n\n\
         data: {\"content\":\"\",\"stop\":true}\n\n",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"content\":\"\",\"stop\":false}\n\ndata: {\"content\":\"\",\"stop\":true}\n\n",
    ),
    (
        Generates::Completion,
        Media::Json,
        "{\"id\":\"as-1\",\"object\":\"chat.completion\",\"result\":\"a\"}",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"object\":\"chat.completion\",\"result\":\"a\",\"is_end\":false}\n\n",
    ),
    (
        Generates::Completion,
        Media::Json,
        "{\"id\":\"a\",\"completion_message\":{\"role\":\"assistant\",\"content\":\"a\"}}",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"event\":{\"event_type\":\"start\",\"delta\":{\"text\":\"\",\
         \"type\":\"text\"}}}\n\ndata: {\"event\":{\"event_type\":\"progress\",\
         \"delta\":{\"text\":\"a\",\"type\":\"text\"}}}\n\n",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"error\":\"\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        Generates::Completion,
        Media::Events,
        "data: {\"error\":{},\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        Generates::Completion,
        Media::Events,
        "event: ping\ndata: 2026-01-01\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        Generates::Completion,
        Media::Json,
        "{\"choices\":[{\"finish_reason\":\"error\"},{\"finish_reason\":\"stop\"}]}",
    ),
    (Generates::Embedding, Media::Json, "[0.1,0.2]"),
    (
        Generates::Embedding,
        Media::Json,
        "{\"vectors\":[[0.1]],\"base_resp\":{\"status_code\":0}}",
    ),
    (
        Generates::Content,
        Media::Json,
        "[{\"usageMetadata\":{\"a\":1}},\n{\"candidates\":[{\"finishReason\":\"STOP\"}]}",
    ),
    (
        Generates::Prediction,
        Media::Json,
        "{\"predictions\":{\"choices\":[{\"message\":{\"content\":\"a\"}}]}}",
    ),
    (
        Generates::RawPrediction,
        Media::Json,
        "{\"pages\":[{\"index\":0,\"markdown\":\"a\"}],\"usage_info\":{}}",
    ),
    (
        Generates::RawPrediction,
        Media::Json,
        "{\"input_tokens\":14}",
    ),
    (
        Generates::Speech,
        Media::Events,
        "data: {\"object\":\"audio.tts.chunk\",\"b64\":\"AA\"}\n\ndata: [DONE]\n\n",
    ),
    (
        Generates::Speech,
        Media::Events,
        "data: {\"type\":\"conversation.item.audio_output.delta\",\"delta\":\"AA\"}\n\n",
    ),
    (
        Generates::Transcription,
        Media::Html,
        " And so, my fellow Americans\n",
    ),
    (
        Generates::CohereChat,
        Media::Json,
        "{\"id\":\"r\",\"responses\":[{\"message\":{\"content\":\"a\"}}]}",
    ),
];
