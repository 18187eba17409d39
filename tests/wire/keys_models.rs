//! `allow.models`: a model outside the list does not pass, wherever a request may name it, and what
//! passes crosses byte by byte.

use crate::support::{
    Gateway, Upstream,
    gateway_keys::{ask, entry, upstream},
    routing::{base, config_line},
};

const SETTINGS: &str = r#"
providers: { p: { custom_host: "HOST" } }
configs:
  good: { targets: [{ custom_host: "HOST", override_params: { model: "good-fixed" } }] }
  other: { targets: [{ custom_host: "HOST", override_params: { model: "other" } }] }
  deployment: { targets: [{ custom_host: "HOST/deployments/other" }] }
"#;

fn gateway(upstream: &Upstream) -> Gateway {
    let keys = entry("one", 1, r#"allow: { models: ["good-*"] }"#);
    let settings = SETTINGS.replace("HOST", &base(upstream));
    Gateway::with(&format!("{settings}keys:\n{keys}"))
}

struct Asks<'u> {
    upstream: &'u Upstream,
}

impl Asks<'_> {
    fn host(&self) -> String {
        format!("x-gateway-custom-host: {}\r\n", base(self.upstream))
    }

    fn post(&self, path: &str, lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
        let body = body.as_ref();
        let lines = format!("{}Content-Length: {}\r\n{lines}", self.host(), body.len());
        ask("POST", path, &lines, body)
    }

    fn json(&self, body: &str) -> Vec<u8> {
        self.post(
            "/v1/chat/completions",
            "Content-Type: application/json\r\n",
            body,
        )
    }

    fn chunked(&self, pieces: &[&str]) -> Vec<u8> {
        let chunk = |piece: &&str| format!("{:x}\r\n{piece}\r\n", piece.len());
        let body = pieces.iter().map(chunk).collect::<String>() + "0\r\n\r\n";
        let lines = format!("{}Transfer-Encoding: chunked\r\n", self.host());
        ask("POST", "/v1/chat/completions", &lines, body.as_bytes())
    }

    fn form(&self, model: &str) -> Vec<u8> {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model.wav\"\r\n\r\n\
             \0\u{7f}--c\r\n\r\n--b\r\n\
             Content-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b--\r\n"
        );
        let kind = "Content-Type: multipart/form-data; boundary=b\r\n";
        self.post("/v1/audio/transcriptions", kind, body)
    }

    fn configured(&self, config: &str, path: &str, body: &str) -> Vec<u8> {
        let config = config.replace("HOST", &base(self.upstream));
        let lines = format!("{}Content-Length: {}\r\n", config_line(&config), body.len());
        ask("POST", path, &lines, body.as_bytes())
    }

    fn named(&self, config: &str, body: &str) -> Vec<u8> {
        let lines = format!(
            "x-gateway-config: {config}\r\nContent-Length: {}\r\n",
            body.len()
        );
        ask("POST", "/v1/chat/completions", &lines, body.as_bytes())
    }

    fn at(&self, host: &str, path: &str, body: &str) -> Vec<u8> {
        let host = format!("x-gateway-custom-host: {}{host}\r\n", self.upstream.url());
        let lines = format!("{host}Content-Length: {}\r\n", body.len());
        ask("POST", path, &lines, body.as_bytes())
    }

    fn socket(&self, path: &str) -> Vec<u8> {
        let lines = format!(
            "{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            self.host()
        );
        ask("GET", path, &lines, b"")
    }
}

