use std::time::{Instant, UNIX_EPOCH};

use actix_http::{Method, header::HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::{
    cache::NoCacheReason,
    error::Code,
    observe::logs::{Clock, TextStyle},
    record::{
        CacheStatus, CutReason,
        facts::{Ending, LONGEST, TriedTarget},
    },
    route::attempts::{Failed, Fault, StopReason},
};

const PLAIN: TextStyle = TextStyle {
    clock: Clock::Utc,
    colour: false,
};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn facts(path: &str, origin: &str, status: u16) -> Facts {
    let trace_id = HeaderValue::from_static("t-1");
    let mut facts = Facts::new(Instant::now(), trace_id, Method::POST, path);
    facts.places.set_origin(origin, LONGEST);
    facts.status = status;
    facts
}

fn chat(status: u16) -> Facts {
    facts("/v1/chat/completions", "http://127.0.0.1:9797", status)
}

fn end(outcome: Outcome) -> End {
    End {
        at: UNIX_EPOCH,
        after: ms(1234),
        outcome,
    }
}

fn json(facts: &Facts, outcome: Outcome) -> String {
    let mut line = String::new();
    json::write(&mut line, facts, &end(outcome));
    line
}

fn text(style: TextStyle, facts: &Facts, outcome: Outcome) -> String {
    let mut line = String::new();
    text::write(&mut line, style, facts, &end(outcome)).unwrap();
    line
}

/// A plain line of text without its time and line feed.
fn text_behind_time(facts: &Facts, outcome: Outcome) -> String {
    let line = text(PLAIN, facts, outcome);
    let rest = line.strip_prefix("1970-01-01T00:00:00.000000Z ").unwrap();
    rest.strip_suffix('\n').unwrap().to_owned()
}

fn failed(fault: Fault) -> Failed {
    Failed {
        fault,
        status: 502,
        retry_after: None,
    }
}

/// Everything that can be in a line.
fn full() -> Facts {
    let mut facts = chat(200);
    let index = HeaderValue::from_static("config.targets[1]");
    for at in [10, 20] {
        let attempts = &mut facts.failed_attempts;
        attempts.push(&index, "https://a.example", failed(Fault::Connect), ms(at));
    }
    facts.target = Some(TriedTarget {
        index,
        retries: 2,
        replay_lost: true,
    });
    facts.cache = CacheStatus::Miss;
    facts.not_kept = Some(NoCacheReason::Truncated);
    facts.ending = Ending::Cut(CutReason::UpstreamSilent);
    facts.stopped = Some(StopReason::RetryBudget);
    facts.head_after = Some(Duration::from_micros(180_250));
    facts.first_token_after = Some(ms(200));
    (facts.bytes_in, facts.bytes_out) = (12, 3456);
    facts
}

#[test]
fn a_json_line_has_these_keys_in_this_order() {
    assert_eq!(
        json(&full(), Outcome::Truncated),
        concat!(
            r#"{"timestamp":"1970-01-01T00:00:00.000000Z","level":"INFO","message":"request","#,
            r#""trace_id":"t-1","method":"POST","path":"/v1/chat/completions","#,
            r#""origin":"http://127.0.0.1:9797","status":200,"outcome":"truncated","#,
            r#""detail":"the upstream fell silent (`timeouts.idle`)","#,
            r#""target":"config.targets[1]","cache":"MISS","uncached":"truncated","retries":2,"#,
            r#""failed_attempts":"config.targets[1] https://a.example connect 502 at 10 ms; "#,
            r#"config.targets[1] https://a.example connect 502 at 20 ms","#,
            r#""stopped":"retry_budget","replay_lost":true,"head_ms":180.25,"total_ms":1234.0,"#,
            r#""bytes_in":12,"bytes_out":3456,"module":"throughway::record"}"#,
            "\n"
        )
    );
}

#[test]
fn a_json_line_leaves_out_absent_values() {
    let mut facts = facts("/v1/models", "", 400);
    let detail = "no \"target\"".to_owned();
    facts.ending = Ending::Error(Code::InvalidHeader, detail);
    assert_eq!(
        json(&facts, Outcome::Refused),
        concat!(
            r#"{"timestamp":"1970-01-01T00:00:00.000000Z","level":"INFO","message":"request","#,
            r#""trace_id":"t-1","method":"POST","path":"/v1/models","status":400,"#,
            r#""outcome":"refused","error":"invalid_header","detail":"no \"target\"","#,
            r#""total_ms":1234.0,"bytes_in":0,"bytes_out":0,"module":"throughway::record"}"#,
            "\n"
        )
    );
}

#[test]
fn a_line_of_text_is_short() {
    let mut stream = chat(200);
    stream.first_token_after = Some(ms(180));
    let index = HeaderValue::from_static("config.targets[0]");
    let mut fallback = chat(200);
    let attempts = &mut fallback.failed_attempts;
    attempts.push(&index, "https://a.example", failed(Fault::Connect), ms(10));
    for (facts, outcome, expected) in [
        (chat(200), Outcome::Relayed, "200 1.2 s"),
        (stream, Outcome::Relayed, "200 first token 180 ms, 1.2 s"),
        (fallback, Outcome::Relayed, "200 1 failed attempt, 1.2 s"),
        (chat(404), Outcome::Relayed, "404 1.2 s"),
        (chat(101), Outcome::Tunnelled, "101 1.2 s"),
        (chat(200), Outcome::ClientGone, "499 client_gone, 1.2 s"),
        (chat(0), Outcome::Aborted, "- aborted, 1.2 s"),
        (
            full(),
            Outcome::Truncated,
            "200 truncated: the upstream fell silent (`timeouts.idle`), cache miss, \
             not cached: truncated, 2 failed attempts, stopped: retry_budget, \
             first token 200 ms, 1.2 s",
        ),
    ] {
        assert_eq!(
            text_behind_time(&facts, outcome),
            format!("POST /v1/chat/completions → 127.0.0.1:9797 {expected}")
        );
    }
}

#[test]
fn an_error_is_shown_with_code_and_reason() {
    let mut facts = facts("/v1/models", "", 502);
    let detail = "connection refused".to_owned();
    facts.ending = Ending::Error(Code::UpstreamUnreachable, detail);
    let index = HeaderValue::from_static("config");
    let attempts = &mut facts.failed_attempts;
    attempts.push(&index, "https://a.example", failed(Fault::Connect), ms(10));
    let line = text_behind_time(&facts, Outcome::Refused);
    let expected = "POST /v1/models 502 upstream_unreachable: connection refused, 1.2 s";
    assert_eq!(line, expected);
}

#[test]
fn only_a_terminal_that_supports_colours_gets_them() {
    let colourful = TextStyle {
        colour: true,
        ..PLAIN
    };
    let mut refused = facts("/v1/models", "", 502);
    let detail = "no".to_owned();
    refused.ending = Ending::Error(Code::UpstreamUnreachable, detail);
    for (facts, outcome, status) in [
        (chat(200), Outcome::Relayed, "\u{1b}[32m200\u{1b}[0m"),
        (chat(404), Outcome::Relayed, "\u{1b}[33m404\u{1b}[0m"),
        (chat(500), Outcome::Relayed, "\u{1b}[31m500\u{1b}[0m"),
        (chat(200), Outcome::Unfinished, "\u{1b}[33m200\u{1b}[0m"),
        (refused, Outcome::Refused, "\u{1b}[31m502\u{1b}[0m"),
    ] {
        let line = text(colourful, &facts, outcome);
        let time = "\u{1b}[2m1970-01-01T00:00:00.000000Z\u{1b}[0m POST /v1/";
        assert!(line.starts_with(time), "{line:?}");
        assert!(line.contains(&format!(" {status} ")), "{line:?}");
        assert!(!text(PLAIN, &facts, outcome).contains('\u{1b}'));
    }
}

/// A request whose every text is this one.
fn hostile(text: &str) -> Facts {
    let mut facts = facts(text, &format!("http://{text}"), 502);
    facts.ending = Ending::Error(Code::UpstreamUnreachable, text.to_owned());
    let index = HeaderValue::from_static("config");
    facts
        .failed_attempts
        .push(&index, text, failed(Fault::Connect), ms(10));
    facts
}

fn assert_one_line(shown: &str, most: usize) {
    let body = shown.strip_suffix('\n').unwrap();
    assert!(!body.chars().any(char::is_control), "{body:?}");
    assert!(shown.len() < most, "{} bytes", shown.len());
}

fn assert_unbroken(text_of_callers: &str) {
    let facts = hostile(text_of_callers);
    let line = json(&facts, Outcome::Refused);
    assert_one_line(&line, 64 * 1024);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 16, "{line}");
    assert_eq!(value["path"], *facts.places.path());
    assert_eq!(value["status"], 502);
    let line = text_behind_time(&facts, Outcome::Refused);
    assert_one_line(&(line.clone() + "\n"), 8 * 1024);
    // Method, path, arrow, host and status are words of their own, whatever path and host hold.
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("POST"));
    assert_eq!(words.nth(1), Some("→"));
    if !text_of_callers.is_empty() && text_of_callers.len() < 20 {
        assert_eq!(words.nth(1), Some("502"), "{line}");
    }
}

