//! What time is it? Read from tokio's clock, which its timers run by: a test that pauses the one
//! pauses the other.

use std::time::{Duration, Instant};

/// The present instant.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time since `start`; zero if that is still to come.
pub fn since(start: Instant) -> Duration {
    now().saturating_duration_since(start)
}
