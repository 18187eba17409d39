//! Requests that ask for the cache, and upstreams whose responses can be told apart.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    Gateway, Process, Redis, Response, Upstream, eventually,
    routing::{base, raw_response},
};

/// An upstream that numbers its responses; `lines` each end in CRLF.
pub fn numbering(status: &'static str, lines: &'static str) -> Upstream {
    let count = Arc::new(AtomicUsize::new(0));
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            let number = count.fetch_add(1, Ordering::Relaxed);
            peer.send(raw_response(status, lines, &numbered(number)));
        }
    })
}

/// What [`numbering`] sends: a response of each route that is cached.
pub fn numbered(number: usize) -> String {
    format!(
        "{{\"answer\":{number},\"choices\":[],\"data\":[],\"results\":[],\"content\":[],\
         \"output\":[],\
         \"candidates\":[],\"predictions\":[],\"embeddings\":[]}}"
    )
}

/// An upstream that plays `response` over and over.
pub fn playing(response: impl Into<String>) -> Upstream {
    Upstream::responding(response.into())
}

pub const JSON: &str = "Content-Type: application/json\r\n";
pub const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// A request, each part of which a test may change.
#[derive(Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: &'static str,
    pub host: String,
    pub credential: &'static str,
    pub cache: &'static str,
    pub lines: &'static str,
    pub body: &'static str,
}

impl Ask {
    pub fn of(upstream: &Upstream) -> Self {
        Ask {
            method: "POST",
            path: "/v1/chat/completions",
            host: base(upstream),
            credential: "sk-a",
            cache: "true",
            lines: "",
            body: BODY,
        }
    }

    pub fn text(&self) -> String {
        let Ask {
            method,
            path,
            host,
            credential,
            cache,
            lines,
            body,
        } = self;
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             x-gateway-custom-host: {host}\r\nx-gateway-cache: {cache}\r\n\
             Authorization: Bearer {credential}\r\n\
             Content-Length: {length}\r\n{lines}\r\n{body}"
        )
    }

    pub fn send(&self, gateway: &Gateway) -> Response {
        gateway.exchange(self.text())
    }

    /// The plan of this request, for the holder of the admin token `secret`.
    pub fn plan(&self, gateway: &Gateway) -> serde_json::Value {
        let text = self.text();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let lines = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let headers: std::collections::BTreeMap<_, _> = lines
            .filter(|(name, _)| *name != "Content-Length")
            .collect();
        let question = serde_json::json!({
            "method": self.method, "path": self.path, "headers": headers, "body": body,
        });
        let (question, token) = (question.to_string(), "Authorization: Bearer secret");
        let length = question.len();
        let plan = gateway.exchange(format!(
            "POST /gateway/explain HTTP/1.1\r\nHost: localhost\r\n{token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{question}"
        ));
        serde_json::from_slice(&plan.body).expect("JSON")
    }
}

pub fn status(response: &Response) -> &str {
    let values = response.all("x-gateway-cache-status");
    assert_eq!(values.len(), 1, "{}", response.head);
    values[0]
}

/// What the cache did for these, one after the other.
pub fn statuses<const N: usize>(gateway: &Gateway, asks: [&Ask; N]) -> [String; N] {
    asks.map(|ask| status(&ask.send(gateway)).to_owned())
}

/// A gateway that stores responses in this Redis; `more` are other settings.
pub fn keeping_in(redis: &Redis, name: &str, more: &str) -> Process {
    let url = redis.url();
    // A machine busy with tests may not respond in 50 ms, and is not what they are about.
    let process = Process::serving(
        name,
        &format!("{more}cache: {{ store: redis, url: \"{url}\", timeout: 5s }}\n"),
    );
    eventually("redis is known", || {
        process.metric("throughway_cache_redis_up") == 1
    });
    process
}
