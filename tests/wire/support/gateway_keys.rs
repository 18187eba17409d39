//! Gateway keys for settings and requests.

use rand::{SeedableRng as _, rngs::StdRng};
use throughway::identity::token::GatewayKey;

use super::Upstream;

/// The key of this number.
pub fn key(number: u64) -> String {
    let key = GatewayKey::generate(&mut StdRng::seed_from_u64(number));
    key.expose().to_owned()
}

/// Its digest, as settings have it.
pub fn digest(number: u64) -> String {
    let key = GatewayKey::parse(key(number).as_bytes()).expect("a key");
    key.digest().to_string()
}

/// A line `NAME: { digest: ..., MORE }` under `keys`.
pub fn entry(name: &str, number: u64, more: &str) -> String {
    let digest = digest(number);
    let comma = if more.is_empty() { "" } else { ", " };
    format!("  {name}: {{ digest: \"{digest}\"{comma}{more} }}\n")
}

/// `Authorization: Bearer` with its CRLF.
pub fn bearer(number: u64) -> String {
    format!("Authorization: Bearer {}\r\n", key(number))
}

/// A request of key 1 as it is written; `lines` each end in CRLF.
pub fn ask(method: &str, path: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let key = bearer(1);
    let raw = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{key}{lines}\r\n");
    [raw.as_bytes(), body].concat()
}

/// Accepts WebSocket handshakes, and has a body for everything else.
pub fn upstream() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(head) = peer.request() {
            let head = String::from_utf8_lossy(&head[..head.len().min(4096)]).to_ascii_lowercase();
            if head.contains("upgrade: websocket") {
                peer.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
                );
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        }
    })
}
