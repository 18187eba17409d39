//! Requests of the admin API, and of a key's holder.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Client, Response};

pub const TOKEN: &str = "secret";
pub const V1: &str = "/gateway/admin/v1";

/// The admin API of a gateway, by the admin token or a key.
#[derive(Clone)]
pub struct Admin {
    pub address: SocketAddr,
    pub token: String,
}

/// A key as its maker gets it.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    pub key: String,
}

impl Admin {
    pub fn of(address: SocketAddr) -> Self {
        Self::by(address, TOKEN)
    }

    pub fn by(address: SocketAddr, token: &str) -> Self {
        Admin {
            address,
            token: token.to_owned(),
        }
    }

    /// A request with these header lines, each ending in CRLF.
    pub fn send(&self, method: &str, path: &str, lines: &str, body: &str) -> Response {
        let mut client = Client::connect(self.address);
        let framing = match body {
            "" => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        client.send(format!(
            "{method} {V1}{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {}\r\n{lines}{framing}\r\n{body}",
            self.token
        ));
        client.response()
    }

    /// A request with a JSON body.
    pub fn call(&self, method: &str, path: &str, body: &str) -> Response {
        self.send(method, path, "Content-Type: application/json\r\n", body)
    }

    /// The body of a response that must have this status.
    pub fn json(&self, method: &str, path: &str, body: &str, status: u16) -> Value {
        let response = self.call(method, path, body);
        let text = response.text();
        assert_eq!(response.status, status, "{method} {path} {body}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Makes a key.
    pub fn create(&self, document: &str) -> Made {
        made(&self.json("POST", "/keys", document, 201))
    }

    /// What a request with this key gets at the page for its holder.
    pub fn opens(&self, key: &str) -> bool {
        let mut client = Client::connect(self.address);
        client.send(format!(
            "GET /gateway/key HTTP/1.1\r\nHost: localhost\r\nx-gateway-api-key: {key}\r\n\r\n"
        ));
        match client.response().status {
            200 => true,
            401 => false,
            other => panic!("status {other}"),
        }
    }
}

pub fn made(document: &Value) -> Made {
    let text = |name: &str| document[name].as_str().expect(name).to_owned();
    Made {
        id: text("id"),
        key: text("key"),
    }
}
