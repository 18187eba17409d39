//! The mock over real sockets: the tests check the bytes on the wire. This file holds the client
//! that they share.

#![allow(
    clippy::disallowed_methods,
    reason = "the client of a test may connect directly"
)]

mod apis;
mod failures;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Counts, MockHandle, MockOptions, pattern, start, text};

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

/// All bytes until the mock ends the connection, and the way in which it ended.
async fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut bytes = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    (bytes, ended.map(|_| ()).map_err(|error| error.kind()))
}

/// Sends one request on a new connection and reads until the mock ends the connection.
async fn exchange(mock: &MockHandle, request: &str) -> (String, Result<(), ErrorKind>) {
    let mut stream = connect(mock).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let (bytes, ended) = read_to_end(&mut stream).await;
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

/// Sends one request with `Connection: close`; returns head and body of the response.
async fn exchange_and_close(mock: &MockHandle, request: &str) -> (String, String) {
    let closing = request.replacen("Host: m\r\n", "Host: m\r\nConnection: close\r\n", 1);
    let (response, ended) = exchange(mock, &closing).await;
    assert_eq!(ended, Ok(()));
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
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

/// The JSON of each `data:` line except `[DONE]`.
fn events(stream: &str) -> Vec<Value> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(json).collect()
}

/// Waits until the counts satisfy `reached`; they change shortly after a client has left.
async fn wait_for_counts(mock: &MockHandle, reached: impl Fn(&Counts) -> bool) {
    let waiting = async {
        while !reached(&mock.counts()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}
