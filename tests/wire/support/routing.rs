//! Requests with a config object, upstreams for them, and what the response headers say about
//! targets and retries.

#![allow(dead_code, reason = "no test needs all of it")]

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex},
};

use base64::Engine as _;

use super::{PATIENCE, Peer, Response, Upstream};

/// A POST to `/v1/chat/completions`; `lines` each end in CRLF.
pub fn chat(lines: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {length}\r\n{lines}\r\n{body}"
    )
}

/// The same with this inline config.
pub fn configured(config: &str, body: &str) -> String {
    chat(&config_line(config), body)
}

/// `x-gateway-config` with its CRLF; white space between lines is for the reader and does not
/// cross.
pub fn config_line(config: &str) -> String {
    let lines: Vec<&str> = config.lines().map(str::trim).collect();
    format!("x-gateway-config: {}\r\n", lines.concat())
}

/// `http://address/v1`.
pub fn base(upstream: &Upstream) -> String {
    format!("{}/v1", upstream.url())
}

/// A whole response with this body.
pub fn raw_response(status: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {length}\r\n\r\n{body}")
}

/// A whole JSON response with this body.
pub fn json(status: &str, body: &str) -> String {
    raw_response(status, "Content-Type: application/json\r\n", body)
}

/// One chunk of a chunked body.
pub fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The head of an event stream in chunks.
pub const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The last chunk.
pub const LAST: &str = "0\r\n\r\n";

/// The n-th token of a chat stream as an event.
pub fn token(number: usize) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\"t{number} \"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// The first tokens of a chat stream, as a client reads them.
pub fn tokens(count: usize) -> String {
    (0..count).map(token).collect()
}

/// The same, each in a chunk of its own.
pub fn token_chunks(count: usize) -> String {
    (0..count).map(|number| chunk(&token(number))).collect()
}

impl Upstream {
    /// Responds to every request with a completion that tells this name.
    pub fn named(name: &str) -> Self {
        Self::responding(json("200 OK", &completion(name)))
    }

    /// Responds to every request with this status and a JSON error.
    pub fn failing(status: &str) -> Self {
        Self::responding(json(status, FAILURE))
    }
}

/// What [`Upstream::named`] sends.
pub fn completion(name: &str) -> String {
    format!("{{\"id\":\"{name}\",\"choices\":[]}}")
}

/// What [`Upstream::failing`] sends.
pub const FAILURE: &str =
    r#"{"error":{"message":"not now","type":"server_error","param":null,"code":null}}"#;

impl Response {
    /// Which target's response it is.
    pub fn option(&self) -> &str {
        self.header("x-gateway-last-used-option-index")
            .unwrap_or("none")
    }

    /// `x-gateway-retry-attempt-count`.
    pub fn retries(&self) -> &str {
        self.header("x-gateway-retry-attempt-count")
            .unwrap_or("none")
    }

    /// Status and body as text.
    pub fn seen(&self) -> (u16, String) {
        (self.status, self.text())
    }
}

/// Opened once, by the test, when what must come first has been seen.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().expect("no panic") = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open; whether it was within the patience.
    pub fn passed(&self) -> bool {
        let open = self.0.0.lock().expect("no panic");
        let (open, _) = self
            .0
            .1
            .wait_timeout_while(open, PATIENCE, |open| !*open)
            .expect("no panic");
        *open
    }
}

/// A port that refuses: bound, so that no other process gets it, and not listening.
pub struct Refusing {
    socket: socket2::Socket,
}

impl Refusing {
    pub fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("a port");
        Refusing { socket }
    }

    pub fn base(&self) -> String {
        let address = self.socket.local_addr().expect("an address");
        format!("http://{}/v1", address.as_socket().expect("an address"))
    }
}

impl Peer {
    /// Reads a request and then says nothing until the other side closes.
    pub fn fall_silent(&mut self) {
        self.closed_after();
    }
}

/// Standard base64 with padding.
pub fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The alphabet of URLs, without padding.
pub fn base64url(text: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}
