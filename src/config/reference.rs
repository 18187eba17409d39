//! The one list of settings as the operator reads it: `docs/settings.md` is printed from it and
//! tests hold it against the structs. The code that uses a setting does not look here.

use std::fmt::Write as _;

use super::layers::VARIABLES;

/// One setting: a row of the reference page.
pub struct Setting {
    /// Its path in the file; `[]` stands for each entry of a list.
    pub key: &'static str,
    /// What kind of value it takes.
    pub kind: &'static str,
    /// What holds where it is not given.
    pub default: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// What follows from setting it, or from leaving it.
    pub consequence: &'static str,
    /// A valid value, as YAML in one line.
    pub example: &'static str,
}

/// Makes a row; the order is that of the page's columns.
const fn row(
    key: &'static str,
    kind: &'static str,
    default: &'static str,
    example: &'static str,
    meaning: &'static str,
    consequence: &'static str,
) -> Setting {
    Setting {
        key,
        kind,
        default,
        meaning,
        consequence,
        example,
    }
}

/// Every setting, in the order of the file's structs.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    row("listen", "IP address and port", "127.0.0.1:8787", "0.0.0.0:8787",
        "Where clients connect. `localhost:PORT` means 127.0.0.1.",
        "An address that other machines can reach changes the defaults of `guard.preset` and \
         `drain.delay`, and the gateway then refuses to start without keys unless \
         `allow_unauthenticated` is set."),
    row("workers", "1 to 1024", "one per core", "2",
        "Worker threads.",
        "Each worker has its own connections and its own pool of upstream connections."),
    row("guard.preset", "`public`, `allowlist`, `self_hosted`, `dev`", "dev on loopback, else public", "self_hosted",
        "Where requests may go. `public`: https, port 443, public addresses. `allowlist`: only \
         what `guard.allow` lists. `self_hosted`: public, and the private networks and ports that \
         `guard.allow` lists. `dev`: loopback and private addresses too, http, any port.",
        "A target outside is answered with 403 `target_denied`. `dev` is refused where other \
         machines can connect. Cloud metadata addresses are denied under every preset."),
    row("guard.allow", "list of hosts and networks", "[]", r#"["10.0.0.0/8:8000", "*.openai.com"]"#,
        "What `allowlist` and `self_hosted` let through: a host, `*.suffix`, an IP address or a \
         network, each with or without a port.",
        "Empty under `allowlist`: every target that a caller names is refused. Under `public` and `dev` entries have no \
         effect. A warning at start says either."),
    row("portkey", "bool", "false", "true",
        "Whether `x-portkey-*` is another name for `x-gateway-*`.",
        "Clients made for Portkey work unchanged: the namespace is then never forwarded, replies \
         carry both names, and the SDK's placeholder credential is dropped."),
    row("allow_unauthenticated", "bool", "false", "true",
        "Whether a gateway without keys may listen where other machines can reach it.",
        "Whoever reaches the address can use it, so something in front must keep strangers out. \
         The check of `Host` is lifted, so that `hosts` has no effect. The check of `Origin` is not: then only the origins \
         that `cors.origins` lists are let in, and the gateway's own address is an origin like any other."),
    row("default_target", "URL", "none", "https://api.openai.com/v1",
        "Where a request goes that names no target.",
        "Without it such a request is answered with 400 `no_target`."),
    row("providers", "mapping of names to targets", "{}", r#"{ my-vllm: { custom_host: "http://10.0.0.7:8000/v1", api_key: "sk-..." } }"#,
        "Targets with their credentials, under names of your own; the keys are those of a target \
         in a [config](config.md), times in milliseconds.",
        "Requests choose one with `x-gateway-provider: @name`, with `provider: \"@name\"` in a \
         config, or with `model: \"@name/...\"` in the body. Its credential goes to its own host \
         and nowhere else."),
    row("configs", "mapping of names to config objects", "{}", r#"{ chain: { strategy: { mode: fallback }, targets: [{ provider: openai }, { provider: groq }] } }"#,
        "[Config objects](config.md) that requests name in `x-gateway-config`.",
        "The hosts in them are the operator's: callers' credentials go there only where a target \
         says `forward_authorization: true`, or is the config's one host and has no credential of \
         its own."),
    row("default_config", "a name under `configs`", "none", "chain",
        "The config of a request that names no target.",
        "Does not go with `default_target`."),
    row("limits", "list of limits", "[]", "[{ requests: 600, window: 1m, by: client_address }]",
        "Limits for all requests, whatever they ask for; the keys are those of \
         [`rate_limit`](config.md#rate_limit). A provider's own stands in it as `rate_limit`.",
        "A request over a limit is answered with 429 `rate_limited` and `Retry-After`, and uses up \
         nothing of the others. Counts are this process's own, unless `limit_store` says otherwise."),
    row("limit_store.store", "`memory`, `redis`", "memory", "redis",
        "Where limits count.",
        "`memory`: each process for itself, so two replicas let twice as much through. `redis`: \
         all replicas together, by the server's clock."),
    row("limit_store.url", "URL", "none", "redis://10.0.0.5:6379/0",
        "The Redis or Valkey server, 6.2 or later, needed with `redis`; `rediss://` for TLS. Of a cluster, several with \
         commas between.",
        "Each limited request asks it once for each limit."),
    row("limit_store.cluster", "bool", "false", "true",
        "Whether the server is a cluster.",
        "All keys of one limit lie on one node."),
    row("limit_store.timeout", "duration above zero", "50ms", "200ms",
        "How long one question may take.",
        "Without an answer by then, the request goes on as `on_redis_failure` says."),
    row("limit_store.on_redis_failure", "`local`, `allow`, `deny`", "local", "deny",
        "What is done while the server does not answer.",
        "`local`: each process counts for itself until it does. `allow`: nothing is counted. \
         `deny`: limited requests are answered with 503 `overloaded`. That it went and came back is \
         logged, and `throughway_redis_up` says so."),
    row("cache.store", "`memory`, `redis`", "memory", "redis",
        "Where answers are kept.",
        "`memory`: in each process, and gone with it. `redis`: for all replicas."),
    row("cache.url", "URL", "none", "redis://10.0.0.5:6379/1",
        "The Redis or Valkey server, needed with `redis`; of a cluster several, with commas between.",
        "It should have a `maxmemory` and an eviction policy: purged answers stay until they run out."),
    row("cache.cluster", "bool", "false", "true",
        "Whether the server is a cluster.",
        "As for `limit_store.cluster`."),
    row("cache.timeout", "duration above zero", "50ms", "200ms",
        "How long one question may take.",
        "Without an answer by then it is a miss that is not kept; `throughway_cache_redis_up` and \
         the log say so."),
    row("cache.max_bytes", "size", "256MiB", "1GiB",
        "Memory for answers that are kept, all workers together.",
        "Beyond it those go first that nobody asked for longest."),
    row("cache.paths", "list of ends of paths", "[]", "[/v1/score]",
        "Routes whose answers may be kept besides the built-in ones (chat and text completions, \
         embeddings, messages, responses, rerank, moderations, images, speech, Gemini's).",
        "Only `POST`; list none whose answers depend on more than the request."),
    row("cache.ignore_headers", "list of header names", "[]", "[x-request-start, cf-ray]",
        "Request headers that do not count when two requests are compared, besides the built-in ones and, with \
         `trusted_proxies`, what [proxies add](caching.md#what-makes-two-requests-the-same).",
        "An answer that says it varies by one of them is not kept. A name that carries a credential, tells callers apart or \
         says what is asked is an error."),
    row("cache.default", "bool, or a mapping", "none", "{ max_age: 3600, namespace: everybody }",
        "What holds for requests whose config and provider say nothing of a cache; the keys are \
         those of [`cache`](config.md#cache).",
        "Without it nothing is kept unless a request asks. With a `namespace` all callers share \
         the answers."),
    row("trusted_proxies", "list of IP addresses and networks", "[]", "[10.0.0.0/8]",
        "Proxies in front of the gateway, whose `X-Forwarded-For` is believed.",
        "Without it the address a client connects from is its own, and everybody behind one \
         proxy counts as one. With it, what proxies add does not count when the cache compares requests."),
    row("hosts", "list of host names", "[]", "[gateway.example.com]",
        "Names, without port, that a request's `Host` may have besides loopback's, while no key \
         is needed.",
        "Any other name is answered with 421, so that no web page can reach a local gateway \
         through a name of its own."),
    row("cors.origins", "list of origins", "[]", r#"["https://app.example.com"]"#,
        "Origins whose pages may use the gateway from a browser. There is no `*`: list each.",
        "While no key is needed, requests from other origins are answered with 403."),
    row("admin_token", "text, not empty", "none", r#""${ADMIN_TOKEN}""#,
        "The bearer token of `/gateway/admin/`, and of what concerns the operator: metrics, dry runs and \
         `/gateway/explain`.",
        "With it, all of these need it, on loopback too. Without it, `/gateway/admin/` is closed to everybody, and the rest is \
         open on loopback and closed elsewhere. A dry run takes the token in the place of the caller's own `Authorization`; \
         `/gateway/explain` is told the caller's headers apart. A request that is sent goes without the token."),
    row("timeouts.connect", "duration above zero", "5s", "2s",
        "Connecting and TLS, for each attempt. Resolving the name has `dns.timeout`.",
        "Expiry is 504 `connect_timeout`."),
    row("timeouts.head", "duration above zero", "10m", "30s",
        "From the request sent to the response head, for each attempt.",
        "Expiry is 504 `upstream_timeout`. Models that think long before the first byte need \
         much."),
    row("timeouts.idle", "duration above zero", "5m", "2m",
        "Between two pieces of a response body.",
        "Expiry aborts the reply, so that a cut stream never looks complete."),
    row("timeouts.total", "duration above zero, or `none`", "none", "1h",
        "The whole exchange, body included.",
        "Expiry is 504 before the head and an abort after it."),
    row("downstream.head", "duration above zero", "30s", "10s",
        "How long a client may take to send a request head.",
        "Expiry closes the connection."),
    row("downstream.body_idle", "duration above zero", "1m", "30s",
        "How long a client may pause within a request body.",
        "Expiry ends the request on both sides."),
    row("downstream.write_stall", "duration above zero", "1m", "30s",
        "How long a client may leave the reply unread.",
        "Expiry resets its connection and closes the upstream's."),
    row("downstream.keep_alive", "duration", "75s", "2m",
        "How long an idle client connection stays open.",
        "Zero closes after each reply. A proxy in front should keep its own shorter."),
    row("downstream.max_connections", "1 to 1000000", "auto", "10000",
        "Open client connections for each worker; `auto`: 25000, or as many as the limit of open files \
         lets be served, each with a connection to an upstream.",
        "More wait in the system's queue. A number for which the limit of open files is too small is \
         told at start; requests that find no descriptor are answered with 503 `overloaded`."),
    row("downstream.max_requests", "1 to 1000000", "16384", "2000",
        "Requests under way in the whole process, WebSockets included.",
        "One more is answered with 503 `overloaded` and `Retry-After`. The gateway's own pages answer \
         whatever is under way. `limits` with `concurrent` bound each caller."),
    row("downstream.max_body", "size, or `none`", "none", "512MiB",
        "The longest request body.",
        "A longer one is answered with 413 `body_too_large`. Bodies are streamed, so `none` costs \
         no memory."),
    row("upstream.keepalive", "duration", "4s", "30s",
        "How long an idle upstream connection is kept for reuse.",
        "Zero keeps none. Longer than the upstream's own time (uvicorn: 5 s), and requests meet \
         connections that are just being closed."),
    row("upstream.max_idle_per_host", "1 to 1000000", "256", "32",
        "Idle connections kept for each host, in each worker.",
        "Beyond it the connection is closed after use, and the next request connects anew."),
    row("upstream.tls", "list of mappings", "[]", "[{ host: llm.example.com, ca_file: ca.pem }]",
        "TLS beyond the system's authorities, by host.",
        "Each entry needs `ca_file`, or `client_cert` and `client_key`, or all three."),
    row("upstream.tls[].host", "host, with or without port", "required", "llm.example.com:8443",
        "The upstream the entry is for.",
        "With a port it holds for that port only."),
    row("upstream.tls[].ca_file", "path", "none", "/etc/ssl/internal-ca.pem",
        "PEM certificates to trust for this host.",
        "They take the place of the system's authorities for this host."),
    row("upstream.tls[].client_cert", "path", "none", "client.pem",
        "The PEM certificate chain that the gateway shows this host.",
        "Only targets that the settings name are shown it; a caller who names the host connects without it."),
    row("upstream.tls[].client_key", "path", "none", "client.key",
        "The PEM private key of `client_cert`.",
        "Needed with `client_cert`, and useless without."),
    row("dns.servers", "list of IP addresses, with or without port", "[]", r#"["9.9.9.9", "127.0.0.1:5353"]"#,
        "DNS servers to ask.",
        "Empty: the system's way, hosts file and search domains included. Given: only these are \
         asked."),
    row("dns.timeout", "duration above zero", "3s", "1s",
        "How long resolving one name may take.",
        "Expiry is 502 `upstream_unreachable`."),
    row("drain.delay", "duration", "0s on loopback, else 5s", "10s",
        "How long the gateway goes on accepting after the signal to stop, while readiness already \
         says 503.",
        "Gives a load balancer time to look away."),
    row("drain.budget", "duration", "20s", "1m",
        "How long open requests may still take after that.",
        "What is left is aborted. The platform's own grace period must be longer than delay and \
         budget together."),
    row("tls", "mapping", "none", "{ cert: gateway.pem, key: gateway.key }",
        "The certificate that clients see.",
        "Without it the gateway speaks plain HTTP."),
    row("tls.cert", "path", "required in `tls`", "gateway.pem",
        "The PEM certificate chain, leaf first.",
        "A file that cannot be read, or holds no certificate, stops the start."),
    row("tls.key", "path", "required in `tls`", "gateway.key",
        "The PEM private key.",
        "A file that cannot be read, or holds no key of the certificate, stops the start."),
    row("via", "bool, or a name", "false", "edge-1",
        "Whether to add `Via` to requests, and under which name; `true` means \
         `throughway`.",
        "With it, loops over other proxies are found and answered with 508 at once. Without it \
         nothing is added, and loops of default targets are found after about 64 rounds."),
    row("x_forwarded_for", "bool", "false", "true",
        "Whether upstreams are told the client's address in `X-Forwarded-For`.",
        "Without it nothing is added."),
    row("server_timing", "bool", "false", "true",
        "Whether replies say in `Server-Timing` where the time went.",
        "Clients can see how long the upstream took."),
    row("replay_limit", "size", "32MiB", "8MiB",
        "How much of a request body is kept for retries, fallbacks, routing and edits.",
        "A longer body is sent once only; where routing or an edit needs it, the answer is 413. \
         Memory for it is used by each request that may be repeated."),
    row("memory.bodies", "size", "auto", "256MiB",
        "Memory for all that is kept of request bodies: for retries, fallbacks, hedges, routing, edits and \
         the cache; all workers together. `auto`: an eighth of the memory that machine and control group \
         allow, from 64 MiB to 1 GiB.",
        "A client address holds at most as much as is left free: alone, half. Beyond it a request goes on, \
         but cannot be sent again (`x-gateway-replay: lost`) and is not cached; one whose body must be read \
         first is answered with 503 `overloaded`."),
    row("log.level", "`off`, `error`, `warn`, `info`, `debug`, `trace`, or a list", "info", r#""warn,throughway=debug""#,
        "What is logged; a list gives parts of the program their own level.",
        "`debug` and `trace` cost speed. No level logs secrets or bodies."),
    row("log.format", "`auto`, `text`, `json`", "auto", "json",
        "How a log line looks; `auto` is text on a terminal and JSON otherwise.",
        "JSON has one object in each line."),
    row("log.access", "`all`, `errors`, `off`", "all", "errors",
        "Which requests get a line: all, those with a status of 400 or more or cut short, or none.",
        "Records and metrics are the same whatever this says."),
    row("credentials.headers", "list of header names", "[]", "[x-my-token]",
        "Headers that carry a credential, besides the built-in ones.",
        "They are forwarded only where a credential may go, count as the caller's identity for limits and in the \
         cache, and are never logged."),
    row("credentials.query", "list of parameter names", "[]", "[token]",
        "Query parameters that carry a credential, besides the built-in ones.",
        "As for `credentials.headers`."),
];

