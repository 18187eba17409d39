//! What the gateway is doing and what it was told: `health`, `settings`, `providers`, `configs`.
//! Nothing here can be changed by the API.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::{Call, Response, object, page};
use crate::{
    config::Settings, gateway::Gateway, observe::metrics::log_lines_lost, route::catalogue,
};

/// `GET /gateway/admin/v1/health`.
pub(super) async fn health(call: Call) -> Response {
    let gateway = call.control.current.get();
    let breakers = {
        let gateway = gateway.clone();
        // There may be thousands.
        actix_web::web::block(move || gateway.process.origin_health.breakers()).await
    };
    let breakers = breakers.unwrap_or_default();
    Ok(object(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": gateway.process.started.to_string(),
        "draining": gateway.process.is_draining(),
        "requests": requests(&gateway),
        "store": gateway.process.store.get().to_string(),
        "redis": { "limits": redis(&gateway) },
        "records": records(&gateway),
        "bodies": bodies(&gateway),
        "log_lines_lost": log_lines_lost().get(),
        "breakers": breakers,
    })))
}

fn requests(gateway: &Gateway) -> Value {
    let metrics = &gateway.process.metrics;
    json!({
        "received": metrics.received.get(),
        "in_flight": metrics.in_flight.get(),
        "limit": gateway.most_requests(),
    })
}

/// `null`: there is none.
fn redis(gateway: &Gateway) -> Option<bool> {
    let metrics = &gateway.process.metrics;
    let has_redis = gateway.process.limits.is_shared();
    has_redis.then(|| metrics.redis_up.get() > 0)
}

fn records(gateway: &Gateway) -> Value {
    let health = gateway.process.archive.health();
    let error = health.last_error.as_ref();
    json!({
        "store": health.state,
        "queued": health.queued,
        "stored": health.stored,
        "dropped": health.dropped,
        "failing_since": health.failing_since,
        "last_error": error.map(|(at, text)| json!({ "at": at, "message": text })),
    })
}

fn bodies(gateway: &Gateway) -> Value {
    let metrics = &gateway.process.metrics;
    json!({
        "kept_bytes": metrics.bodies_kept.inner().load(Ordering::Relaxed),
        "refused": metrics.bodies_not_kept.get(),
    })
}

/// `GET /gateway/admin/v1/settings`: every setting as it takes effect, and where it was given.
pub(super) async fn settings(call: Call) -> Response {
    let settings = call.control.settings().await;
    let gateway = call.control.current.get();
    let defaults = Settings::default().lines();
    let lines = settings.lines().into_iter().zip(defaults);
    let lines = lines.map(|((key, value), (_, default))| {
        let origin = settings.places.origin(&key);
        json!({
            "value": value,
            "default": default,
            "origin": origin.unwrap_or("default"),
            "key": key,
        })
    });
    Ok(object(&json!({
        "settings": lines.collect::<Vec<_>>(),
        "warnings": settings.warnings,
        "last_reload": gateway.process.reloads.last(),
    })))
}

/// `GET /gateway/admin/v1/providers`: those of the settings, then the built-in ones.
pub(super) async fn providers(call: Call) -> Response {
    let settings = call.control.settings().await;
    let entries = settings.providers.entries();
    let places = &settings.places;
    let own = entries.iter().map(|(name, entry)| {
        let built_in = catalogue::PROVIDERS.iter().find(|it| it.is_called(name));
        json!({
            "name": name,
            "source": "settings",
            "origin": places.origin(&format!("providers.{name}")),
            "base_url": entry.custom_host.as_deref().map(without_secrets)
                .or(built_in.and_then(|it| it.base.map(str::to_owned))),
            "has_credential": entry.has_credential(),
            "environment": built_in.and_then(|it| it.variables.names()),
        })
    });
    let built_in = catalogue::PROVIDERS.iter();
    let built_in = built_in.filter(|it| !entries.keys().any(|name| it.is_called(name)));
    let built_in = built_in.map(|it| {
        json!({
            "name": it.name,
            "source": "built_in",
            "origin": null,
            "base_url": it.base,
            "has_credential": false,
            "environment": it.variables.names(),
        })
    });
    Ok(page(own.chain(built_in).collect(), None))
}

/// `GET /gateway/admin/v1/configs`: the saved configs by name, without what they hold.
pub(super) async fn configs(call: Call) -> Response {
    let settings = call.control.settings().await;
    let names = settings.configs.entries().keys();
    let configs = names.map(|name| {
        let mut config = Map::new();
        config.insert("name".to_owned(), name.as_str().into());
        let origin = settings.places.origin(&format!("configs.{name}"));
        config.insert("origin".to_owned(), origin.into());
        Value::Object(config)
    });
    Ok(page(configs.collect(), None))
}

/// A base URL without its query, which may hold a key.
fn without_secrets(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}