fn long(model: &str) -> String {
    format!(r#"{{"text":"{}","model":"{model}"}}"#, "x".repeat(10 << 20))
}

#[test]
fn a_model_outside_the_list_does_not_pass_wherever_it_is_named() {
    let upstream = upstream();
    let gateway = gateway(&upstream);
    let asks = Asks {
        upstream: &upstream,
    };
    let good = r#"{"model":"good-1"}"#;
    let gzip = "Content-Encoding: gzip\r\n";
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let encoded = "Content-Type: application/x-www-form-urlencoded\r\n";
    let related = "Content-Type: multipart/related; boundary=b\r\n";
    let part = "--b\r\nContent-Disposition: form-data; name=model\r\n\r\ngood-1\r\n--b--\r\n";
    for (case, request) in [
        ("plain", asks.json(r#"{"model":"other"}"#)),
        ("streamed", asks.json(r#"{"stream":true,"model":"other"}"#)),
        (
            "chunked",
            asks.chunked(&[r#"{"mod"#, r#"el":"oth"#, r#"er"}"#]),
        ),
        ("form", asks.form("other")),
        ("10 MB", asks.json(&long("other"))),
        (
            "first of two",
            asks.json(r#"{"model":"other","model":"good-1"}"#),
        ),
        (
            "last of two",
            asks.json(r#"{"model":"good-1","model":"other"}"#),
        ),
        (
            "escaped key",
            asks.json(r#"{"model":"good-1","\u006dodel":"other"}"#),
        ),
        ("escaped value", asks.json(r#"{"model":"\u006fther"}"#)),
        (
            "capitals",
            asks.json(r#"{"model":"good-1","Model":"other"}"#),
        ),
        ("no text", asks.json(r#"{"model":["good-1"]}"#)),
        (
            "fallbacks",
            asks.json(r#"{"model":"good-1","models":["other"]}"#),
        ),
        ("no model", asks.json(r#"{"messages":[]}"#)),
        ("nested only", asks.json(r#"{"x":{"model":"good-1"}}"#)),
        ("no body", asks.post("/v1/chat/completions", "", "")),
        ("list", asks.json(r#"[{"model":"good-1"}]"#)),
        ("broken", asks.json(r#"{"model":"good-1""#)),
        (
            "two texts",
            asks.json(r#"{"model":"good-1"}{"model":"other"}"#),
        ),
        ("compressed", asks.post("/v1/x", gzip, "\u{1f}")),
        (
            "compressed, query",
            asks.post("/v1/x?model=good-1", gzip, "\u{1f}"),
        ),
        (
            "broken, query",
            asks.post("/v1/x?model=good-1", "", r#"{"model":"other",}"#),
        ),
        // Also where the path or the query names a model that is permitted.
        (
            "raw",
            asks.post("/v1/models/good-1/x", "Content-Type: audio/wav\r\n", "RIFF"),
        ),
        (
            "urlencoded",
            asks.post("/v1/x?model=good-1", encoded, "model=good-1"),
        ),
        ("related", asks.post("/v1/models/good-1/x", related, part)),
        (
            "json before form",
            asks.post("/v1/x", form, format!("{{\"model\":\"other\"}}\r\n{part}")),
        ),
        (
            "two types",
            asks.post(
                "/v1/x",
                &format!("Content-Type: text/plain\r\n{form}"),
                part,
            ),
        ),
        (
            "gemini",
            asks.post("/v1/models/other:generateContent", "", "{}"),
        ),
        (
            "gemini, body",
            asks.post("/v1/models/other:generateContent", "", good),
        ),
        (
            "two slashes",
            asks.post("/v1/models//other:generateContent", "", good),
        ),
        (
            "encoded path",
            asks.post("/v1/m%6fdels/other:generateContent", "", good),
        ),
        (
            "encoded slash",
            asks.post("/v1/models%2Fother:generateContent", "", good),
        ),
        (
            "azure",
            asks.post("/v1/deployments/other/chat/completions", "", good),
        ),
        (
            "azure, capitals",
            asks.post("/v1/Deployments/other/chat/completions", "", good),
        ),
        ("bedrock", asks.post("/v1/model/other%3A0/invoke", "", "{}")),
        (
            "host's path",
            asks.at("/deployments/other", "/v1/chat/completions", good),
        ),
        (
            "end of host",
            asks.at("/v1beta/models", "/v1/other:generateContent", good),
        ),
        (
            "host alone",
            asks.at("/v1beta/models/other:generateContent", "/v1", good),
        ),
        (
            "host's query",
            asks.at("/x?model=other", "/v1/chat/completions", good),
        ),
        ("operator's host", asks.named("deployment", good)),
        ("socket", asks.socket("/v1/realtime?model=other")),
        (
            "socket, two",
            asks.socket("/v1/realtime?model=good-1&model=other"),
        ),
        ("socket, encoded", asks.socket("/v1/realtime?mod%65l=other")),
        (
            "socket, deployment",
            asks.socket("/v1/realtime?model=good-1&deployment=other"),
        ),
        ("socket, none", asks.socket("/v1/realtime")),
        (
            "override",
            asks.configured(
                r#"{"custom_host":"HOST","override_params":{"model":"other"}}"#,
                "/v1/x",
                good,
            ),
        ),
        (
            "override elsewhere",
            asks.configured(
                r#"{"custom_host":"HOST","override_params":{"model":"good-1"}}"#,
                "/v1/models/other:generateContent",
                "{}",
            ),
        ),
        (
            "override in capitals",
            asks.configured(
                r#"{"custom_host":"HOST","override_params":{"MODEL":"other"}}"#,
                "/v1/x",
                good,
            ),
        ),
        (
            "override of a fallback",
            asks.configured(
                r#"{"strategy":{"mode":"fallback"},"custom_host":"HOST","targets":[{},
                {"override_params":{"model":"other"}}]}"#,
                "/v1/x",
                good,
            ),
        ),
        ("operator's override", asks.named("other", good)),
        (
            "model of a provider",
            asks.configured("{}", "/v1/x", r#"{"model":"@p/other"}"#),
        ),
        (
            "prefix twice",
            asks.configured("{}", "/v1/x", r#"{"model":"other","model":"@p/good-1"}"#),
        ),
        ("prefix elsewhere", asks.json(r#"{"model":"@p/good-1"}"#)),
        (
            "one model",
            ask("GET", "/v1/models/other", &asks.host(), b""),
        ),
        ("delete", ask("DELETE", "/v1/files/f", &asks.host(), b"")),
    ] {
        let mut client = gateway.client();
        client.send(request);
        let got = client.response();
        let text = got.text();
        assert_eq!(
            (got.status, got.error()),
            (403, Some("not_allowed")),
            "{case}: {text}"
        );
        assert!(
            text.contains("its `allow.models` does not"),
            "{case}: {text}"
        );
        assert!(!text.contains("good-*"), "{case}: {text}");
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_model_of_the_list_passes_and_its_body_stays_as_it_is() {
    let gzip_less = r#"{ "mod\u0065l" : "good-1" ,"x":[ 1.0 ]}"#;
    let long = long("good-1");
    for (case, make) in [
        (
            "plain",
            &(|asks: &Asks<'_>| asks.json(gzip_less)) as &dyn Fn(&Asks<'_>) -> Vec<u8>,
        ),
        ("chunked", &|asks| {
            asks.chunked(&[r#"{"mod"#, r#"el":"good-1"}"#])
        }),
        ("form", &|asks| asks.form("good-1")),
        ("10 MB", &|asks| asks.json(&long)),
        ("gemini", &|asks| {
            asks.post("/v1/models/good-1:generateContent", "", "{}")
        }),
        ("azure", &|asks| {
            asks.post("/v1/deployments/good-1/chat/completions", "", "{}")
        }),
        ("bedrock", &|asks| {
            asks.post("/v1/model/good-1%3A0/invoke", "", "{}")
        }),
        ("socket", &|asks| asks.socket("/v1/realtime?model=good-1")),
        ("models", &|asks| {
            ask("GET", "/v1/models", &asks.host(), b"")
        }),
        ("one model", &|asks| {
            ask("GET", "/v1/models/good-1", &asks.host(), b"")
        }),
        ("override", &|asks| {
            asks.named("good", r#"{"model":"other"}"#)
        }),
        ("override alone", &|asks| asks.named("good", "{}")),
        ("provider", &|asks| {
            asks.configured("{}", "/v1/x", r#"{"model":"@p/good-1"}"#)
        }),
        ("@cf", &|asks| {
            asks.json(r#"{"model":"good-@cf/meta/llama"}"#)
        }),
    ] {
        let upstream = upstream();
        let gateway = gateway(&upstream);
        let request = make(&Asks {
            upstream: &upstream,
        });
        let mut client = gateway.client();
        client.send(&request);
        let got = client.head_response();
        assert!(matches!(got.status, 200 | 101), "{case}: {}", got.text());
        let sent = upstream.requests().concat();
        let body = |raw: &[u8]| {
            let end = raw.windows(4).position(|it| it == b"\r\n\r\n");
            raw[end.expect("a head") + 4..].to_vec()
        };
        match case {
            "override" | "override alone" => {
                assert!(body(&sent).ends_with(br#""model":"good-fixed"}"#), "{case}");
            }
            "provider" => assert_eq!(body(&sent), br#"{"model":"good-1"}"#),
            // Chunk boundaries are the gateway's.
            "chunked" => assert!(body(&sent).windows(6).any(|it| it == b"good-1")),
            _ => assert!(body(&sent) == body(&request), "{case}"),
        }
    }
}
