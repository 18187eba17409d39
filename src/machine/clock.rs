//! What time is it? Read from tokio's clock, which its timers run by: a test that pauses the one
//! pauses the other.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The present instant.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The present time of day. It goes on with tokio's clock, too, where a test moves that ahead.
pub fn wall() -> Timestamp {
    let ahead = now().saturating_duration_since(Instant::now());
    let ahead = SignedDuration::try_from(ahead).unwrap_or_default();
    Timestamp::now()
        .saturating_add(ahead)
        .unwrap_or(Timestamp::MAX)
}

/// The time since `start`; zero if that is still to come.
pub fn since(start: Instant) -> Duration {
    now().saturating_duration_since(start)
}
