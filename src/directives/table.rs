//! The one list of the gateway's own headers: what a request may say, what a reply says.
//! The parser walks it and `docs/headers.md` is printed from it. It decides nothing.

use actix_http::header::HeaderName;

use super::Directives;
use super::value::{self, Reason};

/// The gateway's own namespace: read, never forwarded. Names arrive lower-cased.
pub const NAMESPACE: &str = "x-gateway-";

/// The second name of the same namespace, used in Portkey mode only.
pub const PORTKEY_NAMESPACE: &str = "x-portkey-";

/// How often a request header may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Once; a second line is an error.
    One,
    /// Any number of lines.
    Many,
}

/// One request header: a row of the table.
pub struct RequestHeader {
    /// The name after [`NAMESPACE`].
    pub suffix: &'static str,
    /// What the value may be, for the reference page.
    pub value: &'static str,
    /// What it does, for the reference page.
    pub meaning: &'static str,
    /// A valid value, for the reference page and its test.
    pub example: &'static str,
    /// How often it may come.
    pub lines: Lines,
    /// Reads a non-empty value into its field.
    pub(super) read: fn(&mut Directives, &[u8]) -> Result<(), Reason>,
}

/// Number of rows in [`REQUEST`].
pub const REQUEST_HEADERS: usize = REQUEST.len();

/// Every request header the gateway reads, in the order of the reference page.
pub const REQUEST: &[RequestHeader] = &[
    RequestHeader {
        suffix: "provider",
        value: "`passthrough`, a provider's name, or `@name`",
        meaning: "Who receives the request: any host as it is, a provider of the built-in \
                  catalogue, or a provider of the settings file. Any other name is \
                  refused, also beside a custom host.",
        example: "passthrough",
        lines: Lines::One,
        read: |to, raw| value::provider(raw).map(|it| to.provider = Some(it)),
    },
    RequestHeader {
        suffix: "custom-host",
        value: "absolute `http` or `https` URL",
        meaning: "The base URL the request goes to, normally ending in `/v1`; the path after the \
                  gateway's `/v1` is appended.",
        example: "https://llm.example.com/v1",
        lines: Lines::One,
        read: |to, raw| value::visible(raw).map(|it| to.custom_host = Some(it.to_owned())),
    },
    RequestHeader {
        suffix: "config",
        value: "JSON, base64 of JSON, or a name",
        meaning: "The config object (targets, retries, timeouts), or the name of one saved in \
                  the settings file.",
        example: r#"{"request_timeout":30000}"#,
        lines: Lines::One,
        read: |to, raw| value::utf8(raw).map(|it| to.config = Some(it.to_owned())),
    },
    RequestHeader {
        suffix: "api-key",
        value: "text",
        meaning: "The gateway's own key. It never leaves the gateway.",
        example: "tw-0example0key0",
        lines: Lines::One,
        read: |to, raw| value::secret(raw).map(|it| to.api_key = Some(it)),
    },
    RequestHeader {
        suffix: "trace-id",
        value: "1 to 128 of `A-Z a-z 0-9 . _ : -`",
        meaning: "The caller's trace id, echoed in the reply and in every record. Without it one \
                  is made.",
        example: "order-4711",
        lines: Lines::One,
        read: |to, raw| value::trace_id(raw).map(|it| to.trace_id = Some(it)),
    },
    RequestHeader {
        suffix: "metadata",
        value: "flat JSON object of strings",
        meaning: "Facts about the request for routing, limits and records. Values hold at most \
                  128 characters.",
        example: r#"{"user":"ada","tier":"pro"}"#,
        lines: Lines::One,
        read: |to, raw| value::metadata(raw).map(|it| to.metadata = Some(it)),
    },
    RequestHeader {
        suffix: "request-timeout",
        value: "milliseconds, 1 or more",
        meaning: "How long each attempt may wait for the response head; after that the \
                  response is a 408.",
        example: "30000",
        lines: Lines::One,
        read: |to, raw| value::milliseconds(raw).map(|it| to.request_timeout = Some(it)),
    },
    RequestHeader {
        suffix: "forward-headers",
        value: "comma list or JSON array",
        meaning: "Accepted and without effect: every end-to-end header is forwarded anyway.",
        example: "x-tenant, x-region",
        lines: Lines::Many,
        read: |_, _| Ok(()),
    },
    RequestHeader {
        suffix: "cache",
        value: "`true` or `false`",
        meaning: "Turns the cache on or off for this request, whatever the config says. `simple` \
                  is another word for `true`.",
        example: "true",
        lines: Lines::One,
        read: |to, raw| value::cache_mode(raw).map(|it| to.cache.enabled = Some(it)),
    },
    RequestHeader {
        suffix: "cache-ttl",
        value: "seconds, 1 to 7776000",
        meaning: "How long the response may be served from the cache.",
        example: "3600",
        lines: Lines::One,
        read: |to, raw| value::cache_ttl(raw).map(|it| to.cache.ttl = Some(it)),
    },
    RequestHeader {
        suffix: "cache-namespace",
        value: "1 to 128 visible ASCII characters",
        meaning: "Sets this request's cache entries apart. It adds to the caller's identity and \
                  never replaces it.",
        example: "team-a",
        lines: Lines::One,
        read: |to, raw| value::namespace(raw).map(|it| to.cache.namespace = Some(it)),
    },
    RequestHeader {
        suffix: "cache-force-refresh",
        value: "`true` or `false`",
        meaning: "`true` fetches a fresh response and replaces the stored one.",
        example: "true",
        lines: Lines::One,
        read: |to, raw| value::boolean(raw).map(|it| to.cache.force_refresh = Some(it)),
    },
    RequestHeader {
        suffix: "debug",
        value: "`true` or `false`",
        meaning: "Accepted and without effect in this version, which records no bodies: `false` \
                  will keep those of this request out of the records.",
        example: "false",
        lines: Lines::One,
        read: |to, raw| value::boolean(raw).map(|it| to.debug = Some(it)),
    },
    RequestHeader {
        suffix: "dry-run",
        value: "`true` or `false`",
        meaning: "`true` responds with the plan for this request and sends nothing. For the holder \
                  of the admin token; where none is set, for everybody on loopback and nobody \
                  elsewhere.",
        example: "true",
        lines: Lines::One,
        read: |to, raw| value::boolean(raw).map(|it| to.dry_run = it),
    },
];

