//! How can a request end?

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The upstream's response was relayed whole.
    Relayed,
    /// The upstream's response was relayed whole, but a stream's last event was missing.
    Unfinished,
    /// A WebSocket ran and ended.
    Tunnelled,
    /// The gateway sent a response of its own that is not an error: a page or a preflight.
    Answered,
    /// The gateway sent an error of its own.
    Refused,
    /// The upstream's response broke off, so the client's transfer was aborted.
    Truncated,
    /// The client left first.
    ClientGone,
    /// The drain budget ran out.
    Aborted,
}

impl Outcome {
    pub const ALL: [Outcome; 8] = [
        Outcome::Relayed,
        Outcome::Unfinished,
        Outcome::Tunnelled,
        Outcome::Answered,
        Outcome::Refused,
        Outcome::Truncated,
        Outcome::ClientGone,
        Outcome::Aborted,
    ];

    /// The client got a complete response, and it was not an error of the gateway's.
    pub fn is_good(self) -> bool {
        match self {
            Outcome::Relayed | Outcome::Tunnelled | Outcome::Answered => true,
            Outcome::Unfinished
            | Outcome::Refused
            | Outcome::Truncated
            | Outcome::ClientGone
            | Outcome::Aborted => false,
        }
    }

    /// The text in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Relayed => "relayed",
            Outcome::Unfinished => "unfinished",
            Outcome::Tunnelled => "tunnelled",
            Outcome::Answered => "answered",
            Outcome::Refused => "refused",
            Outcome::Truncated => "truncated",
            Outcome::ClientGone => "client_gone",
            Outcome::Aborted => "aborted",
        }
    }
}
