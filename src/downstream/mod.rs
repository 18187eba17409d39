//! The client's side beneath actix-http: the accepted socket, its state and its timers. actix-http
//! parses requests and frames responses; this module adds what it leaves out. A client that leaves
//! is noticed in every phase, a stalled one is ended, and an abort comes after every byte that was
//! received and never looks like a clean end.

mod abort_reason;
mod audience;
mod closing;
mod connection;
mod detach;
mod head_room;
mod pipelining;
mod socket;
mod stream;
mod timers;

use std::time::Duration;

pub use self::{
    abort_reason::AbortReason,
    audience::{Audience, GoingOn, Others},
    closing::Closing,
    connection::{ClientConnection, ExchangeGuard},
    detach::Serving,
    pipelining::Extent,
    socket::ClientSocket,
    stream::Stream,
    timers::Timers,
};

/// How often timers are checked, and so how late they may fire.
pub const TICK: Duration = Duration::from_millis(250);

/// Timeouts of the client's side. Each is checked four times a second against times that are as
/// old, so it is never early and up to half a second late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownstreamTimeouts {
    /// From the first byte of a request head to its last; for the first head of a connection, from
    /// the accept.
    pub head: Duration,
    /// Between two reads of a request body.
    pub body_idle: Duration,
    /// While the client takes no byte of a response.
    pub write_stall: Duration,
    /// Between a response and the next request.
    pub keep_alive: Duration,
}
