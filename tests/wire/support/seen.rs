//! What a client of the gateway sees of a response, without its head.

use super::{Gateway, Response, client::End};

/// What a client made of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A whole response, as far as this client knows.
    Whole(u16, String),
    /// The response broke off.
    Broken(u16, String),
    /// An error of the gateway's in place of a response.
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

/// What a client of a fresh gateway makes of the response to this request.
pub fn fresh(request: &str) -> Seen {
    of(&Gateway::start().exchange(request))
}

/// The same, of a response at hand.
pub fn of(response: &Response) -> Seen {
    let (status, body) = (response.status, response.text());
    match response.end {
        _ if response.error().is_some() => Seen::Failed,
        End::Complete | End::Closed => Seen::Whole(status, body),
        End::CutShort | End::Reset => Seen::Broken(status, body),
    }
}