#[test]
fn no_byte_of_a_path_or_host_breaks_or_forges_a_line() {
    for byte in 0..=u8::MAX {
        assert_unbroken(&String::from_utf8_lossy(&[b'/', byte, b'z']));
        assert_unbroken(&format!("/{}z", char::from(byte)));
    }
    assert_unbroken("/a\n12:00:00 GET /forged 200 1 ms");
    assert_unbroken("/\",\"status\":200,\"x\":\"");
    assert_unbroken("/\u{1b}]0;title\u{7}\u{1b}[2J");
}

#[test]
fn very_long_values_are_clipped_in_both_formats() {
    for char in ["x", "\u{1}", "\u{10ffff}", "é"] {
        let long = format!("/{}", char.repeat(60_000));
        assert_unbroken(&long);
        let line = text_behind_time(&hostile(&long), Outcome::Refused);
        assert_eq!(line.matches('…').count(), 3, "{line}");
        let line = json(&hostile(&long), Outcome::Refused);
        assert_eq!(line.matches(" bytes more]").count(), 4, "{line}");
    }
    let mut facts = chat(200);
    facts.method = Method::from_bytes("M".repeat(5000).as_bytes()).unwrap();
    let method = format!("{}… /v1/", "M".repeat(24));
    assert!(text_behind_time(&facts, Outcome::Relayed).starts_with(&method));
    let method = format!("\"{}[3976 bytes more]\"", "M".repeat(1024));
    assert!(json(&facts, Outcome::Relayed).contains(&method));
}

proptest! {
    #[test]
    fn no_text_breaks_or_forges_a_line(text in any::<String>()) {
        assert_unbroken(&text);
    }
}
