//! How long things take, and upstreams that fall silent.

#![allow(dead_code, reason = "no test needs all of it")]

use std::time::{Duration, Instant};

use super::{Response, Upstream};

/// An upstream that sends these bytes in response and then nothing more.
pub fn after_saying(
    bytes: &'static str,
) -> (Upstream, std::sync::mpsc::Receiver<Option<Duration>>) {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(bytes);
        let _ = tell.lock().expect("no panic").send(peer.closed_after());
    });
    (upstream, told)
}

/// Runs `exchange`; its response and how long it took.
pub fn timed(exchange: impl FnOnce() -> Response) -> (Response, Duration) {
    let start = Instant::now();
    let response = exchange();
    (response, start.elapsed())
}

#[track_caller]
pub fn assert_took(took: Duration, at_least: u64, at_most: u64) {
    let (least, most) = (
        Duration::from_millis(at_least),
        Duration::from_millis(at_most),
    );
    assert!(
        took >= least && took < most,
        "{took:?}, expected {least:?} to {most:?}"
    );
}
