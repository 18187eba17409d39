//! Why was something not cached? Every "no" has a name, which reaches reply, log and metric.

/// Why the cache had no part in a request, or did not keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoCacheReason {
    /// Neither header nor config asked for the cache.
    NotAsked,
    /// Only `POST` is cached.
    Method,
    /// The path is no generating route.
    Path,
    /// An upload: a form or a medium.
    ContentType,
    /// A job that `responses` does in the background.
    Background,
    /// `responses` goes on from an earlier answer.
    PreviousResponseId,
    /// `responses` adds to a conversation.
    Conversation,
    /// The body is larger than what is kept for replay.
    BodyOverLimit,
    /// There is no memory to look at the body with (`memory.bodies`).
    NoBodyMemory,
    /// The route takes a JSON object, and the body is none.
    NotJson,
    /// The body is compressed: what it asks for cannot be seen.
    EncodedRequest,
    /// `Cache-Control: no-store` of the caller.
    NoStoreRequest,
    RangeRequest,
    /// A WebSocket's handshake, or another protocol's.
    Upgrade,
    /// The answer is no 200.
    Status,
    /// The answer broke off.
    Truncated,
    /// `Cache-Control: no-store` of the upstream.
    NoStoreResponse,
    VaryStar,
    /// The answer varies by a header that the key leaves out.
    VaryNoise,
    /// The answer varies by a credential, and callers share what is kept.
    VaryCredential,
    TooLarge,
    /// The stream's dialect has a last word, and it did not come.
    NoTerminalEvent,
    /// An event was an error, or said that the answer is not all of it.
    ErrorEvent,
    /// A line of the stream was too long to be looked at.
    LongEvent,
    /// A compressed answer that cannot be looked into: its coding is not known, it is damaged, or
    /// too much comes of it.
    EncodedResponse,
    /// A 200 that does not look like an answer of its route, such as a page or an empty body.
    NotAnAnswer,
    /// A 200 whose body is an error.
    ErrorBody,
    /// `Set-Cookie`, where callers share what is kept.
    SetCookieShared,
    /// What keeps answers does not answer itself.
    StoreUnavailable,
    /// Answers under way hold as much as they may already.
    NoRoom,
    /// It was purged before it was whole.
    Purged,
    /// A later target of the plan gave it, which asks for no cache, or for another namespace.
    OtherTarget,
    /// A refresh that was asked for later has put a newer one there.
    Superseded,
}

impl NoCacheReason {
    pub const ALL: [NoCacheReason; 33] = [
        Self::NotAsked,
        Self::Method,
        Self::Path,
        Self::ContentType,
        Self::Background,
        Self::PreviousResponseId,
        Self::Conversation,
        Self::BodyOverLimit,
        Self::NoBodyMemory,
        Self::NotJson,
        Self::EncodedRequest,
        Self::NoStoreRequest,
        Self::RangeRequest,
        Self::Upgrade,
        Self::Status,
        Self::Truncated,
        Self::NoStoreResponse,
        Self::VaryStar,
        Self::VaryNoise,
        Self::TooLarge,
        Self::NoTerminalEvent,
        Self::ErrorEvent,
        Self::LongEvent,
        Self::EncodedResponse,
        Self::NotAnAnswer,
        Self::ErrorBody,
        Self::SetCookieShared,
        Self::StoreUnavailable,
        Self::NoRoom,
        Self::Purged,
        Self::OtherTarget,
        Self::Superseded,
        Self::VaryCredential,
    ];

    /// The name in replies, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Method => "method",
            Self::Path => "path",
            Self::ContentType => "content_type",
            Self::Background => "background",
            Self::PreviousResponseId => "previous_response_id",
            Self::Conversation => "conversation",
            Self::BodyOverLimit => "body_over_limit",
            Self::NoBodyMemory => "no_body_memory",
            Self::NotJson => "not_json",
            Self::EncodedRequest => "encoded_request",
            Self::NoStoreRequest => "no_store_request",
            Self::RangeRequest => "range_request",
            Self::Upgrade => "upgrade",
            Self::Status => "status",
            Self::Truncated => "truncated",
            Self::NoStoreResponse => "no_store_response",
            Self::VaryStar => "vary_star",
            Self::VaryNoise => "vary_noise",
            Self::TooLarge => "too_large",
            Self::NoTerminalEvent => "no_terminal_event",
            Self::ErrorEvent => "error_event",
            Self::LongEvent => "long_event",
            Self::EncodedResponse => "encoded_response",
            Self::NotAnAnswer => "not_an_answer",
            Self::ErrorBody => "error_body",
            Self::SetCookieShared => "set_cookie_shared",
            Self::StoreUnavailable => "store_unavailable",
            Self::NoRoom => "no_room",
            Self::Purged => "purged",
            Self::OtherTarget => "other_target",
            Self::Superseded => "superseded",
            Self::VaryCredential => "vary_credential",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reason_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = NoCacheReason::ALL.map(NoCacheReason::name).into();
        assert_eq!(names.len(), NoCacheReason::ALL.len());
        let is_plain = |name: &&str| name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
        assert!(names.iter().all(is_plain));
    }
}
