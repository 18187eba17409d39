//! The reasons why the cache was not used or a response was not stored. Their names appear in
//! response headers, logs and metrics.

/// Why the cache was not used for a request, or a response was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoCacheReason {
    /// Neither a header nor the config enabled the cache.
    NotAsked,
    /// Only `POST` is cached.
    Method,
    /// The path is not a generating route.
    Path,
    /// The request is an upload: a form or a media file.
    ContentType,
    /// A background job of `responses`.
    Background,
    /// The request continues an earlier response of `responses`.
    PreviousResponseId,
    /// The request belongs to a conversation of `responses`.
    Conversation,
    /// The body is larger than the limit for buffered bodies.
    BodyOverLimit,
    /// No memory was left to buffer the body (`memory.bodies`).
    NoBodyMemory,
    /// The route expects a JSON object, and the body is not one.
    NotJson,
    /// The body is compressed, so its content is unknown.
    EncodedRequest,
    /// The caller sent `Cache-Control: no-store`.
    NoStoreRequest,
    RangeRequest,
    /// A protocol upgrade, such as a WebSocket handshake.
    Upgrade,
    /// The response status is not 200.
    Status,
    /// The response ended early.
    Truncated,
    /// The upstream sent `Cache-Control: no-store`.
    NoStoreResponse,
    VaryStar,
    /// `Vary` names a header that the key leaves out.
    VaryNoise,
    /// `Vary` names a credential header, and callers share entries.
    VaryCredential,
    TooLarge,
    /// The stream ended without the final event of its dialect.
    NoTerminalEvent,
    /// An event was an error or marked the response as incomplete.
    ErrorEvent,
    /// A line of the stream was too long to be inspected.
    LongEvent,
    /// The compressed response cannot be inspected: unknown coding, damaged data, or too large when
    /// decoded.
    EncodedResponse,
    /// A 200 whose body does not fit the route, such as an HTML page or an empty body.
    UnusableResponse,
    /// A 200 whose body is an error.
    ErrorBody,
    /// The response has `Set-Cookie`, and callers share entries.
    SetCookieShared,
    /// The store does not respond.
    StoreUnavailable,
    /// Responses in flight already use all memory reserved for them.
    NoRoom,
    /// The entry was purged before the response was complete.
    Purged,
    /// The response came from a fallback target that disables the cache or uses another namespace.
    OtherTarget,
    /// A refresh that started later has already stored a newer response.
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
        Self::UnusableResponse,
        Self::ErrorBody,
        Self::SetCookieShared,
        Self::StoreUnavailable,
        Self::NoRoom,
        Self::Purged,
        Self::OtherTarget,
        Self::Superseded,
        Self::VaryCredential,
    ];

    /// The name in response headers, logs and metrics.
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
            Self::UnusableResponse => "unusable_response",
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
