//! Shows checked settings as text, one line each, for `check`, the docs and tests. Secrets and
//! what may hold one show only that they are set.

use std::fmt::Display;
use std::time::Duration;

use super::defaults::REDIS_TIMEOUT;
use super::objects::Objects;
use super::settings::{Settings, Tls, UpstreamTls};
use super::word::{Store, Word as _};
use crate::replicas::ReplicaSettings;
use crate::route::limit::Scoped;
use crate::route::object::CacheAsked;

impl Settings {
    /// Every setting by its key, in the order of the reference page, as it takes effect.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let Self {
            guard,
            timeouts,
            downstream,
            upstream,
            ..
        } = self;
        vec![
            ("listen", self.listen.to_string()),
            ("workers", self.workers.to_string()),
            ("guard.preset", guard.preset.word().to_owned()),
            ("guard.allow", list(&guard.allow)),
            ("portkey", self.portkey.to_string()),
            (
                "allow_unauthenticated",
                self.allow_unauthenticated.to_string(),
            ),
            ("default_target", or_none(self.default_target.as_ref())),
            ("providers", names(&self.providers)),
            ("configs", names(&self.configs)),
            ("default_config", or_none(self.default_config.as_ref())),
            ("limits", limits(&self.limits)),
            (
                "limit_store.store",
                store(self.limit_store.redis.as_ref()).to_owned(),
            ),
            (
                "limit_store.url",
                or_none(self.limit_store.redis.as_ref().map(|_| "set")),
            ),
            (
                "limit_store.cluster",
                self.limit_store
                    .redis
                    .as_ref()
                    .is_some_and(|it| it.cluster)
                    .to_string(),
            ),
            (
                "limit_store.timeout",
                duration(
                    self.limit_store
                        .redis
                        .as_ref()
                        .map_or(REDIS_TIMEOUT, |it| it.timeout),
                ),
            ),
            (
                "limit_store.on_redis_failure",
                self.limit_store.on_redis_failure.word().to_owned(),
            ),
            ("cache.store", store(self.cache.redis.as_ref()).to_owned()),
            (
                "cache.url",
                or_none(self.cache.redis.as_ref().map(|_| "set")),
            ),
            (
                "cache.cluster",
                self.cache
                    .redis
                    .as_ref()
                    .is_some_and(|it| it.cluster)
                    .to_string(),
            ),
            (
                "cache.timeout",
                duration(
                    self.cache
                        .redis
                        .as_ref()
                        .map_or(REDIS_TIMEOUT, |it| it.timeout),
                ),
            ),
            ("cache.max_bytes", size(self.cache.max_bytes)),
            ("cache.paths", list(&self.cache.paths)),
            ("cache.ignore_headers", list(&self.cache.ignore_headers)),
            ("cache.default", cache(self.cache.default.as_ref())),
            ("trusted_proxies", list(&self.trusted_proxies)),
            ("hosts", list(&self.hosts)),
            ("cors.origins", list(&self.cors.origins)),
            (
                "admin_token",
                or_none(self.admin_token.as_ref().map(|_| "set")),
            ),
            ("timeouts.connect", duration(timeouts.connect)),
            ("timeouts.head", duration(timeouts.head)),
            ("timeouts.idle", duration(timeouts.idle)),
            ("timeouts.total", or_none(timeouts.total.map(duration))),
            ("downstream.head", duration(downstream.head)),
            ("downstream.body_idle", duration(downstream.body_idle)),
            ("downstream.write_stall", duration(downstream.write_stall)),
            ("downstream.keep_alive", duration(downstream.keep_alive)),
            (
                "downstream.max_connections",
                or_auto(downstream.max_connections),
            ),
            (
                "downstream.max_requests",
                downstream.max_requests.to_string(),
            ),
            (
                "downstream.max_body",
                or_none(downstream.max_body.map(size)),
            ),
            ("upstream.keepalive", duration(upstream.keepalive)),
            (
                "upstream.max_idle_per_host",
                upstream.max_idle_per_host.to_string(),
            ),
            ("upstream.tls", list(upstream.tls.iter().map(upstream_tls))),
            ("dns.servers", list(&self.dns.servers)),
            ("dns.timeout", duration(self.dns.timeout)),
            ("drain.delay", duration(self.drain.delay)),
            ("drain.budget", duration(self.drain.budget)),
            ("tls", or_none(self.tls.as_ref().map(tls))),
            (
                "via",
                self.via.clone().unwrap_or_else(|| "false".to_owned()),
            ),
            ("x_forwarded_for", self.x_forwarded_for.to_string()),
            ("server_timing", self.server_timing.to_string()),
            ("replay_limit", size(self.replay_limit)),
            ("memory.bodies", or_auto(self.memory.bodies.map(size))),
            ("log.level", self.log.level.clone()),
            ("log.format", self.log.format.word().to_owned()),
            ("log.access", self.log.access.word().to_owned()),
            ("credentials.headers", list(&self.credentials.headers)),
            ("credentials.query", list(&self.credentials.query)),
        ]
    }
}

fn names(objects: &Objects) -> String {
    let names: Vec<&str> = objects.entries().keys().map(String::as_str).collect();
    format!("{{{}}}", names.join(", "))
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |it| it.to_string())
}

/// What is not given is found out at start.
fn or_auto(value: Option<impl Display>) -> String {
    value.map_or_else(|| "auto".to_owned(), |it| it.to_string())
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|it| it.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// In the largest unit that shows it whole.
fn duration(value: Duration) -> String {
    let ms = value.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

/// In the largest binary unit that shows it whole.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = units
        .iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    whole.map_or_else(
        || bytes.to_string(),
        |(unit, name)| format!("{}{name}", bytes / unit),
    )
}

fn cache(asked: Option<&CacheAsked>) -> String {
    match asked {
        None => "none".to_owned(),
        Some(CacheAsked::Off) => "false".to_owned(),
        Some(CacheAsked::On { max_age, namespace }) => {
            let max_age = max_age.map(|it| format!("max_age: {}", it.as_secs()));
            let namespace = namespace.as_ref().map(|it| format!("namespace: {it}"));
            let parts: Vec<String> = max_age.into_iter().chain(namespace).collect();
            format!("{{ {} }}", parts.join(", "))
        }
    }
}

fn store(redis: Option<&ReplicaSettings>) -> &'static str {
    match redis {
        Some(_) => Store::Redis.word(),
        None => Store::Memory.word(),
    }
}

fn limits(limits: &[Scoped]) -> String {
    list(limits.iter().map(|scoped| {
        let limit = &scoped.limit;
        let rate = limit.rate.map(|rate| {
            let (requests, burst) = (rate.requests, rate.burst);
            format!(
                "requests: {requests}, window: {}, burst: {burst}, ",
                duration(rate.window)
            )
        });
        let concurrent = limit.concurrent.map(|it| format!("concurrent: {it}, "));
        let parts = [rate, concurrent].map(Option::unwrap_or_default).concat();
        format!("{{ {parts}by: {} }}", limit.by.name())
    }))
}

fn tls(tls: &Tls) -> String {
    format!(
        "{{ cert: {}, key: {} }}",
        tls.cert.display(),
        tls.key.display()
    )
}

fn upstream_tls(entry: &UpstreamTls) -> String {
    let mut out = format!("{{ host: {}", entry.host);
    if let Some(file) = &entry.ca_file {
        out += &format!(", ca_file: {}", file.display());
    }
    if let Some(client) = &entry.client {
        let (cert, key) = (client.cert.display(), client.key.display());
        out += &format!(", client_cert: {cert}, client_key: {key}");
    }
    out + " }"
}
