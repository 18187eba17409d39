//! What a client of the gateway makes of an answer, without its head.

use super::{Gateway, Response, client::End};

/// What a client made of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A whole answer, as far as this client knows.
    Whole(u16, String),
    /// The answer broke off.
    Broken(u16, String),
    /// An error of the gateway's in place of an answer.
    Failed,
}

impl Seen {
    pub fn whole(status: u16, body: &str) -> Self {
        Seen::Whole(status, body.to_owned())
    }

    pub fn broken(status: u16, body: &str) -> Self {
        Seen::Broken(status, body.to_owned())
    }
}

/// What a client of a fresh gateway makes of the answer to this request.
pub fn fresh(request: &str) -> Seen {
    of(&Gateway::start().exchange(request))
}

/// The same, of an answer at hand.
pub fn of(response: &Response) -> Seen {
    let (status, body) = (response.status, response.text());
    match response.end {
        _ if response.error().is_some() => Seen::Failed,
        End::Complete | End::Closed => Seen::Whole(status, body),
        End::CutShort | End::Reset => Seen::Broken(status, body),
    }
}
