//! The mock over real sockets: every claim about bytes on the wire is checked on the bytes. Here is
//! the client that the tests share.

#![allow(
    clippy::disallowed_methods,
    reason = "a test's client may dial as it likes"
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
