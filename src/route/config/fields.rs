//! The one table of a config object's keys.

/// The kinds of objects in a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The config itself and each of its targets, including groups.
    Target,
    Strategy,
    Condition,
    Sticky,
    Breaker,
    Retry,
    Timeouts,
    Hedge,
    Auth,
    /// `credential`: exactly one of its keys, each a scheme.
    Credential,
    Basic,
    AwsSigV4,
    Google,
    Cache,
    RateLimit,
}

/// One key of the table.
pub struct Field {
    pub section: Section,
    pub name: &'static str,
    /// An alternative name.
    pub alias: Option<&'static str>,
    /// The type of value.
    pub kind: &'static str,
    /// What applies if the key is absent.
    pub default: &'static str,
    /// What the key does, for the reference page.
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
    Auth, AwsSigV4, Basic, Breaker, Cache, Condition, Credential, Google, Hedge, RateLimit, Retry,
    Sticky, Strategy, Target, Timeouts,
};

/// Every key, in the order of the reference page.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field(Target, "name", "text", "none", r#""big""#,
        "The name by which `then` and `default` of a `conditional` strategy refer to the target."),
    field(Target, "provider",
        "`passthrough`, a [built-in provider](providers.md), or `@name` of the settings",
        "`passthrough`", r#""openai""#,
        "The provider: sets the host if `custom_host` does not, and where `api_key` goes. A \
         provider of the settings has its own host and cannot be combined with `custom_host`. Not \
         inherited."),
    field(Target, "custom_host", "absolute `http` or `https` URL",
        "the outer object's, then `x-gateway-custom-host`", r#""https://my.vllm.com/v1""#,
        "The base URL; the path after the gateway's `/v1` is appended. Inherited; the header is \
         the outermost default, so a value in the config wins."),
    field(Target, "api_key", "text", "none: the caller's credentials cross", r#""sk-...""#,
        "The target's own credential, sent in `Authorization: Bearer` or where its provider \
         expects it. All credentials of the caller are then removed. For a host of the settings, \
         an `api_key` in a request counts as a credential of the caller: it is sent only if those \
         may be sent there, and is a 400 otherwise. Not inherited."),
    field(Target, "auth", "object", "the provider's way", r#"{"header":"x-token"}"#,
        "Where the `api_key` beside it goes instead. Not inherited."),
    field(Target, "credential", "object", "none", r#"{"bearer":"sk-..."}"#,
        "A credential of the gateway's settings, by one of the schemes below; see \
         [credentials](credentials.md). It goes to the target's own host and nowhere else, and all \
         credentials of the caller are removed. Not together with `api_key` or `auth`. A request \
         cannot give it. Not inherited."),
    field(Target, "headers", "object of names and texts, or null", "{}",
        r#"{"x-team":"a","x-debug":null}"#,
        "Headers to set, replacing the caller's, or with null to remove. A header that carries a \
         credential counts as the target's own credential. At most 96. A request cannot name a \
         header that the settings set for the target. Not inherited."),
    field(Target, "forward_headers", "list of texts", "[]", r#"["x-tenant"]"#,
        "Accepted and without effect: every end-to-end header is forwarded anyway."),
    field(Target, "forward_authorization", "bool",
        "true for hosts that the caller names; for hosts of the settings only if there is a \
         single host and it has no credential", "false",
        "Whether the caller's credentials (`Authorization`, `x-api-key`, `api-key`, \
         `x-goog-api-key`, `xi-api-key`, `Cookie`, keys in the query and among a WebSocket's \
         subprotocols) are forwarded. Inherited. Callers cannot set it to true for hosts of the \
         settings. What is not forwarded is named in `x-gateway-withheld`."),
    field(Target, "override_params", "object", "{}", r#"{"model":"gpt-4o-mini"}"#,
        "Top-level keys of the JSON body and the values they get. Only these values' bytes \
         change. Inherited key by key, at most 128 with the inherited ones. A request cannot name \
         a key that the settings set for the target. Requests without a body and WebSockets are \
         forwarded unchanged. A body that is not a JSON object is a 400; one over `replay_limit` \
         is a 413."),
    field(Target, "strategy", "object", "the first target alone", r#"{"mode":"fallback"}"#,
        "How the object's `targets` are used."),
    field(Target, "targets", "list of 1 to 64 objects, to depth 8",
        "none: the object is a target itself", r#"[{"custom_host":"https://a.example/v1"}]"#,
        "The group's targets; each is a target or another group."),
    field(Target, "weight", "number from 0", "1", "3",
        "The share in a `loadbalance`. 0 is never chosen."),
    field(Target, "retry", "object", "no retries", r#"{"attempts":2}"#,
        "Retries at the same target. After a timeout, the next target of a fallback is tried \
         first. Inherited; an inner object replaces the outer one as a whole."),
    field(Target, "request_timeout", "milliseconds", "none", "30000",
        "The time for each attempt, from its start to the response head; then 408. Inherited; \
         `x-gateway-request-timeout` wins."),
    field(Target, "timeouts", "object", "the settings' `timeouts`", r#"{"first_token":20000}"#,
        "How long an upstream may take. Inherited; an inner object replaces the outer one as a \
         whole."),
    field(Target, "strict_end", "bool", "false", "true",
        "If true, a stream of a generating route that ends without the final event of its dialect \
         (`[DONE]`, `message_stop`, `response.completed`, a `finishReason`) is aborted, so that \
         the client does not take it for complete. If false, it is relayed unchanged, and counted \
         and logged as `unfinished`. Compressed streams are not inspected. Inherited."),
    field(Target, "hedge", "object", "off", r#"{"after":800}"#,
        "A second request beside a slow one; the first good response wins, and the other \
         connection is closed. Inherited."),
    field(Target, "cache", "object or bool", "off", r#"{"mode":"simple","max_age":3600}"#,
        "Responses are stored and served to equal requests of the same caller; ignored headers \
         aside, every byte is compared. `true` means `{}`; `false` turns the cache off. \
         Inherited; an inner value replaces the outer one as a whole; `x-gateway-cache*` headers \
         win. Only `POST` to generating routes is cached; the log says why a response was not \
         stored."),
    field(Target, "rate_limit", "object", "none", r#"{"requests":60,"window":"1m"}"#,
        "How many requests may pass; others get 429 `rate_limited`. At the root it counts \
         requests; on a target it counts attempts, and a fallback moves on. In a caller's own \
         config it counts only that caller's requests. Not inherited; on a group below the root \
         it applies to each target below."),
    field(Strategy, "mode", "`single`, `fallback`, `loadbalance`, `conditional`", "`single`",
        r#""fallback""#,
        "`single`: the first target. `fallback`: in order, until one succeeds. `loadbalance`: \
         one, by weight. `conditional`: the target of the first condition that holds."),
    field(Strategy, "on_status_codes", "list of status codes", "every status from 400", "[429,503]",
        "Fallback: move on for these statuses only. It always moves on after failed connections, \
         timeouts, an open breaker, a target that the guard refuses, and, on generating routes, a \
         200 that is not a valid response (an error, an HTML page, an empty body, broken or \
         truncated JSON)."),
    field(Strategy, "conditions", "list of objects", "none; needed for `conditional`",
        r#"[{"query":{"metadata.tier":"pro"},"then":"big"}]"#,
        "Conditional: evaluated in order."),
    field(Strategy, "default", "name of a target", "none: a 400 if no condition holds",
        r#""small""#,
        "Conditional: the target if no condition holds."),
    known_as(field(Strategy, "sticky", "object", "off", r#"{"hash_fields":["metadata.user"]}"#,
        "Loadbalance: requests that agree in these fields go to the same target."),
        "sticky_session"),
    field(Strategy, "cb_config", "object", "no breaker", r#"{"failure_threshold":5}"#,
        "A circuit breaker for each target below, separate for each origin, credential sent and \
         caller: after failures the target is not used for a while, then probed with one request. \
         Once as many other client addresses as the threshold have failed, one failure is enough \
         for a caller without recent successes; a caller whose requests succeed is never blocked \
         because of others. If all breakers are open, all targets are tried."),
    field(Condition, "query", "object", "needed", r#"{"params.model":{"$regex":"^gpt"}}"#,
        "Fields and their tests: `metadata.NAME`, `params.NAME` (any depth), `headers.NAME`, \
         `method`, `url.pathname`; `$eq $ne $gt $gte $lt $lte $in $nin $regex`; `$and`, `$or`; \
         all keys of an object must hold. With `params` the body is read first. For limits see \
         below."),
    field(Condition, "then", "name of a target", "needed", r#""big""#,
        "The target if the query holds."),
    field(Sticky, "hash_fields", "list of fields", "needed", r#"["metadata.user"]"#,
        "Fields as in a query. Requests that have none of them are distributed at random by \
         weight."),
    field(Sticky, "ttl", "seconds", "none: while targets and weights stay", "300",
        "After this time the choice is made anew. All replicas choose the same target."),
    field(Breaker, "failure_threshold", "1 or more", "5", "5",
        "Opens after this many failures within a minute."),
    field(Breaker, "failure_threshold_percentage", "above 0, to 100", "none", "50",
        "Also opens at this percentage of failures."),
    field(Breaker, "minimum_requests", "1 or more", "5", "10",
        "The percentage applies only from this many requests per minute."),
    field(Breaker, "cooldown_interval", "milliseconds", "30000", "30000",
        "How long it stays open before one request is sent as a probe."),
    field(Breaker, "failure_status_codes", "list of status codes", "500 to 599",
        "[500,502,503,504]",
        "Statuses that count as failures. Failed or aborted connections and timeouts of the \
         settings always do. What the caller causes never does: timeouts set by its headers or \
         inline config, its disconnecting, an incomplete request body."),
    field(Retry, "attempts", "0 to 5", "0", "2",
        "Retries after the first try. The delays are random, from 0 to 1, 2, 4, 8 and 16 s. Each \
         caller may retry a fifth of its recent requests to an origin, plus 3 per second; these \
         extra retries are limited to 24 per second for an origin and 12 for a client address."),
    field(Retry, "on_status_codes", "list of status codes", "429, 500, 502, 503, 504", "[429,503]",
        "Statuses that are retried, including the gateway's own 502 and 504. Failed connections \
         are always retried."),
    field(Retry, "use_retry_after_header", "bool", "false", "true",
        "On 429 and 503, wait as long as `retry-after-ms`, `x-ms-retry-after-ms` or `Retry-After` \
         says. Retrying ends if that is over 60 s or exceeds the total timeout."),
    field(Timeouts, "connect", "milliseconds", "the settings' (5 s)", "5000",
        "Connecting, TLS included; then 504 `connect_timeout`."),
    field(Timeouts, "head", "milliseconds", "the settings' (600 s)", "600000",
        "From the end of the request to the response head; restarts while an upload makes \
         progress; then 504 `upstream_timeout`."),
    field(Timeouts, "first_token", "milliseconds", "off", "20000",
        "Streams: from the send to the first token. While another target remains, that is tried \
         instead; on the last target, a 504 before the head or an aborted transfer after it."),
    field(Timeouts, "idle", "milliseconds", "the settings' (300 s)", "120000",
        "Between two chunks of a body; then the transfer is aborted."),
    field(Timeouts, "total", "milliseconds", "the settings' (none)", "3600000",
        "The whole exchange, including retries and delays."),
    field(Hedge, "after", "milliseconds", "needed", "800",
        "How long the first request may take to respond (for a stream, to the first token). A \
         request whose body is still being uploaded is not hedged."),
    field(Hedge, "max_ratio", "0 to 1", "0.05", "0.05",
        "The most hedges per request of the caller to the origin; the first hedge is free."),
    field(Auth, "header", "name of a header", "needed", r#""x-token""#,
        "The header that carries the key."),
    field(Auth, "scheme", "one word", "none: the key alone", r#""Bearer""#,
        "Written before the key."),
    field(Credential, "bearer", "text", "none", r#""sk-...""#,
        "Sent as `Authorization: Bearer`."),
    field(Credential, "header", "object of names and texts", "none", r#"{"api_token":"k-..."}"#,
        "Headers that carry the credential."),
    field(Credential, "query", "object of names and texts", "none", r#"{"key":"k-..."}"#,
        "Parameters that are added to the end of the URL, encoded; those of the caller of these \
         names are removed."),
    field(Credential, "basic", "object", "none", r#"{"user":"pk-...","password":"sk-..."}"#,
        "Sent as `Authorization: Basic`."),
    field(Credential, "aws_sigv4", "object", "none",
        r#"{"access_key_id":"AKIA...","secret_access_key":"...","region":"r","service":"s"}"#,
        "A signature over each request, by AWS Signature Version 4. The body is read whole first; \
         one over `replay_limit` is a 413."),
    field(Credential, "google", "object", "none", r#"{"metadata_server":true}"#,
        "An access token of Google Cloud, fetched, shared by all workers and renewed in time."),
    field(Basic, "user", "text without a colon", "needed", r#""pk-...""#,
        "The user name."),
    field(Basic, "password", "text, may be empty", "needed", r#""sk-...""#,
        "The password."),
    field(AwsSigV4, "access_key_id", "text", "needed", r#""AKIA...""#,
        "The access key's id."),
    field(AwsSigV4, "secret_access_key", "text", "needed", r#""...""#,
        "The access key's secret."),
    field(AwsSigV4, "session_token", "text", "none", r#""...""#,
        "The token of temporary credentials. They are not renewed."),
    field(AwsSigV4, "region", "text", "needed", r#""us-east-1""#,
        "The region that is signed for."),
    field(AwsSigV4, "service", "text", "needed", r#""bedrock""#,
        "The service's name in signatures, such as `bedrock` for `bedrock-runtime` hosts. `s3` \
         has paths and bodies signed as Amazon S3 wants them."),
    field(Google, "service_account", "path of a file, or its JSON", "none",
        r#""/etc/throughway/service-account.json""#,
        "The key of a service account, as Google Cloud makes it. The file is read with the \
         settings."),
    field(Google, "metadata_server", "`true`, or host and port", "none", "true",
        "Tokens of the machine's own service account. `true` means `GCE_METADATA_HOST`, else \
         169.254.169.254."),
    field(Google, "scopes", "list of texts", "`https://www.googleapis.com/auth/cloud-platform`",
        r#"["https://www.googleapis.com/auth/cloud-platform"]"#,
        "What the token is for."),
    field(Cache, "mode", "`simple`", "`simple`", r#""simple""#,
        "`simple`: exact matches."),
    field(Cache, "max_age", "seconds", "7 days", "3600",
        "How long a stored response may be served."),
    field(Cache, "namespace", "text", "none", r#""team-a""#,
        "Separates entries, and can be purged as a whole. In a caller's own config the entries \
         belong to that caller; in the settings all callers of the config share them."),
    field(RateLimit, "requests", "whole number", "none", "60",
        "Requests per `window`. This, `tokens` or `concurrent` is required."),
    field(RateLimit, "tokens", "whole number", "none", "100000",
        "Tokens per `window`, those of requests and responses. What a request may use is reserved \
         before it is sent, and what it has used is counted when it ends; see \
         [budgets](budgets.md)."),
    field(RateLimit, "window", "duration or milliseconds, at most a day", "`1m`", r#""1m""#,
        "The time over which `requests` are spread evenly. Windows of `tokens` follow each other \
         by the clock: one of an hour begins with each full hour of UTC."),
    field(RateLimit, "burst", "whole number", "`requests`", "10",
        "Requests that may come at once. In any one window at most `requests` plus `burst` pass."),
    field(RateLimit, "concurrent", "whole number", "none", "8",
        "Requests in flight at once, each until the last byte of its response."),
    field(RateLimit, "by", "`caller`, `client_address`, `origin`, `metadata.NAME`", "`caller`",
        r#""metadata.user""#,
        "Which requests are counted together. `caller`: by credentials, or by address if there \
         are none. `origin`: by upstream, for each attempt. Callers choose their credentials and \
         metadata: without gateway keys they can evade such a limit by inventing new ones. \
         `client_address` and `origin` cannot be evaded this way."),
];

impl Section {
    /// All sections, in the order of the reference page.
    pub const ALL: [Section; 15] = [
        Target, Strategy, Condition, Sticky, Breaker, Retry, Timeouts, Hedge, Auth, Credential,
        Basic, AwsSigV4, Google, Cache, RateLimit,
    ];

    /// Where a config has its objects; empty for a target.
    pub const fn path(self) -> &'static str {
        match self {
            Target => "",
            Strategy => "strategy",
            Condition => "strategy.conditions[]",
            Sticky => "strategy.sticky",
            Breaker => "strategy.cb_config",
            Retry => "retry",
            Timeouts => "timeouts",
            Hedge => "hedge",
            Auth => "auth",
            Credential => "credential",
            Basic => "credential.basic",
            AwsSigV4 => "credential.aws_sigv4",
            Google => "credential.google",
            Cache => "cache",
            RateLimit => "rate_limit",
        }
    }

    /// Whether a request may give its keys; credentials are those of the settings.
    pub const fn is_for_requests(self) -> bool {
        !matches!(self, Credential | Basic | AwsSigV4 | Google)
    }

    /// The key for a name written in `snake_case` or `camelCase`.
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
