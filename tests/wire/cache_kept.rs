//! Which 200s are stored: none with an error inside, and none that broke off.

use crate::support::{
    Gateway, Upstream,
    caching::{Ask, JSON, playing, status, statuses},
    eventually,
    routing::{LAST, STREAM, chunk, raw_response},
};

const CHAT: &str = "/v1/chat/completions";
const EMBEDDINGS: &str = "/v1/embeddings";
const RESPONSES: &str = "/v1/responses";
const IMAGES: &str = "/v1/images/generations";
const SPEECH: &str = "/v1/audio/speech";
const GEMINI: &str = "/v1/models/g:streamGenerateContent";
const TEXT: &str = "Content-Type: text/plain\r\n";
const ERROR: &str = r#"{"error":{"message":"no"}}"#;

/// Events, each in a chunk of its own, to a clean end.
fn stream(events: &[&str]) -> String {
    let chunks = events.iter().map(|it| chunk(&format!("data: {it}\n\n")));
    format!("{STREAM}{}{LAST}", chunks.collect::<String>())
}

/// Twice a miss, and why.
fn is_not_kept(name: &str, path: &'static str, upstream: &Upstream, reason: &str) {
    let gateway = Gateway::start();
    let ask = Ask {
        path,
        ..Ask::of(upstream)
    };
    assert_eq!(statuses(&gateway, [&ask, &ask]), ["MISS", "MISS"], "{name}");
    let refusals = format!("throughway_cache_refusals_total{{reason=\"{reason}\"}}");
    eventually(name, || gateway.metric(&refusals) == 2);
}

fn is_kept(name: &str, path: &'static str, response: String) {
    let (gateway, upstream) = (Gateway::start(), playing(response));
    let ask = Ask {
        path,
        ..Ask::of(&upstream)
    };
    let [first, again] = [&ask, &ask].map(|ask| ask.send(&gateway));
    assert_eq!([&first, &again].map(status), ["MISS", "HIT"], "{name}");
    assert_eq!(first.body, again.body, "{name}");
}

#[test]
fn an_error_in_a_200_is_not_stored_in_any_framing() {
    let unfinished = |status: &str| {
        let body = format!(r#"{{"id":"r","error":null,"output":[],"status":"{status}"}}"#);
        raw_response("200 OK", JSON, &body)
    };
    let late = format!(
        r#"{{"output":[{{"text":"{}"}}],"status":"incomplete"}}"#,
        "x".repeat(200_000)
    );
    for (name, path, response) in [
        ("as text", CHAT, raw_response("200 OK", TEXT, ERROR)),
        (
            "as another JSON",
            CHAT,
            raw_response("200 OK", "Content-Type: text/json\r\n", ERROR),
        ),
        ("without a type", CHAT, raw_response("200 OK", "", ERROR)),
        (
            "behind a mark",
            CHAT,
            raw_response("200 OK", JSON, &format!("\u{feff}\r\n{ERROR}")),
        ),
        (
            "speech",
            SPEECH,
            raw_response("200 OK", "Content-Type: audio/mpeg\r\n", ERROR),
        ),
        ("failed", RESPONSES, unfinished("failed")),
        ("queued", RESPONSES, unfinished("queued")),
        ("in progress", RESPONSES, unfinished("in_progress")),
        ("incomplete", RESPONSES, unfinished("incomplete")),
        ("cancelled", RESPONSES, unfinished("cancelled")),
        (
            "incomplete, at length",
            RESPONSES,
            raw_response("200 OK", JSON, &late),
        ),
    ] {
        is_not_kept(name, path, &playing(response), "error_body");
    }
    let begun = r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
    for (name, failed) in [
        (
            "a choice's error",
            r#"{"choices":[{"index":0,"delta":{},"error":{"code":502}}]}"#,
        ),
        (
            "a choice that ends in one",
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#,
        ),
    ] {
        let upstream = playing(stream(&[begun, failed, "[DONE]"]));
        is_not_kept(name, CHAT, &upstream, "error_event");
    }
}

#[test]
fn a_stream_without_its_last_event_is_not_stored() {
    for (name, path, events) in [
        (
            "an image",
            IMAGES,
            &[r#"{"type":"image_generation.partial_image","b64_json":"AA"}"#][..],
        ),
        (
            "an edit",
            IMAGES,
            &[r#"{"type":"image_edit.partial_image","b64_json":"AA"}"#],
        ),
        (
            "speech",
            SPEECH,
            &[r#"{"type":"speech.audio.delta","audio":"AA"}"#],
        ),
        (
            "one of two candidates",
            GEMINI,
            &[
                r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}},{"index":1}]}"#,
                r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            ],
        ),
    ] {
        is_not_kept(name, path, &playing(stream(events)), "no_terminal_event");
    }
}