const OPENING: &str = "\
# Settings

This page is printed by `throughway docs settings` from the table the gateway's tests hold against
its code.

The gateway needs no settings. What is set comes from the settings file, then from the environment,
then from the flags; the later wins. `throughway check FILE` validates a file without side effects: it makes the
same program of it as `serve`, and stops before it listens. It warns of settings without effect, as the start does.

- The file is YAML. A key that does not exist or comes twice is an error with line, column and, for
  an unknown key, the one that was probably meant. A section or key without a value has its default.
- Durations are `250ms`, `5s`, `1m`, `2h`, or a whole number of milliseconds, as in the config
  object. The longest is a week.
- Sizes are `64KiB`, `32MiB`, `1GiB` (powers of 1024), `500kB`, `32MB`, `1GB` (powers of 1000), or a
  whole number of bytes.
- `${NAME}` within a value, and `os.environ/NAME` as a whole value, stand for an environment
  variable; one that is not set is an error at start that names it. `$${` stands for `${`. Keys are
  not expanded, nor is anything outside the settings file.
- Paths of files are relative to the working directory.
- Error messages name the key and its place and never repeat a value.

## Environment and flags

An empty variable counts as not given. Bools are `true` or `1`, `false` or `0`. A `THROUGHWAY_*`
variable that is neither listed here nor used in the file is ignored with a warning.

| variable | stands for |
|---|---|
";

const FLAGS: &str = "
Flags: `--config FILE`, `--listen ADDR`, `--workers N`, `--guard PRESET`, `--portkey`,
`--allow-unauthenticated`.

## Keys

| key | value | default | meaning | consequence | example |
|---|---|---|---|---|---|
";

/// The text of `docs/settings.md`.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    for variable in &VARIABLES {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} |",
            variable.name,
            stands_for(variable.key)
        );
    }
    page.push_str(FLAGS);
    for setting in SETTINGS {
        let Setting {
            key,
            kind,
            default,
            meaning,
            consequence,
            example,
        } = setting;
        let _ = writeln!(
            page,
            "| `{key}` | {kind} | {default} | {meaning} | {consequence} | `{example}` |"
        );
    }
    page
}

fn stands_for(key: &str) -> String {
    match SETTINGS.iter().any(|setting| setting.key == key) {
        true => format!("`{key}`"),
        false => key.to_owned(),
    }
}
