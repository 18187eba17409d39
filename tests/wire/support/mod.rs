//! What the wire tests share: a real gateway on a free port, an upstream that plays scripted bytes,
//! a client that sends and reads raw bytes. All use blocking sockets on their own threads, so that
//! a script reads from top to bottom.

pub mod admin;
pub mod caching;
pub mod client;
pub mod credentials;
pub mod dns;
pub mod endpoints;
pub mod gateway;
pub mod gateway_keys;
pub mod message;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod replicas;
pub mod routing;
pub mod seen;
pub mod terminal;
pub mod timing;
pub mod tls_upstream;
pub mod upstream;

use std::time::{Duration, Instant};

pub use client::{Client, Response};
pub use gateway::Gateway;
pub use process::Process;
pub use redis::Redis;
pub use routing::Gate;
pub use tls_upstream::{Authority, TlsPeer};
pub use upstream::{Peer, Upstream};

/// Nothing in these tests takes this long; reads give up after it and the test fails with what had
/// come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until `holds` does, looking every few milliseconds.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    assert!(within(PATIENCE, holds), "not within {PATIENCE:?}: {what}");
}

/// Whether `holds` does within this time, looking every few milliseconds.
pub fn within(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    loop {
        match holds() {
            true => return true,
            false if Instant::now() >= deadline => return false,
            false => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Checks during this time, every few milliseconds, that `holds` does.
///
/// # Panics
/// When it does not.
pub fn stays(what: &str, time: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    assert!(
        !within(time, || !holds()),
        "after {:?}, not any more: {what}",
        begun.elapsed()
    );
}

/// Lets time pass. Only for tests of time itself: a timeout, window or lifetime of the gateway's
/// runs out, a client is slow on purpose, or what must not happen shows nowhere until later.
/// Everything else is waited for with [`eventually`].
pub fn let_pass(time: Duration) {
    std::thread::sleep(time);
}

/// Bytes as a readable string, for messages.
pub fn show(bytes: &[u8]) -> String {
    const MOST: usize = 2000;
    let cut = &bytes[..bytes.len().min(MOST)];
    let mut text = cut.escape_ascii().to_string().replace("\\r\\n", "\r\n");
    if bytes.len() > MOST {
        text.push_str(&format!("... ({} bytes)", bytes.len()));
    }
    text
}