#[test]
fn json_cut_by_a_close_is_not_stored() {
    for (path, body) in [
        (CHAT, r#"{"choices":[{"message":{"content":"on"#),
        (CHAT, "{\"choices\":[1,2],\n"),
        (EMBEDDINGS, "[0.1,0.2"),
    ] {
        let upstream = Upstream::playing(move |peer| {
            if peer.request().is_some() {
                peer.send(format!("HTTP/1.1 200 OK\r\n{JSON}\r\n{body}"));
            }
        });
        is_not_kept(body, path, &upstream, "truncated");
    }
}

#[test]
fn complete_responses_are_stored() {
    for (name, path, response) in [
        (
            "completed",
            RESPONSES,
            raw_response("200 OK", JSON, r#"{"output":[],"status":"completed"}"#),
        ),
        (
            "without a status",
            RESPONSES,
            raw_response("200 OK", JSON, r#"{"output":[]}"#),
        ),
        (
            "another's status",
            CHAT,
            raw_response("200 OK", JSON, r#"{"choices":[],"status":"queued"}"#),
        ),
        (
            "content beside an error",
            CHAT,
            raw_response("200 OK", TEXT, r#"{"choices":[],"error":{}}"#),
        ),
        ("sound", SPEECH, raw_response("200 OK", TEXT, "on and on")),
        (
            "white space after JSON",
            CHAT,
            raw_response("200 OK", JSON, "\u{feff}{\"choices\":[]}\r\n"),
        ),
        (
            "an image",
            IMAGES,
            stream(&[
                r#"{"type":"image_generation.partial_image","b64_json":"AA"}"#,
                r#"{"type":"image_generation.completed","b64_json":"AA"}"#,
            ]),
        ),
        (
            "speech",
            SPEECH,
            stream(&[
                r#"{"type":"speech.audio.delta","audio":"AA"}"#,
                r#"{"type":"speech.audio.done"}"#,
            ]),
        ),
        (
            "two candidates",
            GEMINI,
            stream(&[
                r#"{"candidates":[{"finishReason":"STOP"},{"index":1}]}"#,
                r#"{"candidates":[{"index":1,"finishReason":"STOP"}]}"#,
            ]),
        ),
        (
            "a choice without an error",
            CHAT,
            stream(&[
                r#"{"choices":[{"delta":{},"error":null,"finish_reason":"stop"}]}"#,
                "[DONE]",
            ]),
        ),
    ] {
        is_kept(name, path, response);
    }
}

#[test]
fn a_200_that_does_not_fit_its_route_is_not_stored_for_a_named_reason() {
    for (name, path, response, reason) in [
        (
            "text",
            CHAT,
            raw_response("200 OK", TEXT, "on and on"),
            "unusable_response",
        ),
        (
            "nothing",
            CHAT,
            raw_response("200 OK", JSON, ""),
            "unusable_response",
        ),
        (
            "white space",
            CHAT,
            raw_response("200 OK", JSON, &" ".repeat(200_000)),
            "unusable_response",
        ),
        (
            "a page",
            RESPONSES,
            raw_response("200 OK", "Content-Type: text/html\r\n", "<html>wait</html>"),
            "unusable_response",
        ),
        (
            "an end alone",
            CHAT,
            stream(&["[DONE]"]),
            "unusable_response",
        ),
        (
            "an unknown coding",
            CHAT,
            raw_response(
                "200 OK",
                &format!("{JSON}Content-Encoding: zstd\r\n"),
                ERROR,
            ),
            "encoded_response",
        ),
        (
            "no such coding",
            CHAT,
            raw_response("200 OK", &format!("{JSON}Content-Encoding: br\r\n"), ERROR),
            "encoded_response",
        ),
    ] {
        is_not_kept(name, path, &playing(response), reason);
    }
}
