//! Gateways that share a Redis.

use super::{
    Process, Redis, Response, Upstream, eventually,
    routing::{base, chat, config_line},
};

pub const BODY: &str = r#"{"model":"m"}"#;

pub fn replica(name: &str, redis: &Redis, limit: &str, more: &str) -> Process {
    let url = redis.url();
    // A machine busy with tests may not answer in 50 ms, and is not what most of them are about.
    let patience = if more.contains("timeout") {
        ""
    } else {
        ", timeout: 5s"
    };
    Process::serving(
        name,
        &format!(
            "log: {{ access: off }}\nlimits: [{limit}]\nlimit_store: {{ store: redis, url: \"{url}\"{patience}{more} }}"
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

pub fn exchange(process: &Process, request: &str) -> Response {
    let mut client = process.client();
    client.send(request);
    client.response()
}

/// Waits until all know Redis.
pub fn settled(processes: &[&Process]) {
    for process in processes {
        eventually("redis is known", || {
            metric(process, "throughway_redis_up") == 1
        });
    }
}

pub fn metric(process: &Process, name: &str) -> i64 {
    let page = exchange(
        process,
        "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    let text = page.text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .expect(name);
    line.trim().parse().expect("a number")
}
