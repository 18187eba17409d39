//! How is the end of a request body known?

/// How the end of the caller's body is known, and so how it is framed upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// No body and no framing header.
    None,
    /// The caller's own Content-Length.
    Exact(u64),
    /// The caller sent chunks.
    Chunked,
    /// A WebSocket handshake: bytes flow once the upstream has responded with 101, not before.
    Tunnel,
}

impl BodyLength {
    /// There is a body that can be edited. What a tunnel carries always goes up as it comes.
    pub fn is_editable(self) -> bool {
        match self {
            BodyLength::None | BodyLength::Exact(0) | BodyLength::Tunnel => false,
            BodyLength::Exact(_) | BodyLength::Chunked => true,
        }
    }
}
