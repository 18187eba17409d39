//! Decides whether a body of the Responses API states that it is not completed.

use crate::json_edit;

/// It has a status other than `completed`. Each duplicate counts; null is not a status.
pub fn says_not_completed(body: &[u8]) -> bool {
    let mut not_completed = false;
    let read = json_edit::each_entry(body, |key, value| {
        not_completed |= key == "status" && value != "null" && !is_completed(value);
    });
    read.is_ok() && not_completed
}

/// Compares after decoding escapes.
fn is_completed(value: &str) -> bool {
    serde_json::from_str::<String>(value).is_ok_and(|text| text == "completed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_top_level_status_counts_at_any_position() {
        let long = format!(
            r#"{{"output":[{{"text":"{}"}}],"status":"incomplete"}}"#,
            "x".repeat(1 << 20)
        );
        for (body, expected) in [
            (r#"{"status":"completed"}"#, false),
            (r#"{"status":"failed"}"#, true),
            (r#"{"status":"queued","output":[]}"#, true),
            (r#"{"output":[],"status" : "in_progress" }"#, true),
            (r#"{"a":"b","status":"incomplete","c":1}"#, true),
            (r#"{"status":"cancelled"}"#, true),
            (&long, true),
            (r#"{"id":"r"}"#, false),
            (r#"{}"#, false),
            (r#"{"status":null}"#, false),
            (r#"{"status":500}"#, true),
            (r#"{"status":{"status":"completed"}}"#, true),
            (r#"{"status":[]}"#, true),
            (r#"{"st\u0061tus":"failed"}"#, true),
            (r#"{"status":"complet\u0065d"}"#, false),
            (r#"{"status":"completed","status":"failed"}"#, true),
            (r#"{"status":"failed","status":"completed"}"#, true),
            // The status of a nested object.
            (
                r#"{"output":[{"status":"incomplete"}],"status":"completed"}"#,
                false,
            ),
            (r#"{"metadata":{"status":"failed"}}"#, false),
            (r#"{"text":"\"status\":\"failed\""}"#, false),
            (r#"{"text":"\\","status":"failed"}"#, true),
            (r#"{"text":"}","status":"failed"}"#, true),
            (r#"{"a":"status","b":"failed"}"#, false),
            (r#"{"status":"completed"} {"status":"failed"}"#, false),
            // Truncated inside the status.
            (r#"{"status":"fail"#, false),
        ] {
            let shown = &body[..body.len().min(80)];
            assert_eq!(says_not_completed(body.as_bytes()), expected, "{shown}");
        }
    }
}
