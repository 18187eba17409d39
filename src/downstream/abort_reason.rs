//! Why did the client's side end a request or its connection?

use crate::http::chunks::MalformedChunks;

/// Why a request or its connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// The client left.
    ClientGone,
    /// A request head took too long.
    Head,
    /// There was no memory left for a request head.
    HeadMemory,
    /// The client sent nothing of its body for too long.
    BodyIdle,
    /// The request body is malformed.
    BodyMalformed(MalformedChunks),
    /// The client took no byte of the response for too long.
    WriteStall,
    /// The deadline that was set for the request has passed.
    Deadline,
    /// The client went on sending after the response that ended the connection.
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
