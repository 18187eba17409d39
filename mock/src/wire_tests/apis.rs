//! The responses of the APIs without faults, and how requests are read.

use super::*;

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let mock = mock();
    let mut stream = connect(&mock).await;
    let mut response = [0; 15];
    for _ in 0..3 {
        stream
            .write_all(get("/v1/models?mock_status=404").as_bytes())
            .await
            .unwrap();
        stream.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"HTTP/1.1 404 No");
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
async fn a_chat_completion_comes_complete_and_as_a_stream() {
    let mock = mock();
    let (head, body) = exchange_and_close(&mock, &post("/v1/chat/completions", CHAT)).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("x-request-id: req_"));
    assert_eq!(json(&body)["choices"][0]["message"]["content"], text(16));

    let sent =
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
    let (_, body) = exchange_and_close(&mock, &post("/v1/chat/completions", sent)).await;
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
    let sent = r#"{"model":"m","messages":[],"max_tokens":2,"stream":true}"#;
    let (head, body) = exchange_and_close(&mock, &post("/v1/messages", sent)).await;
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
        let sent = format!(r#"{{"model":"m","input":"x","stream":true{extra}}}"#);
        let (_, body) = exchange_and_close(&mock, &post("/v1/responses", &sent)).await;
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
async fn invalid_requests_get_the_errors_of_their_dialect() {
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
        let (head, body) = exchange_and_close(&mock, &request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(json(&body).pointer(place).unwrap(), value, "{body}");
    }
}

#[tokio::test]
async fn echo_shows_the_request_as_received() {
    let mock = mock();
    let request = "PATCH /echo/a%2Fb?x=1 HTTP/1.1\r\nHost: m\r\nX-Two: b\r\nx-two: A\r\n\
                   Transfer-Encoding: chunked\r\n\r\n\
                   3;x=y\r\nabc\r\n2\r\n\r\n\r\n0\r\nT: t\r\n\r\n";
    let (_, body) = exchange_and_close(&mock, request).await;
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
async fn a_waiting_upload_gets_100_continue() {
    let mock = mock();
    let mut stream = connect(&mock).await;
    let head = "POST /echo HTTP/1.1\r\nHost: m\r\nExpect: 100-continue\r\n\
                Content-Length: 2\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut interim))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
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
    let (response, ended) = exchange(&mock, request).await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    assert_eq!(ended, Ok(()));
    assert_eq!(mock.counts().bad_requests, 1);
}

#[tokio::test]
async fn an_upload_is_listed_with_its_size_and_can_be_downloaded() {
    let mock = mock();
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n\
                12345\r\n--B--\r\n";
    let upload = post("/v1/files", form).replacen(
        "Host: m\r\n",
        "Host: m\r\nContent-Type: multipart/form-data; boundary=B\r\n",
        1,
    );
    let (_, body) = exchange_and_close(&mock, &upload).await;
    let file = json(&body);
    assert_eq!(
        (&file["bytes"], &file["filename"]),
        (&5.into(), &"a.bin".into())
    );

    let id = file["id"].as_str().unwrap();
    let (_, body) = exchange_and_close(&mock, &get(&format!("/v1/files/{id}"))).await;
    assert_eq!(json(&body), file);

    let mut stream = connect(&mock).await;
    let request = "GET /v1/files/any/content?bytes=200000 HTTP/1.1\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let (bytes, _) = read_to_end(&mut stream).await;
    assert!(bytes.ends_with(&pattern(200_000)));
    assert!(!bytes.ends_with(&pattern(200_001)));
}

#[tokio::test]
async fn instant_answers_every_post_and_nothing_else() {
    let mock = start(MockOptions {
        instant: true,
        ..MockOptions::default()
    });
    let mock = mock.unwrap();
    let (_, body) = exchange_and_close(&mock, &post("/anything", "no json")).await;
    assert_eq!(json(&body)["object"], "chat.completion");
    let (_, body) = exchange_and_close(&mock, &get("/v1/models")).await;
    assert_eq!(json(&body)["object"], "list");
    let (_, body) = exchange_and_close(&mock, &post("/mock/reset", "")).await;
    assert_eq!(json(&body)["reset"], true);
}

#[tokio::test]
async fn head_and_http_1_0_are_framed_as_they_must_be() {
    let mock = mock();
    let head = "HEAD /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n";
    let (response, _) = exchange(&mock, head).await;
    assert!(response.contains("content-length: ") && response.ends_with("\r\n\r\n"));
    let old = post("/v1/chat/completions", CHAT_STREAM).replacen("1.1", "1.0", 1);
    let (response, _) = exchange(&mock, &old).await;
    assert!(!response.contains("chunked") && response.ends_with("data: [DONE]\n\n"));
    let (response, _) = exchange(&mock, &get("/v1/models?mock_status=204&mock_close")).await;
    assert!(!response.contains("content-length") && response.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn a_websocket_sends_back_what_it_gets_until_it_is_closed() {
    let mock = mock();
    let mut stream = connect(&mock).await;
    let handshake = "GET /v1/realtime?model=m HTTP/1.1\r\nHost: m\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     Sec-WebSocket-Protocol: realtime, other\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    // "Hello" and a close with code 1000, masked as in RFC 6455, section 5.7.
    stream
        .write_all(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
        .await
        .unwrap();
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
    let (bytes, ended) = read_to_end(&mut stream).await;
    assert_eq!(ended, Ok(()));
    let end = memchr::memmem::find(&bytes, b"\r\n\r\n").unwrap() + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "));
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert!(head.contains("sec-websocket-protocol: realtime\r\n"));
    assert_eq!(&bytes[end..], b"\x81\x05Hello\x88\x02\x03\xe8");
}
