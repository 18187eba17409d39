//! The one table of a config object's keys.

/// An object of a config, by what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The config itself and each of its targets, groups included.
    Target,
    Strategy,
    Condition,
    Sticky,
    Breaker,
    Retry,
    Timeouts,
    Hedge,
    Auth,
    Cache,
    RateLimit,
}

/// One key.
pub struct Field {
    pub section: Section,
    pub name: &'static str,
    /// Another name for it.
    pub alias: Option<&'static str>,
    /// What it takes.
    pub kind: &'static str,
    /// What holds where it is not given.
    pub default: &'static str,
    /// What it decides, and what follows from it.
    pub meaning: &'static str,
    /// A valid value, as JSON.
    pub example: &'static str,
}

const fn field(
    section: Section,
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    example: &'static str,
    meaning: &'static str,
) -> Field {
    Field {
        section,
        name,
        alias: None,
        kind,
        default,
        meaning,
        example,
    }
}

const fn known_as(mut field: Field, alias: &'static str) -> Field {
    field.alias = Some(alias);
    field
}

use Section::{
    Auth, Breaker, Cache, Condition, Hedge, RateLimit, Retry, Sticky, Strategy, Target, Timeouts,
};

/// Every key, in the order of the reference page.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field(Target, "name", "text", "none", r#""big""#,
        "The name by which `then` and `default` of a `conditional` strategy refer to the target."),
    field(Target, "provider", "`passthrough`, a built-in provider, or `@name` of the settings", "`passthrough`", r#""openai""#,
        "Whom the target is: gives the host where `custom_host` does not, and says where `api_key` goes. A provider of the settings has its own host, and takes no `custom_host` beside it. Not inherited."),
    field(Target, "custom_host", "absolute `http` or `https` URL", "the outer object's, then `x-gateway-custom-host`", r#""https://my.vllm.com/v1""#,
        "The base URL; the path after the gateway's `/v1` is appended. Inherited; the header is the outermost default, so that a target's own wins over it."),
    field(Target, "api_key", "text", "none: the caller's credentials cross", r#""sk-...""#,
        "The target's own credential, in `Authorization: Bearer` or where its provider has it. Every credential of the caller's is then taken out. For a host of the settings it is one of the caller's credentials, and goes there only where those may; else a 400. Not inherited."),
    field(Target, "auth", "object", "the provider's way", r#"{"header":"x-token"}"#,
        "Another place for the `api_key` beside it. Not inherited."),
    field(Target, "headers", "object of names and texts, or null", "{}", r#"{"x-team":"a","x-debug":null}"#,
        "Headers to set in the place of the caller's, or with null to take out. One that carries a credential counts as the target's own. At most 96. A request cannot name a header that the settings set for the target. Not inherited."),
    field(Target, "forward_headers", "list of texts", "[]", r#"["x-tenant"]"#,
        "Accepted and without effect: every end-to-end header is forwarded anyway."),
    field(Target, "forward_authorization", "bool", "true for hosts the caller named; for the settings' hosts, if there is one host alone and it has no credential", "false",
        "Whether the caller's credentials (`Authorization`, `x-api-key`, `api-key`, `x-goog-api-key`, `Cookie`, keys in the query and among a WebSocket's subprotocols) cross. Inherited. Callers cannot set it to true for hosts of the settings. What does not cross is named in `x-gateway-withheld`."),
    field(Target, "override_params", "object", "{}", r#"{"model":"gpt-4o-mini"}"#,
        "Top-level keys of the JSON body and the values they get. Only these values' bytes change. Inherited key by key, at most 128 with the inherited ones. A request cannot name a key that the settings set for the target. Requests without a body and WebSockets cross as they are. A body that is no JSON object is a 400; one over `replay_limit` a 413."),
    field(Target, "strategy", "object", "the first target alone", r#"{"mode":"fallback"}"#,
        "How the targets beside it are used."),
    field(Target, "targets", "list of 1 to 64 objects, to depth 8", "none: the object is a target itself", r#"[{"custom_host":"https://a.example/v1"}]"#,
        "The group's targets, each a target or a group again."),
    field(Target, "weight", "number from 0", "1", "3",
        "The share in a `loadbalance`. 0 is never chosen."),
    field(Target, "retry", "object", "no retries", r#"{"attempts":2}"#,
        "Trying the same target again. After a timeout another target of a fallback comes first. Inherited; an inner one replaces the outer one whole."),
    field(Target, "request_timeout", "milliseconds", "none", "30000",
        "For each attempt, from its beginning to the response head; then 408. Inherited; `x-gateway-request-timeout` wins."),
    field(Target, "timeouts", "object", "the settings' `timeouts`", r#"{"first_token":20000}"#,
        "How long an upstream may take. Inherited; an inner one replaces the outer one whole."),
    field(Target, "strict_end", "bool", "false", "true",
        "A stream of a route that generates which ends without its dialect's last event (`[DONE]`, `message_stop`, `response.completed`, a `finishReason`) is broken off, so that nobody takes it for a whole one. Without it such a stream is relayed as it is, and counted and logged as `unfinished`. Into compressed streams nobody looks. Inherited."),
    field(Target, "hedge", "object", "off", r#"{"after":800}"#,
        "A second request beside a slow one; the first good answer wins and the other's connection is closed. Inherited."),
    field(Target, "cache", "object or bool", "off", r#"{"mode":"simple","max_age":3600}"#,
        "Answers are kept and given again to requests that are the same in every byte that counts, of the same caller. `true` is `{}`, `false` turns an outer one off. Inherited; an inner one replaces the outer one whole; `x-gateway-cache*` headers win. Only `POST` to routes that generate; whatever is not kept says why in the log."),
    field(Target, "rate_limit", "object", "none", r#"{"requests":60,"window":"1m"}"#,
        "How many requests pass, else 429 `rate_limited`. At the root for each request; on a target for each attempt at it, and a fallback moves on. One in a caller's own config counts that caller's requests only. Not inherited; on a group that is not the root it holds for each target below."),
    field(Strategy, "mode", "`single`, `fallback`, `loadbalance`, `conditional`", "`single`", r#""fallback""#,
        "`single`: the first target. `fallback`: in order, until one does not fail. `loadbalance`: one, by weight. `conditional`: the one whose condition holds first."),
    field(Strategy, "on_status_codes", "list of status codes", "every status from 400", "[429,503]",
        "Fallback: go on for these statuses only. Connections that fail, timeouts, an open breaker, a target that the guard denies, and a 200 that is no answer (an error, a page, nothing, broken or cut JSON) of a route that generates go on in any case."),
    field(Strategy, "conditions", "list of objects", "none; needed for `conditional`", r#"[{"query":{"metadata.tier":"pro"},"then":"big"}]"#,
        "Conditional: looked at in order."),
    field(Strategy, "default", "name of a target", "none: a 400 if no condition holds", r#""small""#,
        "Conditional: the target when no condition holds."),
    known_as(field(Strategy, "sticky", "object", "off", r#"{"hash_fields":["metadata.user"]}"#,
        "Loadbalance: requests alike in these fields go to the same target."), "sticky_session"),
    field(Strategy, "cb_config", "object", "no breaker", r#"{"failure_threshold":5}"#,
        "A circuit breaker for each target below, by its origin, the credential it gets and the caller: after failures it is left alone for a while, then probed by one request. Once failures from as many other addresses reach the threshold, one is enough for a caller that was not answered lately; who is answered is never kept out for what others meet. With all open, all are tried."),
    field(Condition, "query", "object", "needed", r#"{"params.model":{"$regex":"^gpt"}}"#,
        "Fields and what is asked of them: `metadata.NAME`, `params.NAME` (any depth), `headers.NAME`, `method`, `url.pathname`; `$eq $ne $gt $gte $lt $lte $in $nin $regex`; `$and`, `$or`; all keys of an object must hold. With `params` the body is read first. Bounds: see below."),
    field(Condition, "then", "name of a target", "needed", r#""big""#,
        "The target when the query holds."),
    field(Sticky, "hash_fields", "list of fields", "needed", r#"["metadata.user"]"#,
        "Fields as in a query. If a request has none of them, dice decide."),
    field(Sticky, "ttl", "seconds", "none: while targets and weights stay", "300",
        "After so long the draw is made anew. Every replica draws alike."),
    field(Breaker, "failure_threshold", "1 or more", "5", "5",
        "Opens at so many failures in a minute."),
    field(Breaker, "failure_threshold_percentage", "above 0, to 100", "none", "50",
        "Opens at this share of failures, too."),
    field(Breaker, "minimum_requests", "1 or more", "5", "10",
        "The share counts only from so many requests in a minute."),
    field(Breaker, "cooldown_interval", "milliseconds", "30000", "30000",
        "How long it stays open before one request is let through as a probe."),
    field(Breaker, "failure_status_codes", "list of status codes", "500 to 599", "[500,502,503,504]",
        "Statuses that count as failures. Connections that fail or break off, and timeouts of the settings, always do. Nothing counts that is of the caller's making: times that its headers or its inline config set, its leaving, a body that it owes."),
    field(Retry, "attempts", "0 to 5", "0", "2",
        "Tries after the first. Waits between them are drawn from 0 to 1, 2, 4, 8, 16 s. Each caller has retries for a fifth of its recent requests to an origin and 3 a second besides, of which an origin has 24 in all, and one client address at most 12."),
    field(Retry, "on_status_codes", "list of status codes", "429, 500, 502, 503, 504", "[429,503]",
        "Statuses that are tried again, the gateway's own 502 and 504 among them. Connections that fail always are."),
    field(Retry, "use_retry_after_header", "bool", "false", "true",
        "On 429 and 503 wait as long as `retry-after-ms`, `x-ms-retry-after-ms` or `Retry-After` says. Over 60 s, or past the total timeout, retrying ends."),
    field(Timeouts, "connect", "milliseconds", "the settings' (5 s)", "5000",
        "Connecting, TLS included; then 504 `connect_timeout`."),
    field(Timeouts, "head", "milliseconds", "the settings' (600 s)", "600000",
        "From the request sent to the response head; begins anew while an upload moves; then 504 `upstream_timeout`."),
    field(Timeouts, "first_token", "milliseconds", "off", "20000",
        "Streams: from the send to the first token. While another target remains it is tried instead; on the last a 504 before the head, an aborted transfer after it."),
    field(Timeouts, "idle", "milliseconds", "the settings' (300 s)", "120000",
        "Between two pieces of a body; then the transfer is aborted."),
    field(Timeouts, "total", "milliseconds", "the settings' (none)", "3600000",
        "The whole exchange, retries and waits included."),
    field(Hedge, "after", "milliseconds", "needed", "800",
        "How long the first request may be without an answer (of a stream: without a token). A request whose body is still on its way up is not hedged."),
    field(Hedge, "max_ratio", "0 to 1", "0.05", "0.05",
        "Hedges for each of the caller's requests to the origin, at most; the first is free."),
    field(Auth, "header", "name of a header", "needed", r#""x-token""#,
        "The header that carries the key."),
    field(Auth, "scheme", "one word", "none: the key alone", r#""Bearer""#,
        "Stands before the key."),
    field(Cache, "mode", "`simple`", "`simple`", r#""simple""#,
        "Exact matches."),
    field(Cache, "max_age", "seconds", "7 days", "3600",
        "How long an answer may be served again."),
    field(Cache, "namespace", "text", "none", r#""team-a""#,
        "Sets entries apart, and is what they are purged by. In a caller's own config it is one of that caller's; in the settings all callers of the config share the entries."),
    field(RateLimit, "requests", "whole number", "none", "60",
        "Requests in each `window`. This or `concurrent` is needed."),
    field(RateLimit, "window", "duration or milliseconds, at most a day", "`1m`", r#""1m""#,
        "The time in which `requests` are earned, evenly."),
    field(RateLimit, "burst", "whole number", "`requests`", "10",
        "Requests that may come at once. In any one window at most `requests` and `burst` together pass."),
    field(RateLimit, "concurrent", "whole number", "none", "8",
        "Requests under way at once, each until the last byte of its answer."),
    field(RateLimit, "by", "`caller`, `client_address`, `origin`, `metadata.NAME`", "`caller`", r#""metadata.user""#,
        "Whose requests are counted together. `caller`: by credentials, or by address where there are none. `origin`: by upstream, for each attempt. Credentials and metadata are what callers say: without gateway keys, who makes up others is counted apart, and such a limit is advice. `client_address` and `origin` are not."),
];

impl Section {
    /// All of them, in the order of the reference page.
    pub const ALL: [Section; 11] = [
        Target, Strategy, Condition, Sticky, Breaker, Retry, Timeouts, Hedge, Auth, Cache,
        RateLimit,
    ];

    /// The key that is written so: in `snake_case` or `camelCase`.
    pub fn find(self, written: &str) -> Option<&'static str> {
        let mut fields = FIELDS.iter().filter(|field| field.section == self);
        let is = |name: &str| name == written || is_camel(name, written);
        let found = fields.find(|field| is(field.name) || field.alias.is_some_and(is));
        found.map(|field| field.name)
    }

    pub fn names(self) -> Vec<&'static str> {
        let fields = FIELDS.iter().filter(|field| field.section == self);
        fields.map(|field| field.name).collect()
    }
}

/// `written` is `name` in camel case.
fn is_camel(name: &str, written: &str) -> bool {
    let mut written = written.chars();
    let mut upper = false;
    for sign in name.chars() {
        if sign == '_' {
            upper = true;
            continue;
        }
        let expected = if upper {
            sign.to_ascii_uppercase()
        } else {
            sign
        };
        upper = false;
        if written.next() != Some(expected) {
            return false;
        }
    }
    written.next().is_none()
}
