//! `timeouts.first_token`: what starts and stops it, what counts as a token in each dialect, and
//! what is held back meanwhile.

use std::time::Duration;

use crate::support::{
    Gate, Gateway, Upstream,
    client::End,
    routing::{STREAM, base, chat, chunk, completion, config_line, json, token},
};

const LIMIT: u64 = 500;
const LATE: Duration = Duration::from_millis(1700);
const STREAMING: &str = r#"{"model":"m","stream":true}"#;

/// A fallback to a second target; the first has a limit for its first token.
fn two(first: &Upstream, second: &Upstream) -> String {
    config_line(&format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}","timeouts":{{"first_token":{LIMIT}}}}},{{"custom_host":"{}"}}]}}"#,
        base(first),
        base(second)
    ))
}

fn one(upstream: &Upstream) -> String {
    config_line(&format!(
        r#"{{"custom_host":"{}","timeouts":{{"first_token":{LIMIT}}}}}"#,
        base(upstream)
    ))
}

/// Sends this at once and the rest late.
fn saying_then_late(first: String, rest: String) -> Upstream {
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            peer.send(&first);
            peer.pause(LATE);
            peer.send(&rest);
        }
    })
}

fn to(path: &str, request: String) -> String {
    request.replacen("/v1/chat/completions", path, 1)
}

#[test]
fn only_stream_requests_start_the_first_token_timeout() {
    let second = Upstream::named("second");
    for (path, lines, body, armed) in [
        ("/v1/chat/completions", "", STREAMING, true),
        (
            "/v1/chat/completions",
            "",
            r#"{"messages":[{"stream":false}], "stream" : true }"#,
            true,
        ),
        ("/v1/x", "Accept: text/event-stream\r\n", "", true),
        ("/v1/models/g:streamGenerateContent", "", "{}", true),
        ("/v1/models/g:generateContent?alt=sse", "", "{}", true),
        ("/v1/chat/completions", "", r#"{"stream":false}"#, false),
        (
            "/v1/chat/completions",
            "",
            r#"{"x":{"stream":true}}"#,
            false,
        ),
        ("/v1/chat/completions", "", r#"{"stream":"true"}"#, false),
        ("/v1/chat/completions", "", "", false),
        (
            "/v1/chat/completions",
            "Accept: application/json\r\n",
            "{}",
            false,
        ),
    ] {
        let first = saying_then_late(String::new(), json("200 OK", &completion("first")));
        let request = to(path, chat(&(two(&first, &second) + lines), body));
        let response = Gateway::start().exchange(request);
        let from = if armed { "second" } else { "first" };
        assert_eq!(
            response.seen(),
            (200, completion(from)),
            "{path} {lines} {body}"
        );
    }
}

#[test]
fn a_response_that_is_no_stream_stops_the_first_token_timeout() {
    let body = completion("first");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let first = saying_then_late(head, body);
    let second = Upstream::named("second");
    let response = Gateway::start().exchange(chat(&two(&first, &second), STREAMING));
    assert_eq!(response.seen(), (200, completion("first")));
    assert_eq!(second.count(), 0);
}

#[test]
fn on_the_last_target_a_timeout_before_the_head_is_a_504() {
    let upstream = saying_then_late(String::new(), json("200 OK", "{}"));
    let response = Gateway::start().exchange(chat(&one(&upstream), STREAMING));
    assert_eq!(
        (response.status, response.error()),
        (504, Some("upstream_timeout"))
    );
}

#[test]
fn on_the_last_target_nothing_is_held_back_and_a_timeout_after_the_head_aborts() {
    let seen = Gate::default();
    let opened = seen.clone();
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(STREAM.to_owned() + &chunk(": hold on\n\n"));
        seen.passed();
        peer.fall_silent();
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(chat(&one(&upstream), STREAMING));
    client.wait_for(b": hold on");
    opened.open();
    let response = client.response();
    assert_eq!(
        (response.seen(), response.end),
        ((200, ": hold on\n\n".to_owned()), End::CutShort)
    );
}

/// Events that are no token: more is needed within the limit.
const NO_TOKENS: &[(&str, &str)] = &[
    ("a comment", ": ping\n\n"),
    (
        "a role alone",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n",
    ),
    (
        "empty content",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\
         \n",
    ),
    (
        "Anthropic's opening",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"x\",\
         \"content\":[]}}\n\n\
         event: ping\ndata: {\"type\":\"ping\"}\n\n",
    ),
    (
        "the opening of Responses",
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\
         \"output\":[]}}\n\n",
    ),
];

#[test]
fn events_before_the_first_token_are_held_back() {
    for (what, events) in NO_TOKENS {
        let first = saying_then_late(
            STREAM.to_owned() + &chunk(events),
            chunk(&token(0)) + "0\r\n\r\n",
        );
        let second = Upstream::named("second");
        let response = Gateway::start().exchange(chat(&two(&first, &second), STREAMING));
        assert_eq!(response.seen(), (200, completion("second")), "{what}");
        assert_eq!(response.option(), "config.targets[1]", "{what}");
        assert_eq!((first.count(), second.count()), (1, 1), "{what}");
    }
}

/// Events that hold a first token, in each dialect.
const TOKENS: &[(&str, &str)] = &[
    (
        "chat",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    ),
    (
        "chat, reasoning",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"a\"}}]}\n\n",
    ),
    (
        "chat, a tool",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\
         \"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n",
    ),
    (
        "chat, a refusal",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"no\"}}]}\n\n",
    ),
    (
        "Responses",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\
         \"delta\":\"a\"}\n\n",
    ),
    (
        "Anthropic",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    ),
    (
        "Anthropic, thinking",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"a\"}}\n\n",
    ),
    (
        "Gemini",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}],\"role\":\"model\"}}]}\n\
         \n",
    ),
];

#[test]
fn a_first_token_releases_what_was_held_back_and_stops_the_timeout() {
    for (what, event) in TOKENS {
        let seen = Gate::default();
        let opened = seen.clone();
        let held = ": held\n\n";
        let first = Upstream::playing(move |peer| {
            peer.request();
            peer.send(STREAM.to_owned() + &chunk(held));
            peer.send(chunk(event));
            seen.passed();
            peer.pause(LATE);
            peer.send(chunk("data: [DONE]\n\n") + "0\r\n\r\n");
        });
        let second = Upstream::named("second");
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(chat(&two(&first, &second), STREAMING));
        client.wait_for(event.as_bytes());
        opened.open();
        let response = client.response();
        let whole = format!("{held}{event}data: [DONE]\n\n");
        assert_eq!(response.seen(), (200, whole), "{what}");
        assert_eq!((response.end, second.count()), (End::Complete, 0), "{what}");
    }
}

#[test]
fn no_more_than_64_kib_are_held_back() {
    let seen = Gate::default();
    let opened = seen.clone();
    let comments = ": filler that is no token\n\n".repeat(4000);
    let sent = comments.clone();
    let first = Upstream::playing(move |peer| {
        peer.request();
        peer.send(STREAM.to_owned() + &chunk(&sent));
        seen.passed();
        peer.send(chunk(&token(0)) + "0\r\n\r\n");
    });
    let second = Upstream::named("second");
    let gateway = Gateway::start();
    let config =
        two(&first, &second).replace(&format!("\"first_token\":{LIMIT}"), "\"first_token\":8000");
    let mut client = gateway.client();
    client.send(chat(&config, STREAMING));
    client.wait_for(b": filler");
    opened.open();
    assert_eq!(client.response().seen(), (200, comments + &token(0)));
    assert_eq!(second.count(), 0);
}