/// One reply header: a row of the table.
pub struct ReplyHeader {
    /// The whole name.
    pub name: HeaderName,
    /// What it says.
    pub meaning: &'static str,
    /// When a response has the header.
    pub when: &'static str,
    /// An example of a value.
    pub example: &'static str,
}

/// The request's trace id, the caller's or a new one.
pub const TRACE_ID: HeaderName = HeaderName::from_static("x-gateway-trace-id");
/// The provider whose response this is.
pub const PROVIDER: HeaderName = HeaderName::from_static("x-gateway-provider");
/// The path of the target in the config.
pub const LAST_USED_OPTION_INDEX: HeaderName =
    HeaderName::from_static("x-gateway-last-used-option-index");
/// The retries of the last target.
pub const RETRY_ATTEMPT_COUNT: HeaderName =
    HeaderName::from_static("x-gateway-retry-attempt-count");
/// What the cache did.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("x-gateway-cache-status");
/// The code of an error of the gateway's own.
pub const ERROR: HeaderName = HeaderName::from_static("x-gateway-error");
/// The size of the limit that applied.
pub const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-gateway-ratelimit-limit");
/// What is left of the limit.
pub const RATELIMIT_REMAINING: HeaderName =
    HeaderName::from_static("x-gateway-ratelimit-remaining");
/// When the limit is available in full again.
pub const RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-gateway-ratelimit-reset");
/// A budget is past its soft threshold.
pub const BUDGET_WARNING: HeaderName = HeaderName::from_static("x-gateway-budget-warning");
/// The caller's credential was not sent on.
pub const WITHHELD: HeaderName = HeaderName::from_static("x-gateway-withheld");
pub const REPLAY: HeaderName = HeaderName::from_static("x-gateway-replay");
/// How long the upstream took.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Every reply header the gateway may add, in the order of the reference page.
pub const REPLY: [ReplyHeader; 13] = [
    ReplyHeader {
        name: TRACE_ID,
        meaning: "The trace id of the request: the caller's own, or the one that was made.",
        when: "always, on errors too",
        example: "0190a3c2-7b1e-7c3a-9f52-3d1f6a2b8c4d",
    },
    ReplyHeader {
        name: PROVIDER,
        meaning: "The provider whose response this is.",
        when: "a target was chosen",
        example: "openai",
    },
    ReplyHeader {
        name: LAST_USED_OPTION_INDEX,
        meaning: "The place in the config of the target that was used last.",
        when: "a target was chosen",
        example: "config.targets[1]",
    },
    ReplyHeader {
        name: RETRY_ATTEMPT_COUNT,
        meaning: "`0`, the number of retries used, or `-1` when all were used up in vain.",
        when: "a target was chosen",
        example: "0",
    },
    ReplyHeader {
        name: CACHE_STATUS,
        meaning: "What the cache did: `HIT` (no call was made), `MISS`, `REFRESH` or `DISABLED`.",
        when: "a target was chosen",
        example: "MISS",
    },
    ReplyHeader {
        name: ERROR,
        meaning: "The code of an error the gateway made itself.",
        when: "only on errors of the gateway's own, never on an upstream's",
        example: "no_target",
    },
    ReplyHeader {
        name: RATELIMIT_LIMIT,
        meaning: "The size of the limit that applied.",
        when: "a limit applied",
        example: "60",
    },
    ReplyHeader {
        name: RATELIMIT_REMAINING,
        meaning: "How much of that limit is left.",
        when: "a limit applied",
        example: "59",
    },
    ReplyHeader {
        name: RATELIMIT_RESET,
        meaning: "Seconds until that limit is full again.",
        when: "a limit applied",
        example: "12",
    },
    ReplyHeader {
        name: BUDGET_WARNING,
        meaning: "The budget nearest its end of those past their soft threshold, and the share \
                  that is spent or reserved.",
        when: "a budget is past its `soft` threshold",
        example: "month;used=0.85",
    },
    ReplyHeader {
        name: WITHHELD,
        meaning: "The caller's credentials that the target did not get, by header.",
        when: "the target has a credential of its own, or is not the caller's to name",
        example: "authorization",
    },
    ReplyHeader {
        name: REPLAY,
        meaning: "The request's body outgrew `replay_limit`, or there was no memory to keep it \
                  (`memory.bodies`): it could not have been sent again.",
        when: "a config would have had it sent again",
        example: "lost",
    },
    ReplyHeader {
        name: SERVER_TIMING,
        meaning: "Milliseconds from the request to the upstream's response head.",
        when: "`server_timing: true` in the settings",
        example: "upstream;dur=312.407",
    },
];
