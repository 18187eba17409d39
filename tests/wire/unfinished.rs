//! Streams that end cleanly without the last event of their dialect: relayed, counted and logged;
//! aborted with `strict_end`.

use crate::support::{
    Gateway, Process, Upstream,
    client::End,
    eventually,
    routing::{LAST, STREAM, base, chat, chunk, config_line, token, tokens},
};

const BODY: &str = r#"{"model":"m","stream":true}"#;
const CACHED: &str = "x-gateway-cache: true\r\n";

fn counted(gateway: &Gateway, outcome: &str) -> i64 {
    gateway.metric(&format!(
        "throughway_requests_total{{outcome=\"{outcome}\"}}"
    ))
}

fn chunked(events: &str) -> String {
    format!("{STREAM}{}{LAST}", chunk(events))
}

fn sized(events: &str) -> String {
    let length = events.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {length}\r\n\r\n\
         {events}"
    )
}

#[test]
fn a_stream_without_its_last_event_is_relayed_and_counted() {
    let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let done = format!("{}data: [DONE]", tokens(2));
    let error = format!("{}data: {{\"error\":{{}}}}\n\n", tokens(2));
    for (what, path, events, outcome) in [
        ("cut", "/v1/chat/completions", tokens(2), "unfinished"),
        (
            "finish alone",
            "/v1/chat/completions",
            finish.to_owned(),
            "unfinished",
        ),
        ("whole", "/v1/chat/completions", done, "relayed"),
        ("an error", "/v1/chat/completions", error, "relayed"),
        (
            "another dialect",
            "/v1/chat/completions",
            "event: message_stop\ndata: {}\n\n".to_owned(),
            "relayed",
        ),
        ("no route that generates", "/v1/watch", tokens(2), "relayed"),
        ("nothing", "/v1/messages", String::new(), "unfinished"),
    ] {
        for framed in [chunked, sized] {
            for cache in ["", CACHED] {
                let upstream = Upstream::responding(match events.is_empty() {
                    true => format!("{STREAM}{LAST}"),
                    false => framed(&events),
                });
                let gateway = Gateway::start();
                let lines = format!("x-gateway-custom-host: {}\r\n{cache}", base(&upstream));
                let request = chat(&lines, BODY).replacen("/v1/chat/completions", path, 1);
                let response = gateway.exchange(request);
                assert_eq!(
                    (response.seen(), response.end),
                    ((200, events.clone()), End::Complete),
                    "{what}"
                );
                eventually(what, || counted(&gateway, outcome) == 1);
            }
        }
    }
}

#[test]
fn with_strict_end_a_missing_last_event_is_an_aborted_transfer() {
    for config in [
        r#"{"strict_end":true,"custom_host":"HOST"}"#,
        r#"{"strict_end":true,"targets":[{"custom_host":"HOST"}]}"#,
        r#"{"strictEnd":false,"targets":[{"strict_end":true,"custom_host":"HOST"}]}"#,
    ] {
        for framed in [chunked, sized] {
            for cache in ["", CACHED] {
                let upstream = Upstream::responding(framed(&tokens(2)));
                let gateway = Gateway::start();
                let config = config_line(&config.replace("HOST", &base(&upstream)));
                let response = gateway.exchange(chat(&(config + cache), BODY));
                assert_eq!((response.status, response.end), (200, End::CutShort));
                let got = response.text();
                assert!(got.starts_with(&token(0)), "{got}");
                eventually("it is counted", || counted(&gateway, "truncated") == 1);
            }
        }
    }
    let whole = tokens(2) + "data: [DONE]\n\n";
    for framed in [chunked, sized] {
        for cache in ["", CACHED] {
            let upstream = Upstream::responding(framed(&whole));
            let config = format!(
                r#"{{"strict_end":true,"custom_host":"{}"}}"#,
                base(&upstream)
            );
            let response = Gateway::start().exchange(chat(&(config_line(&config) + cache), BODY));
            assert_eq!(
                (response.seen(), response.end),
                ((200, whole.clone()), End::Complete)
            );
        }
    }
}

#[test]
fn a_last_event_of_coheres_older_chat_is_one() {
    let whole = "event: stream-start\ndata: {\"is_finished\":false}\n\n\
                 event: stream-end\ndata: {\"is_finished\":true}\n\n";
    let upstream = Upstream::responding(chunked(whole));
    let config = format!(
        r#"{{"strict_end":true,"custom_host":"{}"}}"#,
        base(&upstream)
    );
    let request = chat(&config_line(&config), BODY).replacen("/chat/completions", "/chat", 1);
    let response = Gateway::start().exchange(request);
    assert_eq!(response.end, End::Complete);
}

#[test]
fn a_stream_without_its_last_event_is_logged() {
    let upstream = Upstream::responding(chunked(&tokens(1)));
    let process = Process::serving("unfinished", "log: { format: json }\n");
    let lines = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    process.exchange(chat(&lines, BODY));
    eventually("it is logged", || {
        process.log().contains("\"outcome\":\"unfinished\"")
    });
}
