//! Counts that cannot be, and bodies that are not what they seem: what can be used is used, and the
//! flaw is told.

use actix_http::header::{self, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::sample::{self, Sample};

fn json_body(body: &str) -> Value {
    sample::chat("application/json", body.as_bytes()).read_at_once()
}

fn unknown() -> Value {
    json!({"usage": {"source": "unknown"}})
}

/// A reading with this usage and flaw.
fn flawed(flaw: &str, mut usage: Value) -> Value {
    let source = match usage.as_object().unwrap().is_empty() {
        true => "unknown",
        false => "reported",
    };
    usage["source"] = source.into();
    json!({"flaw": flaw, "usage": usage})
}

#[test]
fn counts_that_cannot_be_are_left_out() {
    for (usage, expected) in [
        (
            r#"{"prompt_tokens":-5,"completion_tokens":3}"#,
            flawed("not_a_count", json!({"output": 3})),
        ),
        (
            r#"{"prompt_tokens":5,"completion_tokens":3.5}"#,
            flawed("not_a_count", json!({"input": 5})),
        ),
        (
            r#"{"prompt_tokens":1099511627777,"completion_tokens":1}"#,
            flawed("not_a_count", json!({"output": 1})),
        ),
        (
            r#"{"prompt_tokens":"12","completion_tokens":true}"#,
            flawed("not_a_count", json!({})),
        ),
        (
            r#"{"prompt_tokens":{"a":[1]},"completion_tokens":[2]}"#,
            flawed("not_a_count", json!({})),
        ),
        (
            r#"{"prompt_tokens":5,"completion_tokens":3,"cost":-1}"#,
            flawed("not_a_count", json!({"input": 5, "output": 3})),
        ),
        (
            r#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":6}}"#,
            flawed("contradiction", json!({"input": 5})),
        ),
        (
            r#"{"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":6}}"#,
            flawed("contradiction", json!({"output": 5})),
        ),
        (
            r#"{"prompt_tokens":5,"completion_tokens":3,"total_tokens":2}"#,
            flawed("contradiction", json!({"input": 5, "output": 3})),
        ),
        (
            r#"{"prompt_tokens":5,"prompt_tokens_details":{"audio_tokens":6}}"#,
            flawed("contradiction", json!({"input": 5})),
        ),
        (
            r#"{"input_tokens":1,"cache_creation_input_tokens":3,
                "cache_creation":{"ephemeral_1h_input_tokens":4}}"#,
            flawed("contradiction", json!({"input": 4, "cache_write": 3})),
        ),
    ] {
        let read = json_body(&format!("{{\"usage\":{usage}}}"));
        assert_eq!(read, expected, "{usage}");
    }
}

#[test]
fn zero_is_a_report_and_null_is_none() {
    let zero = json!({"usage": {"source": "reported", "input": 0, "output": 0}});
    let usage = r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#;
    let text = r#""choices":[{"message":{"content":"Some text"}}]"#;
    assert_eq!(json_body(&format!("{{\"usage\":{usage},{text}}}")), zero);
    let estimated = json!({"usage": {"source": "estimated", "output": 3}});
    for usage in [
        "null",
        "{}",
        "{\"completion_tokens\":null}",
        "\"many\"",
        "[1]",
        "7",
    ] {
        assert_eq!(
            json_body(&format!("{{{text},\"usage\":{usage}}}")),
            estimated,
            "{usage}"
        );
    }
}

#[test]
fn the_last_of_several_reports_holds() {
    for body in [
        r#"{"usage":{"prompt_tokens":1,"completion_tokens":9},"usage":{"prompt_tokens":2}}"#,
        r#"{"usage":{"prompt_tokens":1,"prompt_tokens":2,"completion_tokens":9}}"#,
        "{\"usage\":{\"prompt_tokens\":1}}\n{\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":9}}",
    ] {
        let expected = json!({"usage": {"source": "reported", "input": 2, "output": 9}});
        assert_eq!(json_body(body), expected, "{body}");
    }
}

#[test]
fn usage_elsewhere_does_not_count() {
    let usage = r#"{"prompt_tokens":1,"completion_tokens":2}"#;
    for body in [
        format!("{{\"tools\":{{\"usage\":{usage}}}}}"),
        format!("{{\"error\":[{{\"usage\":{usage}}}]}}"),
        format!("[[{{\"a\":{{\"usage\":{usage}}}}}]]"),
        format!("{{\"data\":[{{\"usage\":{usage}}}]}}"),
        format!("{{\"note\":{}}}", json!(format!("\"usage\":{usage}"))),
        format!("{{\"note\\\":{{\":1,\"x\":\"\\\"usage\\\":{}\"}}", 1),
    ] {
        assert_eq!(json_body(&body), unknown(), "{body}");
    }
}

#[test]
fn keys_may_be_escaped() {
    let body = "{\"\\u0075sage\":{\"prompt_tokens\":1,\"completion\\u005ftokens\":2}}";
    let expected = json!({"usage": {"source": "reported", "input": 1, "output": 2}});
    assert_eq!(json_body(body), expected);
}

