//! Gateways that share a Redis.

use super::{
    Process, Redis, Upstream, eventually,
    routing::{base, chat, config_line},
};

pub const BODY: &str = r#"{"model":"m"}"#;

pub fn replica(name: &str, redis: &Redis, limit: &str, more: &str) -> Process {
    let url = redis.url();
    // A machine busy with tests may not respond in 50 ms, and is not what most of them are about.
    let patience = if more.contains("timeout") {
        ""
    } else {
        ", timeout: 5s"
    };
    Process::serving(
        name,
        &format!(
            "log: {{ access: off }}\nlimits: [{limit}]\n\
             limit_store: {{ store: redis, url: \"{url}\"{patience}{more} }}"
        ),
    )
}

pub fn request(upstream: &Upstream) -> String {
    let config = config_line(&format!(r#"{{"custom_host":"{}"}}"#, base(upstream)));
    chat(
        &format!("{config}Authorization: Bearer a\r\nx-gateway-metadata: {{\"user\":\"ada\"}}\r\n"),
        BODY,
    )
}

/// Waits until all know Redis.
pub fn settled(processes: &[&Process]) {
    for process in processes {
        eventually("redis is known", || {
            process.metric("throughway_redis_up") == 1
        });
    }
}
