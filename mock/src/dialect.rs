//! Which provider's API a request speaks, and so which shape its response has.

use crate::request::Request;

/// The API whose shapes a response takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    /// OpenAI's Responses API: the same errors as `OpenAi`, other events.
    Responses,
    Anthropic,
}

impl Dialect {
    /// The dialect of `request`, by its path or by Anthropic's version header.
    pub(crate) fn of(request: &Request) -> Self {
        let path = request.path();
        if path.contains("/messages") || request.header("anthropic-version").is_some() {
            Self::Anthropic
        } else if path.contains("/responses") {
            Self::Responses
        } else {
            Self::OpenAi
        }
    }
}