#[test]
fn broken_bodies_are_told_and_cut_ones_are_not() {
    let seen = r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}"#;
    let read = json!({"source": "reported", "input": 1, "output": 2});
    for (body, is_whole, flaw) in [
        (format!("{seen}}}"), true, Value::Null),
        (seen.to_owned(), true, "malformed".into()),
        (seen.to_owned(), false, Value::Null),
        (format!("{seen} oops"), true, "malformed".into()),
        (format!("{seen},\"a\":}}"), true, "malformed".into()),
        (format!("{seen}]"), true, "malformed".into()),
        (format!("{seen},,\"a\" 1}}"), true, "malformed".into()),
        (format!("{seen}}} and more"), true, Value::Null),
    ] {
        let mut sample = sample::chat("application/json", body.as_bytes());
        sample.is_whole = is_whole;
        let found = sample.read_at_once();
        assert_eq!(found["usage"], read, "{body}");
        assert_eq!(found.get("flaw").unwrap_or(&Value::Null), &flaw, "{body}");
    }
}

#[test]
fn names_are_texts_of_a_sensible_length() {
    let long = "m".repeat(300);
    for (body, expected) in [
        (r#"{"model":"m","model":"n"}"#.to_owned(), json!("m")),
        (r#"{"model":"","modelVersion":"n"}"#.to_owned(), json!("n")),
        (r#"{"model":"\u00e9\"x"}"#.to_owned(), json!("é\"x")),
        (r#"{"model":5}"#.to_owned(), Value::Null),
        (r#"{"model":{"a":1}}"#.to_owned(), Value::Null),
        (format!("{{\"model\":\"{long}\"}}"), Value::Null),
    ] {
        let read = json_body(&body);
        assert_eq!(
            read.get("model").unwrap_or(&Value::Null),
            &expected,
            "{body}"
        );
    }
    let read = sample::chat("application/json", b"{\"model\":\"\xff\xfe\"}").read_at_once();
    assert_eq!(read, unknown());
}

#[test]
fn deep_and_long_bodies_are_read_to_their_usage() {
    let usage = r#""usage":{"prompt_tokens":1,"completion_tokens":2}"#;
    let read = json!({"usage": {"source": "reported", "input": 1, "output": 2}});
    for (open, close) in [("[", "]"), ("{\"message\":", "}")] {
        for key in ["x", "output", "content"] {
            let (open, close) = (open.repeat(10_000), close.repeat(10_000));
            let body = format!("{{\"{key}\":{open}0{close},{usage}}}");
            assert_eq!(json_body(&body), read, "{key}");
        }
    }
    let numbers = "0.1,".repeat(1 << 20);
    assert_eq!(
        json_body(&format!("{{\"data\":[{numbers}0],{usage}}}")),
        read
    );
}

#[test]
fn codings_that_are_not_decoded_are_told() {
    let body = br#"{"usage":{"prompt_tokens":1}}"#;
    for (coding, flaw) in [("gzip, br", "unknown_coding"), ("gzip", "malformed")] {
        let mut sample = sample::chat("application/json", body);
        let value = HeaderValue::from_static(coding);
        sample.headers.insert(header::CONTENT_ENCODING, value);
        assert_eq!(sample.read_at_once(), flawed(flaw, json!({})), "{coding}");
    }
}

#[test]
fn lies_in_headers_are_told() {
    for (name, value, expected) in [
        ("x-gateway-cost", "-1", flawed("not_a_count", json!({}))),
        ("x-gateway-cost", "nan", flawed("not_a_count", json!({}))),
        ("x-gateway-cost", "", unknown()),
        ("x-litellm-response-cost", "None", unknown()),
        (
            "x-gateway-cost",
            "1.5e-05",
            json!({"usage": {"source": "reported", "upstream_cost": "0.000015"}}),
        ),
    ] {
        let mut sample = sample::chat("application/json", b"{}");
        let name = HeaderName::from_static(name);
        sample.headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(sample.read_at_once(), expected, "{value}");
    }
}

/// A response that has usage, if it is read at all.
fn with(change: fn(&mut Sample)) -> Sample {
    let body = br#"{"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let mut sample = sample::chat("application/json", body);
    change(&mut sample);
    sample
}

fn set_type(sample: &mut Sample, value: &'static str) {
    sample
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
}

#[test]
fn only_bodies_that_may_have_usage_are_read() {
    let is_read = |change: fn(&mut Sample)| with(change).reader().is_some();
    assert!(is_read(|_| {}));
    assert!(is_read(|it| it.status = 429));
    assert!(is_read(|it| it.headers.clear()));
    assert!(is_read(|it| set_type(it, "text/plain; charset=utf-8")));
    assert!(!is_read(|it| it.status = 204));
    assert!(!is_read(|it| it.status = 302));
    assert!(!is_read(|it| set_type(it, "text/html")));
    assert!(!is_read(|it| set_type(it, "audio/mpeg")));
    assert!(!is_read(|it| set_type(it, "application/octet-stream")));
    assert!(!is_read(|it| it.method = "GET".to_owned()));
    assert!(!is_read(
        |it| it.path = "/v1/batches/batch_1/cancel".to_owned()
    ));
}
