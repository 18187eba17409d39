//! The mock over real sockets: every claim about bytes on the wire is checked on the bytes.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Counts, MockHandle, MockOptions, pattern, start, text};

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(20);

const CHAT: &str = r#"{"model":"m","messages":[]}"#;
const CHAT_STREAM: &str = r#"{"model":"m","messages":[],"stream":true}"#;

fn mock() -> MockHandle {
    start(MockOptions::default()).unwrap()
}

async fn connect(mock: &MockHandle) -> TcpStream {
    TcpStream::connect(mock.addr).await.unwrap()
}

fn post(target: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: m\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: m\r\n\r\n")
}

/// All bytes until the mock ends the connection, and how it ended.
async fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut bytes = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    (bytes, ended.map(|_| ()).map_err(|error| error.kind()))
}

/// The bytes of one exchange on a connection of its own that the mock ends.
async fn ask(mock: &MockHandle, request: &str) -> (String, Result<(), ErrorKind>) {
    let mut stream = connect(mock).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let (bytes, ended) = read_to_end(&mut stream).await;
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

/// The same, asking for the connection to be closed.
async fn ask_once(mock: &MockHandle, request: &str) -> (String, String) {
    let closing = request.replacen("Host: m\r\n", "Host: m\r\nConnection: close\r\n", 1);
    let (answer, ended) = ask(mock, &closing).await;
    assert_eq!(ended, Ok(()));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// The payload of a chunked body, which must be complete.
fn unchunked(body: &str) -> String {
    let (mut rest, mut out) = (body, String::new());
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            assert_eq!(after, "\r\n");
            return out;
        }
        out.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
}

/// The JSON of each `data:` line but `[DONE]`.
fn events(stream: &str) -> Vec<Value> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(json).collect()
}

/// Waits until the counts are as they should be; they follow a moment after a client has gone.
async fn until(mock: &MockHandle, hold: impl Fn(&Counts) -> bool) {
    let waiting = async {
        while !hold(&mock.counts()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let mock = mock();
    let mut stream = connect(&mock).await;
    let mut answer = [0; 15];
    for _ in 0..3 {
        stream
            .write_all(get("/v1/models?mock_status=404").as_bytes())
            .await
            .unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404 No");
        let mut rest = Vec::new();
        while !rest.ends_with(b"}}") {
            assert_ne!(stream.read_buf(&mut rest).await.unwrap(), 0);
        }
    }
    let counts = mock.counts();
    assert_eq!((counts.accepted, counts.requests), (1, 3));
    assert_eq!(counts.statuses[&404], 3);
}

#[tokio::test]
async fn a_chat_completion_is_answered_whole_and_as_a_stream() {
    let mock = mock();
    let (head, body) = ask_once(&mock, &post("/v1/chat/completions", CHAT)).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("x-request-id: req_"));
    assert_eq!(json(&body)["choices"][0]["message"]["content"], text(16));

    let ask =
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let (_, body) = ask_once(&mock, &post("/v1/chat/completions", ask)).await;
    let stream = unchunked(&body);
    assert!(stream.ends_with("data: [DONE]\n\n"));
    let events = events(&stream);
    let said: String = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, text(16));
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[17]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[18]["usage"]["completion_tokens"], 16);
}

#[tokio::test]
async fn messages_are_streamed_event_by_event() {
    let mock = mock();
    let ask = r#"{"model":"m","messages":[],"max_tokens":2,"stream":true}"#;
    let (head, body) = ask_once(&mock, &post("/v1/messages", ask)).await;
    assert!(head.contains("\r\nrequest-id: req_"));
    let stream = unchunked(&body);
    let names: Vec<&str> = stream
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
    let events = events(&stream);
    assert!(
        events
            .iter()
            .zip(names)
            .all(|(event, name)| event["type"] == name)
    );
    assert_eq!(events[6]["delta"]["stop_reason"], "max_tokens");
}

