//! Why an exchange with an upstream failed, as facts: what happened, on which connection, and how
//! far the exchange had got. `error.rs` says whose fault it is, and which status follows.

use std::io;

use thiserror::Error;

use super::framing::Malformed;

/// What went wrong between the gateway and an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Cause {
    /// No connection within the connect timeout.
    #[error("no connection within the connect timeout")]
    ConnectTimeout,
    /// Every vetted address refused or failed, the last one for this reason.
    #[error("could not connect ({0})")]
    Connect(io::ErrorKind),
    /// The process or the system cannot open a socket, which is not the upstream's fault.
    #[error("no descriptor is left for a connection to the upstream")]
    NoDescriptors,
    /// The TLS handshake failed.
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    /// The socket's other end is not one of the vetted addresses.
    #[error("connected to an address that was not vetted")]
    PeerNotVetted,
    /// The caller's own request body failed (see the body's fault).
    #[error("the request body ended early")]
    RequestBody,
    /// A write failed, and there was no response to be read.
    #[error("sending failed ({0})")]
    Write(io::ErrorKind),
    /// A read failed, with a reset for example.
    #[error("receiving failed ({0})")]
    Read(io::ErrorKind),
    /// The upstream closed before the first byte of a response.
    #[error("the upstream closed the connection before it responded")]
    ClosedBeforeHead,
    /// The upstream closed inside the response head.
    #[error("the upstream closed the connection inside the response head")]
    ClosedInHead,
    /// The upstream closed before the body was complete.
    #[error("the upstream closed the connection before the body was complete")]
    Truncated,
    /// The response is not HTTP/1.1 that can be relayed safely (RFC 9112).
    #[error("the upstream's response is not valid HTTP: {0}")]
    Malformed(Malformed),
    /// The client engine failed without a cause in the network: a defect of the gateway.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// A failed exchange.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{cause}")]
pub struct Failure {
    /// What happened.
    pub cause: Cause,
    /// The connection had carried an exchange before.
    pub reused: bool,
    /// Bytes of this request that the socket accepted.
    pub sent: u64,
    /// Bytes of a response that were received.
    pub received: u64,
}

impl Failure {
    /// A failure before there was a connection.
    pub fn unsent(cause: Cause) -> Self {
        Failure {
            cause,
            reused: false,
            sent: 0,
            received: 0,
        }
    }

    /// A pooled connection proved dead before any of the response came: one more try on a new
    /// connection is right, if the request allows it.
    pub fn is_stale_connection(&self) -> bool {
        self.reused
            && self.received == 0
            && matches!(
                self.cause,
                Cause::Write(_) | Cause::Read(_) | Cause::ClosedBeforeHead
            )
    }
}
