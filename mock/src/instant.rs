//! The one answer of `--instant`: head and body made once, written as they are.

use bytes::Bytes;

use crate::content;
use crate::json::{Json, Null, object};

/// A chat completion of about 1 KiB with its head.
pub(crate) fn response() -> Bytes {
    let message = object! { "role": "assistant", "content": content::text(150) };
    let choice = object! {
        "index": 0u8,
        "message": message,
        "logprobs": Null,
        "finish_reason": "stop",
    };
    let usage = object! {
        "prompt_tokens": 25u8, "completion_tokens": 150u8, "total_tokens": 175u8,
    };
    let Json(body) = object! {
        "id": "chatcmpl-instant",
        "object": "chat.completion",
        "created": 1_735_689_600u64,
        "model": "mock-instant",
        "choices": [choice],
        "usage": usage,
    };
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
    fn the_instant_answer_is_about_one_kibibyte() {
        let size = response().len();
        assert!((900..1400).contains(&size), "{size}");
    }
}
