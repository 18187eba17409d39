//! The client's side beneath actix-http: the accepted socket, what the line must know of it, and its timers.
//! actix-http parses and frames; this module adds what it leaves out: a client that goes away is noticed in every phase,
//! a stalled one ends, an abort comes after every byte that was received and never looks like a clean end.

mod abort_reason;
mod closing;
mod connection;
mod detach;
mod head_room;
mod pipelining;
mod socket;
mod stream;
mod timers;

pub use self::{
    abort_reason::AbortReason,
    closing::Closing,
    connection::{ClientConnection, ExchangeGuard},
    detach::{Audience, GoingOn, Others, Serving},
    pipelining::Extent,
    socket::ClientSocket,
    stream::Stream,
    timers::{TICK, Timers},
};

/// Timers of the client's side. Each is checked four times a second by a clock as old, so it is never
/// early and up to half a second late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownstreamTimeouts {
    /// From the first byte of a request head to its last; from the accept, for a connection's first.
    pub head: std::time::Duration,
    /// Between two reads of a request body.
    pub body_idle: std::time::Duration,
    /// While the client takes no byte of an answer.
    pub write_stall: std::time::Duration,
    /// Between an answer and the next request.
    pub keep_alive: std::time::Duration,
}
