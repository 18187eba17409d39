//! `CLOCK_MONOTONIC` in nanoseconds: the one clock that upstream and client, two processes, share.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since an arbitrary point in the past, the same for every process on the machine.
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
