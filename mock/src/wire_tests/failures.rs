//! What goes wrong when a request sets a fault.

use super::*;

#[tokio::test]
async fn a_cut_response_ends_before_its_end() {
    let mock = mock();
    let path = "/v1/chat/completions";
    let (whole, ended) = exchange(&mock, &post(&format!("{path}?mock_cut=10"), CHAT)).await;
    assert_eq!(ended, Ok(()));
    assert_eq!(whole.split_once("\r\n\r\n").unwrap().1.len(), 10);

    for (asked, tokens) in [(0, 0), (3, 3), (99, 16)] {
        let request = post(&format!("{path}?mock_cut={asked}"), CHAT_STREAM);
        let (stream, ended) = exchange(&mock, &request).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(stream.matches("{\"content\":").count(), tokens);
        assert!(!stream.contains("[DONE]") && !stream.ends_with("0\r\n\r\n"));
    }
    let (nothing, ended) = exchange(&mock, &post(&format!("{path}?mock_cut=head"), CHAT)).await;
    assert_eq!((nothing.as_str(), ended), ("", Ok(())));
}

#[tokio::test]
async fn a_reset_response_ends_in_a_reset() {
    let mock = mock();
    for place in ["head", "0", "3"] {
        let target = format!("/v1/chat/completions?mock_reset={place}");
        let (_, ended) = exchange(&mock, &post(&target, CHAT_STREAM)).await;
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
        wait_for_counts(&mock, |counts| {
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
        exchange_and_close(
            &mock,
            &post(&format!("/v1/chat/completions?{query}"), CHAT_STREAM),
        )
        .await;
        assert!(begun.elapsed() >= Duration::from_millis(least), "{query}");
    }
}

#[tokio::test]
async fn a_200_without_a_completion_comes_in_every_form() {
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
    for (query, sent, start) in table {
        let (head, body) =
            exchange_and_close(&mock, &post(&format!("/v1/chat/completions?{query}"), sent)).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{query}");
        let body = match head.contains("chunked") {
            true => unchunked(&body),
            false => body,
        };
        assert!(body.starts_with(start), "{query}: {body}");
    }
    let (head, body) =
        exchange_and_close(&mock, &post("/v1/chat/completions?mock_empty-stream", CHAT)).await;
    assert!(head.contains("text/event-stream"));
    assert_eq!(body, "0\r\n\r\n");
    let (_, body) = exchange_and_close(
        &mock,
        &post("/v1/chat/completions?mock_error-after=2", CHAT_STREAM),
    )
    .await;
    let stream = unchunked(&body);
    assert_eq!(stream.matches("{\"content\":").count(), 2);
    assert!(stream.contains("\"server_error\"") && !stream.contains("[DONE]"));
}

#[tokio::test]
async fn malformed_responses_are_not_valid_http() {
    let mock = mock();
    let table = [
        ("head", "\u{16}\u{3}HTTP"),
        ("length", "HTTP/1.1 200 OK"),
        ("chunk", "HTTP/1.1 200 OK"),
    ];
    for (what, start) in table {
        let target = format!("/v1/chat/completions?mock_malformed={what}&mock_close");
        let (response, _) = exchange(&mock, &post(&target, CHAT)).await;
        assert!(response.starts_with(start), "{what}: {response}");
        match what {
            "length" => assert_eq!(response.matches("content-length: ").count(), 2),
            "chunk" => assert!(response.contains("\r\n\r\nzz\r\n")),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_connection_ends_as_requested() {
    let mock = mock();
    let (closed, ended) = exchange(&mock, &get("/health?mock_close")).await;
    assert!(closed.contains("\r\nconnection: close\r\n") && ended.is_ok());
    let (hung_up, ended) = exchange(&mock, &get("/health?mock_hang-up")).await;
    assert!(!hung_up.contains("connection: close") && ended.is_ok());
    let early =
        "POST /v1/files?mock_early&mock_status=413 HTTP/1.1\r\nContent-Length: 999999\r\n\r\nx";
    let mut stream = connect(&mock).await;
    stream.write_all(early.as_bytes()).await.unwrap();
    let (bytes, ended) = read_to_end(&mut stream).await;
    assert!(bytes.starts_with(b"HTTP/1.1 413 ") && ended.is_ok());
}

#[tokio::test]
async fn headers_and_interim_responses_are_added_on_request() {
    let mock = mock();
    let query = "mock_status=429&mock_retry-after=Wed,+21+Oct&mock_interim=103\
                 &mock_header=Set-Cookie:+a&mock_header=set-cookie:b";
    let (response, _) = exchange(&mock, &get(&format!("/v1/models?mock_close&{query}"))).await;
    let last = response
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
async fn a_stopped_mock_drops_its_connections_and_refuses_new_ones() {
    let mock = mock();
    let address = mock.addr;
    let mut stream = connect(&mock).await;
    stream
        .write_all(get("/v1/models?mock_silence").as_bytes())
        .await
        .unwrap();
    wait_for_counts(&mock, |counts| counts.requests == 1).await;
    mock.stop().await;
    let (bytes, _) = read_to_end(&mut stream).await;
    assert!(bytes.is_empty());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_big_body_comes_complete_and_in_pieces() {
    let mock = mock();
    for query in ["mock_big=300000", "mock_big=3000&mock_pieces=7"] {
        let size: usize = query[9..].split('&').next().unwrap().parse().unwrap();
        let mut stream = connect(&mock).await;
        let request = get(&format!("/v1/anything?mock_close&{query}"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let (bytes, ended) = read_to_end(&mut stream).await;
        assert_eq!(ended, Ok(()));
        let head = bytes.len() - size;
        assert!(bytes[..head].ends_with(b"\r\n\r\n"), "{query}");
        assert_eq!(bytes[head..], pattern(size));
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_is_counted() {
    let mock = mock();
    let mut stream = connect(&mock).await;
    let request = "POST /v1/files HTTP/1.1\r\nContent-Length: 100\r\n\r\nonly this";
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    wait_for_counts(&mock, |counts| {
        counts.aborted_uploads == 1 && counts.open == 0
    })
    .await;
}
