//! The JSON of a log line: one object, each key once, whatever the values.

use std::fmt;

use serde::{
    Deserialize,
    de::{MapAccess, Visitor},
};

use crate::support::{
    Process, Upstream,
    dns::{FakeDns, Reply},
    eventually,
    gateway::get,
    routing::{Refusing, base, chat, config_line, configured},
};

/// An object with its keys as they came.
struct Line(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Line;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Line(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Line {
    /// # Panics
    /// When it is no object, or has a key twice.
    fn parse(text: &str) -> Self {
        let line: Line =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut keys: Vec<&str> = line.0.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all, "a key is there twice: {text}");
        line
    }

    fn text(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(it, _)| it == key)?;
        value.as_str()
    }
}

#[test]
fn every_line_has_each_key_once_and_tells_the_place_in_the_config() {
    let (bad, good) = (Upstream::failing("500 No"), Upstream::named("b"));
    let (refusing, redis) = (Refusing::new(), Refusing::new());
    let redis = redis
        .base()
        .replace("http://", "redis://")
        .replace("/v1", "");
    let dns = FakeDns::start();
    dns.answer("does-not-exist.test", Reply::nxdomain());
    let process = Process::serving(
        "logs-keys",
        &format!(
            "log: {{ level: trace, format: json }}\ndrain: {{ budget: 1s }}\n\
             dns: {{ servers: [\"{}\"] }}\n\
             limits: [{{ requests: 600, window: 1m, by: client_address }}]\n\
             limit_store: {{ store: redis, url: \"{redis}\" }}\n",
            dns.address()
        ),
    );
    let chain = format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&bad),
        base(&good)
    );
    let silent = Upstream::playing(|peer| {
        peer.request();
        peer.closed_after();
    });
    let body = r#"{"model":"m"}"#;
    for (request, status) in [
        (configured(&chain, body), 200),
        (
            chat(&(config_line(&chain) + "x-gateway-cache: true\r\n"), body),
            200,
        ),
        (get(&bad), 500),
        (configured("{", body), 400),
        (chat("x-gateway-provider: nobody\r\n", body), 404),
        (
            chat(
                &format!("x-gateway-custom-host: {}\r\n", refusing.base()),
                body,
            ),
            502,
        ),
        (
            chat(
                "x-gateway-custom-host: http://does-not-exist.test/v1\r\n",
                body,
            ),
            502,
        ),
        (
            chat(
                &format!(
                    "x-gateway-custom-host: {}\r\nx-gateway-cache: true\r\n",
                    base(&good)
                ),
                "no json",
            ),
            200,
        ),
    ] {
        let response = process.exchange(&request);
        assert_eq!(response.status, status, "{request}\n{}", response.text());
    }
    let written = process.log_until_now();
    assert_eq!(
        written.matches("\"message\":\"request\"").count(),
        9,
        "{written}"
    );
    let mut left_over = process.client();
    left_over.send(get(&silent));
    eventually("it waits", || silent.connections() == 1);
    process.signal("TERM");
    eventually("it has stopped", || process.log().contains("\"stopped\""));
    let log = process.log();
    let lines: Vec<Line> = log.lines().map(Line::parse).collect();
    for key in ["timestamp", "level", "message", "module"] {
        assert!(lines.iter().all(|line| line.text(key).is_some()), "{key}");
    }
    let requests: Vec<&Line> = lines
        .iter()
        .filter(|line| line.text("message") == Some("request"))
        .collect();
    assert_eq!(requests.len(), 10, "{log}");
    assert_eq!(requests[0].text("target"), Some("config.targets[1]"));
    assert_eq!(requests[0].text("module"), Some("throughway::record"));
    assert!(log.contains("\"level\":\"WARN\""), "{log}");
    // Others' lines are there, too.
    assert!(log.contains("\"module\":\"hickory_"), "{log}");
}

#[test]
fn long_values_of_callers_are_cut_in_the_log() {
    let process = Process::serving("logs-long", "log: { format: json }\n");
    let long = "x".repeat(60_000);
    let (refusing, body) = (Refusing::new(), "{}");
    let deep = refusing
        .base()
        .replace("/v1", &format!("/{}", &long[..1900]));
    let targets = vec![format!(r#"{{"custom_host":"{deep}"}}"#); 20].join(",");
    let chain = format!(r#"{{"strategy":{{"mode":"fallback"}},"targets":[{targets}]}}"#);
    for request in [
        format!("GET /v1/{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("{long} /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        configured(&format!(r#"{{"{long}":1}}"#), body),
        configured(&chain, body),
    ] {
        process.exchange(&request);
    }
    let log = process.log_until_now();
    let lines: Vec<Line> = log
        .lines()
        .inspect(|line| assert!(line.len() < 8 * 1024, "{} bytes", line.len()))
        .map(Line::parse)
        .filter(|line| line.text("message") == Some("request"))
        .collect();
    assert!(lines.len() >= 4, "{log}");
    let kept = &long[..1024 - "/v1/".len()];
    let path = format!("/v1/{kept}[{} bytes more]", long.len() - kept.len());
    assert_eq!(lines[0].text("path"), Some(&*path));
}
