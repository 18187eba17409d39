//! The single response of `--instant`: its head and body are made once and sent unchanged.

use bytes::Bytes;
use serde_json::json;

use crate::content;

/// A chat completion of about 1 KiB with its head.
pub(crate) fn response() -> Bytes {
    let body = json!({
        "id": "chatcmpl-instant",
        "object": "chat.completion",
        "created": 1_735_689_600,
        "model": "mock-instant",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content::text(150) },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 25, "completion_tokens": 150, "total_tokens": 175 },
    })
    .to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-request-id: req_instant\r\n\r\n",
        body.len()
    );
    Bytes::from(head + &body)
}

#[cfg(test)]
mod tests {
    use super::response;

    #[test]
    fn the_instant_response_is_about_one_kibibyte() {
        let size = response().len();
        assert!((900..1400).contains(&size), "{size}");
    }
}
