//! Why a timer of the client's side, or the client itself, ended something.

use crate::upstream::Malformed;

/// Why the watch ended what a connection was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// The client left while nobody was reading from it.
    ClientGone,
    /// A request head took too long.
    Head,
    /// There is no memory left for a request head.
    HeadMemory,
    /// The client sent nothing of its body for too long.
    BodyIdle,
    /// What the client sent of its body is malformed.
    BodyMalformed(Malformed),
    /// The client took nothing of the answer for too long.
    WriteStall,
    /// The deadline the line had set has passed.
    Deadline,
    /// The client went on sending after the answer that ended the connection.
    Lingered,
}

impl AbortReason {
    /// The connection itself ends, not only what is being served on it.
    pub(super) fn ends_connection(self) -> bool {
        match self {
            AbortReason::Head
            | AbortReason::HeadMemory
            | AbortReason::WriteStall
            | AbortReason::Lingered => true,
            AbortReason::ClientGone
            | AbortReason::BodyIdle
            | AbortReason::BodyMalformed(_)
            | AbortReason::Deadline => false,
        }
    }
}
