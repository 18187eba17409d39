//! How can a request end?

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(
    non_camel_case_types,
    reason = "each name is the one in logs and metrics"
)]
pub enum Outcome {
    /// The upstream's answer was relayed whole.
    relayed,
    /// The same, and a stream's last event was missing.
    unfinished,
    /// A WebSocket ran and ended.
    tunnelled,
    /// The gateway answered itself, a page of its own or a preflight.
    answered,
    /// The gateway answered with an error of its own.
    refused,
    /// The upstream's answer broke off; the client's transfer was aborted.
    truncated,
    /// The client left first.
    client_gone,
    /// The drain budget ran out.
    aborted,
}

impl Outcome {
    pub const ALL: [Outcome; 8] = [
        Outcome::relayed,
        Outcome::unfinished,
        Outcome::tunnelled,
        Outcome::answered,
        Outcome::refused,
        Outcome::truncated,
        Outcome::client_gone,
        Outcome::aborted,
    ];

    /// Whether the client got all there was, and it was no error of the gateway's.
    pub fn is_good(self) -> bool {
        match self {
            Outcome::relayed | Outcome::tunnelled | Outcome::answered => true,
            Outcome::unfinished
            | Outcome::refused
            | Outcome::truncated
            | Outcome::client_gone
            | Outcome::aborted => false,
        }
    }

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::relayed => "relayed",
            Outcome::unfinished => "unfinished",
            Outcome::tunnelled => "tunnelled",
            Outcome::answered => "answered",
            Outcome::refused => "refused",
            Outcome::truncated => "truncated",
            Outcome::client_gone => "client_gone",
            Outcome::aborted => "aborted",
        }
    }
}
