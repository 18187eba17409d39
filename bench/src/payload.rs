//! The bytes that both sides agree on: a chat request of exactly 1 KiB, its response, and the
//! requests around them.

/// Size of the JSON body of every chat request, in bytes.
pub const REQUEST_BODY: usize = 1024;
/// Read buffer of a connection that carries small messages.
pub const SMALL_BUFFER: usize = 16 * 1024;
/// Read buffer and write block of a bulk transfer.
pub const BULK_BUFFER: usize = 256 * 1024;

const COMPLETION: &str = concat!(
    r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"#,
    r#""model":"bench-model","choices":[{"index":0,"message":{"role":"assistant","#,
    r#""content":"The quick brown fox jumps over the lazy dog."},"#,
    r#""logprobs":null,"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":210,"completion_tokens":10,"total_tokens":220}}"#
);

/// Length of the instant response's body, which every client checks.
pub const RESPONSE_LENGTH: u64 = COMPLETION.len() as u64;

/// The whole instant response, head and body.
pub fn completion() -> Vec<u8> {
    json_response(COMPLETION)
}

/// A 200 with a JSON body.
pub fn json_response(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n\
         {body}"
    )
    .into_bytes()
}

/// A chat request; `query` tells the upstream to stream, `headers` are whole lines.
pub fn chat_request(
    target: impl std::fmt::Display,
    query: &str,
    headers: &str,
    stream: bool,
) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/chat/completions{query} HTTP/1.1\r\nHost: {target}\r\n\
         Authorization: Bearer sk-bench-0123456789abcdef\r\n\
         Content-Type: application/json\r\nAccept: {}\r\n\
         {headers}Content-Length: {REQUEST_BODY}\r\n\r\n",
        if stream {
            "text/event-stream"
        } else {
            "application/json"
        },
    );
    request.push_str(&chat_body(stream));
    request.into_bytes()
}

const END: &str = r#""}]}"#;
/// Bytes of a chat request after its prompt.
pub const PROMPT_END: usize = END.len();

fn chat_body(stream: bool) -> String {
    let start = format!(
        "{{\"model\":\"bench-model\",\"stream\":{stream},\"temperature\":0.7,\"messages\":[\
         {{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}},\
         {{\"role\":\"user\",\"content\":\""
    );
    let end = END;
    let words = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. "
        .chars()
        .cycle();
    let padding: String = words.take(REQUEST_BODY - start.len() - end.len()).collect();
    format!("{start}{padding}{end}")
}
