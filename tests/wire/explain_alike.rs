//! A dry run, `POST /gateway/explain` and `throughway explain` prepare a request in the same way as
//! the gateway does before it sends: all say the same, refusals included.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Gateway, Response, Upstream, message::bare, routing::base};

const REPLAY_LIMIT: usize = 2000;
const MAX_BODY: usize = 6000;
const DRY: &str = "x-gateway-dry-run: true\r\n";

/// One request, as it is sent and as it is told of.
struct Asked {
    method: &'static str,
    path: &'static str,
    lines: Vec<(&'static str, String)>,
    body: String,
}

fn asked(
    method: &'static str,
    path: &'static str,
    lines: &[(&'static str, &str)],
    body: impl Into<String>,
) -> Asked {
    let lines = lines.iter().map(|(name, value)| (*name, (*value).into()));
    Asked {
        method,
        path,
        lines: lines.collect(),
        body: body.into(),
    }
}

impl Asked {
    /// As a dry run.
    fn sent(&self) -> String {
        let Asked { method, path, .. } = self;
        let lines = self.lines.iter();
        let mut lines: String = lines
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let body = match self.is_chunked() {
            true => format!("{:x}\r\n{}\r\n0\r\n\r\n", self.body.len(), self.body),
            false => self.body.clone(),
        };
        if !body.is_empty() && !self.is_chunked() {
            lines.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{DRY}{lines}\r\n{body}")
    }

    fn is_chunked(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|(name, _)| *name == "transfer-encoding")
    }

    /// As a question for `POST /gateway/explain`.
    fn told(&self) -> String {
        let mut headers = json!({});
        for (name, value) in &self.lines {
            match &mut headers[name] {
                Value::Array(values) => values.push(value.as_str().into()),
                none => *none = json!([value]),
            }
        }
        json!({ "method": self.method, "path": self.path, "headers": headers, "body": self.body })
            .to_string()
    }
}

/// What a client sees, but for what tells one exchange from another.
fn seen(response: &Response) -> (u16, Option<String>, Value) {
    let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    (response.status, response.error().map(str::to_owned), body)
}

fn settings(host: &str) -> String {
    format!(
        r#"
replay_limit: {REPLAY_LIMIT}
downstream: {{ max_body: {MAX_BODY} }}
cache: {{ default: true }}
limits: [{{ requests: 3, window: 1h }}]
default_config: plain
providers:
  vllm: {{ custom_host: "{host}", retry: {{ attempts: 1 }} }}
configs:
  plain: {{ custom_host: "{host}" }}
  edited: {{ custom_host: "{host}", override_params: {{ user: me }} }}
  routed:
    strategy: {{ mode: conditional, conditions: [{{ query: {{ params.a: 1 }}, then: one }}],
      default: one }}
    targets: [{{ name: one, custom_host: "{host}" }}]
"#
    )
}

fn requests() -> Vec<(&'static str, Asked)> {
    let chat = "/v1/chat/completions";
    let json = ("content-type", "application/json");
    let small = r#"{"model":"m","messages":[]}"#;
    let long = |bytes: usize| format!(r#"{{"model":"m","user":"{}"}}"#, "x".repeat(bytes));
    let over_replay = || long(REPLAY_LIMIT);
    let config = |name: &'static str| ("x-gateway-config", name);
    let chunked = ("transfer-encoding", "chunked");
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let many_named = "a, ".repeat(200);
    vec![
        (
            "cacheable",
            asked("POST", chat, &[json, config("plain")], small),
        ),
        (
            "in chunks",
            asked("POST", chat, &[json, chunked, config("plain")], small),
        ),
        (
            "over the replay limit",
            asked("POST", chat, &[json, config("plain")], over_replay()),
        ),
        (
            "over the replay limit in chunks",
            asked(
                "POST",
                chat,
                &[json, chunked, config("plain")],
                over_replay(),
            ),
        ),
        (
            "edits a body over it",
            asked("POST", chat, &[json, config("edited")], over_replay()),
        ),
        (
            "routes by a body over it",
            asked("POST", chat, &[json, config("routed")], over_replay()),
        ),
        (
            "asks the model of a body over it",
            asked("POST", chat, &[json], over_replay()),
        ),
        (
            "over max_body",
            asked("POST", chat, &[json, config("plain")], long(MAX_BODY)),
        ),
        (
            "over max_body in chunks",
            asked(
                "POST",
                chat,
                &[json, chunked, config("edited")],
                long(MAX_BODY),
            ),
        ),
        (
            "the model's provider",
            asked("POST", chat, &[json], r#"{"model":"@vllm/m"}"#),
        ),
        (
            "an upload of files",
            asked(
                "POST",
                "/v1/files",
                &[("content-type", "multipart/form-data; boundary=b")],
                "--b--",
            ),
        ),
        ("a GET", asked("GET", "/v1/models", &[config("plain")], "")),
        ("a handshake", asked("GET", "/v1/realtime", &upgrade, "")),
        (
            "a handshake by POST",
            asked("POST", "/v1/realtime", &upgrade, small),
        ),
        ("a path that climbs", asked("GET", "/v1/%2e%2e/x", &[], "")),
        ("no route", asked("GET", "/v2/models", &[], "")),
        ("no route by a hair", asked("GET", "/v1", &[], "")),
        ("TRACE", asked("TRACE", "/v1/models", &[], "")),
        (
            "two configs",
            asked(
                "GET",
                "/v1/models",
                &[config("plain"), config("edited")],
                "",
            ),
        ),
        (
            "an unknown config",
            asked("GET", "/v1/models", &[config("nobody's")], ""),
        ),
        (
            "an unknown header",
            asked("GET", "/v1/models", &[("x-gateway-nonsense", "1")], ""),
        ),
        (
            "connection names too many",
            asked("GET", "/v1/models", &[("connection", &many_named)], ""),
        ),
        (
            "a query",
            asked(
                "POST",
                "/v1/embeddings?api_key=a&b=c",
                &[json, config("plain")],
                small,
            ),
        ),
        (
            "broken JSON",
            asked("POST", chat, &[json, config("edited")], "{"),
        ),
    ]
}

#[test]
fn explain_says_what_a_dry_run_says() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with(&settings(&base(&upstream)));
    let mut wrong = Vec::new();
    for (name, request) in requests() {
        let dry = seen(&gateway.exchange(request.sent()));
        let told = request.told();
        let length = told.len();
        let explained = gateway.exchange(
            bare(
                "POST",
                "/gateway/explain",
                &format!("content-length: {length}\r\n"),
            ) + &told,
        );
        let explained = seen(&explained);
        if dry != explained {
            wrong.push(format!(
                "{name}:\n  dry run {dry:?}\n  explain {explained:?}"
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // Neither counts for a limit, which would have refused most of them.
    assert_eq!(gateway.exchange(bare("GET", "/v1/models", "")).status, 200);
}

#[test]
fn the_plan_that_is_told_is_carried_out() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with(&settings(&base(&upstream)));
    let of = |wanted: &str| {
        let mut requests = requests().into_iter();
        let (_, found) = requests.find(|(name, _)| *name == wanted).expect(wanted);
        seen(&gateway.exchange(found.sent()))
    };
    assert_eq!(of("cacheable").2["cache"]["cacheable"], true);
    for name in ["over the replay limit", "over the replay limit in chunks"] {
        assert_eq!(of(name).2["cache"]["reason"], "body_over_limit", "{name}");
    }
    for (name, status) in [
        ("edits a body over it", 413),
        ("routes by a body over it", 413),
        ("asks the model of a body over it", 413),
        ("over max_body", 413),
        ("over max_body in chunks", 413),
        ("a handshake", 200),
        ("a handshake by POST", 400),
        ("a path that climbs", 400),
        ("TRACE", 405),
        ("two configs", 400),
    ] {
        assert_eq!(of(name).0, status, "{name}");
    }
}

#[test]
fn the_explain_command_says_the_same() {
    let upstream = Upstream::named("a");
    let name = format!("explain-alike-{}.yaml", std::process::id());
    let file = std::env::temp_dir().join(name);
    let yaml = settings(&base(&upstream)) + "listen: 127.0.0.1:1\n";
    std::fs::write(&file, &yaml).expect("the file is written");
    let gateway = Gateway::with(&settings(&base(&upstream)));
    for (name, request) in requests() {
        let dry = seen(&gateway.exchange(request.sent()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughway"));
        command.arg("explain").arg("--config").arg(&file);
        command.args(["--method", request.method]);
        for (header, value) in &request.lines {
            command.args(["-H", &format!("{header}: {value}")]);
        }
        if !request.body.is_empty() {
            command.arg(format!("--data={}", request.body));
        }
        let output = command.arg(request.path).output().expect("it runs");
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let said = String::from_utf8_lossy(&output.stderr);
        match dry.1 {
            None => assert_eq!(plan, dry.2, "{name}: {said}"),
            Some(code) => assert!(
                said.contains(&format!("{}: {code}: ", dry.0)),
                "{name}: {said} for {} {code}",
                dry.0
            ),
        }
    }
    assert_eq!(upstream.connections(), 0);
    let _ = std::fs::remove_file(file);
}