#[tokio::test]
async fn responses_number_their_events() {
    let mock = mock();
    let tools =
        r#","tools":[{"type":"function","name":"w","parameters":{}}],"tool_choice":"required""#;
    for extra in ["", tools] {
        let ask = format!(r#"{{"model":"m","input":"x","stream":true{extra}}}"#);
        let (_, body) = ask_once(&mock, &post("/v1/responses", &ask)).await;
        let events = events(&unchunked(&body));
        let numbers: Vec<_> = events
            .iter()
            .map(|event| event["sequence_number"].as_u64())
            .collect();
        let expected: Vec<_> = (0..events.len() as u64).map(Some).collect();
        assert_eq!(numbers, expected);
        assert_eq!(events.last().unwrap()["type"], "response.completed");
    }
}

#[tokio::test]
async fn wrong_requests_get_the_errors_of_their_dialect() {
    let mock = mock();
    let table = [
        (
            post("/v1/chat/completions", r#"{"messages":[]}"#),
            400,
            "/error/param",
            "model",
        ),
        (
            post("/v1/chat/completions", "{"),
            400,
            "/error/type",
            "invalid_request_error",
        ),
        (
            post("/v1/messages", "{}"),
            400,
            "/error/message",
            "model: Field required",
        ),
        (
            post("/v1/nothing", "{}"),
            404,
            "/error/type",
            "invalid_request_error",
        ),
        (
            get("/v1/embeddings"),
            405,
            "/error/type",
            "invalid_request_error",
        ),
        (
            get("/v1/models/none"),
            404,
            "/error/code",
            "model_not_found",
        ),
        (
            get("/v1/models?mock_statsu=500"),
            400,
            "/error/type",
            "invalid_request_error",
        ),
        (
            post("/v1/messages?mock_status=529", "{}"),
            529,
            "/error/type",
            "overloaded_error",
        ),
    ];
    for (request, status, place, value) in table {
        let (head, body) = ask_once(&mock, &request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(json(&body).pointer(place).unwrap(), value, "{body}");
    }
}

#[tokio::test]
async fn echo_shows_the_request_as_it_came() {
    let mock = mock();
    let request = "PATCH /echo/a%2Fb?x=1 HTTP/1.1\r\nHost: m\r\nX-Two: b\r\nx-two: A\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\n\r\n\r\n0\r\nT: t\r\n\r\n";
    let (_, body) = ask_once(&mock, request).await;
    let echo = json(&body);
    assert_eq!(echo["method"], "PATCH");
    assert_eq!(echo["target"], "/echo/a%2Fb?x=1");
    assert_eq!(echo["headers"][2], serde_json::json!(["X-Two", "b"]));
    assert_eq!(echo["headers"][3], serde_json::json!(["x-two", "A"]));
    assert_eq!(
        (&echo["framing"], &echo["body_text"]),
        (&"chunked".into(), &"abc\r\n".into())
    );
}

#[tokio::test]
async fn a_waiting_upload_is_told_to_go_on() {
    let mock = mock();
    let mut stream = connect(&mock).await;
    let head = "POST /echo HTTP/1.1\r\nHost: m\r\nExpect: 100-continue\r\n\
                Content-Length: 2\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut go_on))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").await.unwrap();
    let (bytes, _) = read_to_end(&mut stream).await;
    assert!(
        String::from_utf8(bytes)
            .unwrap()
            .contains("\"body_length\":2")
    );
}

#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let mock = mock();
    let request = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (answer, ended) = ask(&mock, request).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(ended, Ok(()));
    assert_eq!(mock.counts().bad_requests, 1);
}

#[tokio::test]
async fn an_upload_is_measured_and_its_content_can_be_had() {
    let mock = mock();
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n\
                12345\r\n--B--\r\n";
    let upload = post("/v1/files", form).replacen(
        "Host: m\r\n",
        "Host: m\r\nContent-Type: multipart/form-data; boundary=B\r\n",
        1,
    );
    let (_, body) = ask_once(&mock, &upload).await;
    let file = json(&body);
    assert_eq!(
        (&file["bytes"], &file["filename"]),
        (&5.into(), &"a.bin".into())
    );

    let id = file["id"].as_str().unwrap();
    let (_, body) = ask_once(&mock, &get(&format!("/v1/files/{id}"))).await;
    assert_eq!(json(&body), file);

    let mut stream = connect(&mock).await;
    let request = "GET /v1/files/any/content?bytes=200000 HTTP/1.1\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let (bytes, _) = read_to_end(&mut stream).await;
    assert!(bytes.ends_with(&pattern(200_000)));
    assert!(!bytes.ends_with(&pattern(200_001)));
}

#[tokio::test]
async fn a_cut_answer_ends_without_its_end() {
    let mock = mock();
    let path = "/v1/chat/completions";
    let (whole, ended) = ask(&mock, &post(&format!("{path}?mock_cut=10"), CHAT)).await;
    assert_eq!(ended, Ok(()));
    assert_eq!(whole.split_once("\r\n\r\n").unwrap().1.len(), 10);

    for (asked, tokens) in [(0, 0), (3, 3), (99, 16)] {
        let request = post(&format!("{path}?mock_cut={asked}"), CHAT_STREAM);
        let (stream, ended) = ask(&mock, &request).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(stream.matches("{\"content\":").count(), tokens);
        assert!(!stream.contains("[DONE]") && !stream.ends_with("0\r\n\r\n"));
    }
    let (nothing, ended) = ask(&mock, &post(&format!("{path}?mock_cut=head"), CHAT)).await;
    assert_eq!((nothing.as_str(), ended), ("", Ok(())));
}

#[tokio::test]
async fn a_reset_answer_ends_in_a_reset() {
    let mock = mock();
    for place in ["head", "0", "3"] {
        let target = format!("/v1/chat/completions?mock_reset={place}");
        let (_, ended) = ask(&mock, &post(&target, CHAT_STREAM)).await;
        assert_eq!(ended, Err(ErrorKind::ConnectionReset), "{place}");
    }
}

#[tokio::test]
async fn silence_lasts_until_the_client_leaves() {
    let mock = mock();
    let table = [
        ("mock_silence", ""),
        ("mock_delay=60000", ""),
        ("mock_body-delay=60000", "\r\n\r\n"),
        ("mock_silence-after=2", "\" answer\"}"),
        ("mock_token-delay=60000", "\"This\"}"),
    ];
    for (index, (query, last)) in table.into_iter().enumerate() {
        let mut stream = connect(&mock).await;
        let request = post(&format!("/v1/chat/completions?{query}"), CHAT_STREAM);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        while memchr::memmem::find(&read, last.as_bytes()).is_none() {
            let more = timeout(PATIENCE, stream.read_buf(&mut read)).await.unwrap();
            assert_ne!(more.unwrap(), 0, "{query}");
        }
        drop(stream);
        until(&mock, |counts| {
            counts.client_gone == index as u64 + 1 && counts.open == 0
        })
        .await;
    }
}

#[tokio::test]
async fn delays_pass_before_the_head_and_between_tokens() {
    let mock = mock();
    let table = [
        ("mock_delay=80", 80),
        ("mock_first-token-delay=80", 80),
        ("mock_token-delay=10&mock_tokens=9", 80),
    ];
    for (query, least) in table {
        let begun = Instant::now();
        ask_once(
            &mock,
            &post(&format!("/v1/chat/completions?{query}"), CHAT_STREAM),
        )
        .await;
        assert!(begun.elapsed() >= Duration::from_millis(least), "{query}");
    }
}

#[tokio::test]
async fn a_200_that_is_none_comes_in_every_form() {
    let mock = mock();
    let table = [
        ("mock_error-first", CHAT_STREAM, "data: {\"error\":{"),
        ("mock_error-first", CHAT, "{\"error\":{"),
        ("mock_error-200", CHAT_STREAM, "{\"error\":{"),
        ("mock_html-200", CHAT, "<!DOCTYPE html>"),
        (
            "mock_malformed=json",
            CHAT_STREAM,
            "data: {\"choices\":[\n\n",
        ),
    ];
    for (query, ask, start) in table {
        let (head, body) =
            ask_once(&mock, &post(&format!("/v1/chat/completions?{query}"), ask)).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{query}");
        let body = match head.contains("chunked") {
            true => unchunked(&body),
            false => body,
        };
        assert!(body.starts_with(start), "{query}: {body}");
    }
    let (head, body) = ask_once(&mock, &post("/v1/chat/completions?mock_empty-stream", CHAT)).await;
    assert!(head.contains("text/event-stream"));
    assert_eq!(body, "0\r\n\r\n");
    let (_, body) = ask_once(
        &mock,
        &post("/v1/chat/completions?mock_error-after=2", CHAT_STREAM),
    )
    .await;
    let stream = unchunked(&body);
    assert_eq!(stream.matches("{\"content\":").count(), 2);
    assert!(stream.contains("\"server_error\"") && !stream.contains("[DONE]"));
}

#[tokio::test]
async fn malformed_answers_are_no_http() {
    let mock = mock();
    let table = [
        ("head", "\u{16}\u{3}HTTP"),
        ("length", "HTTP/1.1 200 OK"),
        ("chunk", "HTTP/1.1 200 OK"),
    ];
    for (what, start) in table {
        let target = format!("/v1/chat/completions?mock_malformed={what}&mock_close");
        let (answer, _) = ask(&mock, &post(&target, CHAT)).await;
        assert!(answer.starts_with(start), "{what}: {answer}");
        match what {
            "length" => assert_eq!(answer.matches("content-length: ").count(), 2),
            "chunk" => assert!(answer.contains("\r\n\r\nzz\r\n")),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_connection_ends_as_it_was_asked_to() {
    let mock = mock();
    let (closed, ended) = ask(&mock, &get("/health?mock_close")).await;
    assert!(closed.contains("\r\nconnection: close\r\n") && ended.is_ok());
    let (hung_up, ended) = ask(&mock, &get("/health?mock_hang-up")).await;
    assert!(!hung_up.contains("connection: close") && ended.is_ok());
    let early =
        "POST /v1/files?mock_early&mock_status=413 HTTP/1.1\r\nContent-Length: 999999\r\n\r\nx";
    let mut stream = connect(&mock).await;
    stream.write_all(early.as_bytes()).await.unwrap();
    let (bytes, ended) = read_to_end(&mut stream).await;
    assert!(bytes.starts_with(b"HTTP/1.1 413 ") && ended.is_ok());
}

#[tokio::test]
async fn headers_and_interim_answers_are_added_as_asked() {
    let mock = mock();
    let query = "mock_status=429&mock_retry-after=Wed,+21+Oct&mock_header=Set-Cookie:+a&mock_header=set-cookie:b&mock_interim=103";
    let (answer, _) = ask(&mock, &get(&format!("/v1/models?mock_close&{query}"))).await;
    let last = answer
        .strip_prefix("HTTP/1.1 103 Interim\r\nlink: </mock>\r\n\r\n")
        .unwrap();
    assert!(
        last.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
        "{last}"
    );
    for line in ["retry-after: Wed, 21 Oct", "Set-Cookie: a", "set-cookie: b"] {
        assert!(last.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
}

#[tokio::test]
async fn instant_answers_every_post_and_nothing_else() {
    let mock = start(MockOptions {
        instant: true,
        ..MockOptions::default()
    });
    let mock = mock.unwrap();
    let (_, body) = ask_once(&mock, &post("/anything", "no json")).await;
    assert_eq!(json(&body)["object"], "chat.completion");
    let (_, body) = ask_once(&mock, &get("/v1/models")).await;
    assert_eq!(json(&body)["object"], "list");
    let (_, body) = ask_once(&mock, &post("/mock/reset", "")).await;
    assert_eq!(json(&body)["reset"], true);
}

#[tokio::test]
async fn head_and_http_1_0_are_framed_as_they_must_be() {
    let mock = mock();
    let head = "HEAD /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n";
    let (answer, _) = ask(&mock, head).await;
    assert!(answer.contains("content-length: ") && answer.ends_with("\r\n\r\n"));
    let old = post("/v1/chat/completions", CHAT_STREAM).replacen("1.1", "1.0", 1);
    let (answer, _) = ask(&mock, &old).await;
    assert!(!answer.contains("chunked") && answer.ends_with("data: [DONE]\n\n"));
    let (answer, _) = ask(&mock, &get("/v1/models?mock_status=204&mock_close")).await;
    assert!(!answer.contains("content-length") && answer.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn a_stopped_mock_drops_its_connections_and_refuses_new_ones() {
    let mock = mock();
    let address = mock.addr;
    let mut stream = connect(&mock).await;
    stream
        .write_all(get("/v1/models?mock_silence").as_bytes())
        .await
        .unwrap();
    until(&mock, |counts| counts.requests == 1).await;
    mock.stop().await;
    let (bytes, _) = read_to_end(&mut stream).await;
    assert!(bytes.is_empty());
    assert!(TcpStream::connect(address).await.is_err());
}
