//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic, wait and dial"
)]

mod smoke;
mod support;
