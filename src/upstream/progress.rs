//! How far an exchange has got, for those that only watch it.

/// How far an exchange has got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The request is sent, body and all.
    pub upload_done: bool,
    /// The response is complete.
    pub complete: bool,
}
