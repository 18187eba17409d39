//! 200s that are no real response of their route: a fallback moves on while another target remains,
//! the last target's is relayed, and none is stored.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use crate::support::{
    Gateway, Response, Upstream,
    caching::{Ask, statuses},
    client::End,
    routing::{Gate, LAST, base, chat, chunk, config_line},
};

const CHAT: &str = "/v1/chat/completions";
const STREAM: &str = "Content-Type: text/event-stream\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";
const GZIP: &str = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";
const PAGE: &str = "<!DOCTYPE html><html><body>Please wait</body></html>";

/// A route, and one of its responses.
const ROUTES: &[(&str, &str, &str)] = &[
    (
        CHAT,
        JSON,
        r#"{"choices":[{"message":{"content":"second"}}]}"#,
    ),
    ("/v1/messages", JSON, r#"{"type":"message","content":[]}"#),
    (
        "/v1/responses",
        JSON,
        r#"{"object":"response","output":[]}"#,
    ),
    ("/v1/embeddings", JSON, r#"{"object":"list","data":[]}"#),
    ("/v1/models/g:generateContent", JSON, r#"{"candidates":[]}"#),
    ("/v1/rerank", JSON, r#"{"results":[]}"#),
    ("/v1/moderations", JSON, r#"{"results":[]}"#),
    ("/v1/images/generations", JSON, r#"{"data":[]}"#),
    (
        "/v1/audio/speech",
        "Content-Type: audio/mpeg\r\n",
        "ID3sound",
    ),
];

/// What it is, its lines, and its body.
fn unusable() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let plain = [
        ("a page", HTML, PAGE),
        ("a page as JSON", JSON, PAGE),
        ("nothing", JSON, ""),
        ("null", JSON, "null"),
        ("an empty object", JSON, "{}"),
        ("broken JSON", JSON, "{\"choices\":[}"),
        (
            "JSON cut",
            JSON,
            "{\"choices\":[{\"message\":{\"content\":\"on",
        ),
        ("a detail", JSON, r#"{"detail":"Not authenticated"}"#),
        ("a message", JSON, r#"{"message":"Forbidden"}"#),
        ("an error", JSON, r#"{"error":{"message":"no"}}"#),
        (
            "an error with empty lists",
            JSON,
            r#"{"error":{"code":529},"choices":[],"content":[],"output":[],"data":[],
               "results":[],"candidates":[]}"#,
        ),
        ("an empty stream", STREAM, ""),
        ("a stream of a comment", STREAM, ": ping\n\n"),
        ("a malformed event", STREAM, "data: <html>\n\n"),
        ("half an event", STREAM, "data: {\"choices\":[{\"del"),
        ("an end alone", STREAM, "data: [DONE]\n\n"),
        (
            "another end alone",
            STREAM,
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            "a detail as an event",
            STREAM,
            "data: {\"detail\":\"no\"}\n\ndata: [DONE]\n\n",
        ),
    ];
    let plain = plain.map(|(what, lines, body)| (what, lines, body.as_bytes().to_vec()));
    let compressed = ["{\"error\":{\"message\":\"no\"}}", PAGE]
        .map(|body| ("compressed", GZIP, gzip(body.as_bytes())));
    plain.into_iter().chain(compressed).collect()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("room");
    encoder.finish().expect("room")
}

/// How a body's end is told.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    /// In chunks of this many bytes.
    Chunks(usize),
}

fn framed(framing: Framing, lines: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 200 OK\r\n{lines}").into_bytes();
    match framing {
        Framing::Length => {
            out.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
            out.extend_from_slice(body);
        }
        Framing::Chunks(size) => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for piece in body.chunks(size) {
                out.extend(format!("{:x}\r\n", piece.len()).bytes());
                out.extend_from_slice(piece);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
    out
}

fn ask(gateway: &Gateway, path: &str, targets: &[&Upstream]) -> Response {
    let targets: Vec<String> = targets
        .iter()
        .map(|it| format!("{{\"custom_host\":\"{}\"}}", base(it)))
        .collect();
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[{}]}}"#,
        targets.join(",")
    );
    let request = chat(&config_line(&config), "{}").replacen(CHAT, path, 1);
    gateway.exchange(request)
}

#[test]
fn a_200_that_is_no_response_moves_on_and_is_relayed_on_the_last_target() {
    let gateway = Gateway::start();
    for (path, lines, good) in ROUTES {
        let second = Upstream::responding(framed(Framing::Length, lines, good.as_bytes()));
        for (what, lines, body) in unusable() {
            for framing in [Framing::Length, Framing::Chunks(7)] {
                let first = Upstream::responding(framed(framing, lines, &body));
                let response = ask(&gateway, path, &[&first, &second]);
                let shown = format!("{what} at {path}, {framing:?}: {}", response.head);
                assert_eq!(response.text(), *good, "{shown}");
                assert_eq!(response.option(), "config.targets[1]", "{shown}");
                let alone = ask(&gateway, path, &[&first]);
                assert_eq!((alone.status, alone.end), (200, End::Complete), "{shown}");
                assert!(alone.body == body, "{shown}");
            }
        }
    }
}

#[test]
fn a_200_of_a_route_that_does_not_generate_is_relayed() {
    let second = Upstream::named("second");
    for path in ["/v1/files", "/v1/models", "/v1/responses/resp_1/cancel"] {
        for (what, lines, body) in unusable() {
            let first = Upstream::responding(framed(Framing::Length, lines, &body));
            let response = ask(&Gateway::start(), path, &[&first, &second]);
            assert!(response.body == body, "{what} at {path}: {}", response.head);
        }
    }
    assert_eq!(second.count(), 0);
}

#[test]
fn good_responses_stay_with_the_first_target() {
    let second = Upstream::named("second");
    let gateway = Gateway::start();
    for (path, lines, good) in ROUTES {
        let plain = (*lines, good.as_bytes().to_vec());
        let encoded = format!("{lines}Content-Encoding: gzip\r\n");
        let encoded = (encoded.as_str(), gzip(good.as_bytes()));
        let unknown = format!("{lines}Content-Encoding: zstd\r\n");
        let unknown = (unknown.as_str(), b"\x28\xb5\x2f\xfd".to_vec());
        for (lines, body) in [plain, encoded, unknown] {
            for framing in [Framing::Length, Framing::Chunks(3)] {
                let first = Upstream::responding(framed(framing, lines, &body));
                let response = ask(&gateway, path, &[&first, &second]);
                assert!(response.body == body, "{path} {lines}");
            }
        }
    }
    assert_eq!(second.count(), 0);
}

#[test]
fn an_array_under_way_is_relayed_from_its_first_item_on() {
    let gate = Gate::default();
    let first = Upstream::playing({
        let gate = gate.clone();
        move |peer| {
            peer.request();
            let item = chunk(r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#);
            peer.send(format!(
                "HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{item}"
            ));
            assert!(gate.passed(), "the first item came to the client");
            peer.send(chunk("]") + LAST);
        }
    });
    let second = Upstream::named("second");
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&first),
        base(&second)
    );
    let path = "/v1/models/g:streamGenerateContent";
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(chat(&config_line(&config), "{}").replacen(CHAT, path, 1));
    client.wait_for(b"candidates");
    gate.open();
    let response = client.response();
    assert_eq!((response.status, response.end), (200, End::Complete));
    assert_eq!(second.count(), 0);
}

#[test]
fn a_200_that_is_no_response_is_never_stored() {
    for (path, _, _) in ROUTES {
        let gateway = Gateway::start();
        for (what, lines, body) in unusable() {
            for framing in [Framing::Length, Framing::Chunks(7)] {
                let upstream = Upstream::responding(framed(framing, lines, &body));
                let ask = Ask {
                    path,
                    ..Ask::of(&upstream)
                };
                let told = statuses(&gateway, [&ask, &ask]);
                assert_eq!(told, ["MISS", "MISS"], "{what} at {path}, {framing:?}");
            }
        }
    }
}

#[test]
fn a_compressed_response_is_stored_only_if_complete() {
    let whole = r#"{"choices":[{"message":{"content":"on"}}]}"#;
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let done = format!("{stream}data: [DONE]\n\n");
    let events = "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n";
    let bomb = format!("{{\"choices\":[\"{}\"]}}", "x".repeat(3 << 20));
    let gateway = Gateway::start();
    for (what, lines, body, kept) in [
        ("whole", GZIP, gzip(whole.as_bytes()), true),
        ("cut", GZIP, gzip(&whole.as_bytes()[..20]), false),
        ("a stream", events, gzip(done.as_bytes()), true),
        ("a stream cut", events, gzip(stream.as_bytes()), false),
        ("a bomb", GZIP, gzip(bomb.as_bytes()), false),
        ("no gzip", GZIP, whole.as_bytes().to_vec(), false),
    ] {
        let upstream = Upstream::responding(framed(Framing::Length, lines, &body));
        let told = statuses(&gateway, [&Ask::of(&upstream), &Ask::of(&upstream)]);
        let again = if kept { "HIT" } else { "MISS" };
        assert_eq!(told, ["MISS", again], "{what}");
    }
}

#[actix_rt::test]
async fn responses_of_the_mock_are_usable() {
    let mock = throughway_mock::start(throughway_mock::MockOptions::default()).expect("a mock");
    let host = format!("{}/v1", mock.url());
    let asking = tokio::task::spawn_blocking(move || {
        let second = Upstream::named("second");
        let gateway = Gateway::start();
        for (path, body) in [
            (CHAT, r#"{"model":"m","messages":[]}"#),
            (CHAT, r#"{"model":"m","messages":[],"stream":true}"#),
            ("/v1/completions", r#"{"model":"m","prompt":"p"}"#),
            (
                "/v1/completions",
                r#"{"model":"m","prompt":"p","stream":true}"#,
            ),
            (
                "/v1/messages",
                r#"{"model":"m","messages":[],"max_tokens":9}"#,
            ),
            (
                "/v1/messages",
                r#"{"model":"m","messages":[],"max_tokens":9,"stream":true}"#,
            ),
            ("/v1/responses", r#"{"model":"m","input":"i"}"#),
            (
                "/v1/responses",
                r#"{"model":"m","input":"i","stream":true}"#,
            ),
            ("/v1/embeddings", r#"{"model":"m","input":"i"}"#),
            ("/v1/moderations", r#"{"input":"i"}"#),
            (
                "/v1/rerank",
                r#"{"model":"m","query":"q","documents":["d"]}"#,
            ),
            ("/v1/images/generations", r#"{"prompt":"p"}"#),
            (
                "/v1/audio/speech",
                r#"{"model":"m","input":"i","voice":"v"}"#,
            ),
        ] {
            let config = format!(
                r#"{{"strategy":{{"mode":"fallback"}},"strict_end":true,"targets":[
                   {{"custom_host":"{host}"}},{{"custom_host":"{}"}}]}}"#,
                base(&second)
            );
            let request = chat(&config_line(&config), body).replacen(CHAT, path, 1);
            let response = gateway.exchange(request);
            let shown = format!("{path} {body}: {}", response.text());
            assert_eq!(
                (response.status, response.option()),
                (200, "config.targets[0]"),
                "{shown}"
            );
            assert_eq!(response.end, End::Complete, "{shown}");
        }
        assert_eq!(second.count(), 0);
    });
    asking.await.expect("no panic");
    mock.stop().await;
}
