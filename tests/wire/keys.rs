//! Gateway keys: wherever one stands it opens the gateway, and nothing of it goes on.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::{SeedableRng as _, rngs::StdRng};
use throughway::identity::token::GatewayKey;

use crate::support::{Gateway, Response, Upstream, routing::base};

/// What becomes of a key, and whether it opens the gateway.
const STATES: [(&str, bool); 7] = [
    ("good", true),
    ("mistyped", false),
    ("unknown", false),
    ("blocked", false),
    ("expired", false),
    ("in grace", true),
    ("after grace", false),
];

const PLACES: [&str; 13] = [
    "own header",
    "bearer",
    "basic user",
    "basic password",
    "aws credential",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "xi-api-key",
    "token",
    "authorization",
    "query",
    "subprotocol",
];

const ROUTES: [&str; 4] = ["body", "stream", "websocket", "dry run"];

fn key(state: &str) -> String {
    let number = STATES.iter().position(|(name, _)| *name == state);
    let seed = number.expect("a state") as u64;
    let key = GatewayKey::generate(&mut StdRng::seed_from_u64(seed));
    let text = key.expose().to_owned();
    match state {
        // Still well formed, but for the checksum.
        "mistyped" if text.ends_with('a') => format!("{}b", &text[..40]),
        "mistyped" => format!("{}a", &text[..40]),
        _ => text,
    }
}

fn digest(state: &str) -> String {
    let key = GatewayKey::parse(key(state).as_bytes()).expect("a key");
    key.digest().to_string()
}

fn settings(more: &str) -> String {
    format!(
        r#"
keys:
  good: {{ digest: "{}"{more} }}
  blocked: {{ digest: "{}", blocked: true }}
  expired: {{ digest: "{}", expires: "2020-01-01T00:00:00Z" }}
  rotated:
    digest: "sha256:{}"
    previous_digests:
      - {{ digest: "{}", until: "2100-01-01T00:00:00Z" }}
      - {{ digest: "{}", until: "2020-01-01T00:00:00Z" }}
"#,
        digest("good"),
        digest("blocked"),
        digest("expired"),
        "ab".repeat(32),
        digest("in grace"),
        digest("after grace"),
    )
}

/// Header lines and query of a request with the key in this place.
fn put(place: &str, key: &str) -> (String, String) {
    let basic = |text: String| format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(text));
    let line = match place {
        "own header" => format!("x-gateway-api-key: {key}\r\n"),
        "bearer" => format!("Authorization: Bearer {key}\r\n"),
        "token" => format!("Authorization: Token {key}\r\n"),
        "basic user" => basic(format!("{key}:x")),
        "basic password" => basic(format!("user:{key}")),
        "aws credential" => format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/bedrock/\
             aws4_request, SignedHeaders=host, Signature=00\r\n"
        ),
        "subprotocol" => {
            format!("Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.{key}\r\n")
        }
        "query" => return (String::new(), format!("?a=1&key={key}&b=2")),
        header => format!("{header}: {key}\r\n"),
    };
    (line, "?a=1".to_owned())
}

fn request(route: &str, upstream: &Upstream, (line, query): &(String, String)) -> String {
    let host = base(upstream);
    let common =
        format!("Host: localhost\r\nx-gateway-custom-host: {host}\r\nx-own: stays\r\n{line}");
    let body = r#"{"model":"m","stream":true}"#;
    match route {
        "websocket" => format!(
            "GET /v1/realtime{query} HTTP/1.1\r\n{common}Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
        "dry run" => {
            format!("GET /v1/models{query} HTTP/1.1\r\n{common}x-gateway-dry-run: true\r\n\r\n")
        }
        "stream" => format!(
            "POST /v1/chat/completions{query} HTTP/1.1\r\n{common}\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
        _ => format!(
            "POST /v1/chat/completions{query} HTTP/1.1\r\n{common}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    }
}

/// Accepts handshakes, and has a body for everything else.
fn upstream() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(head) = peer.request() {
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            if head.contains("upgrade: websocket") {
                peer.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
                );
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        }
    })
}

fn send(gateway: &Gateway, request: &str) -> Response {
    let mut client = gateway.client();
    client.send(request);
    client.head_response()
}

/// Nothing that came is a key, as it is, decoded from base64, or in parts.
fn assert_nothing_came(upstream: &Upstream, key: &str, case: &str) {
    let secret = &key[3..35];
    for raw in upstream.requests() {
        let text = String::from_utf8_lossy(&raw);
        assert!(!text.contains(secret), "{case}: {text}");
        for word in text.split(|sign: char| sign.is_whitespace()) {
            let decoded = BASE64_STANDARD.decode(word).unwrap_or_default();
            let decoded = String::from_utf8_lossy(&decoded).into_owned();
            assert!(!decoded.contains(secret), "{case}: {text}");
        }
    }
}

#[test]
fn wherever_a_key_stands_it_opens_the_gateway_and_never_leaves() {
    let gateway = Gateway::with(&settings(""));
    for ((state, opens), (place, route)) in STATES.iter().flat_map(|state| {
        let places = PLACES
            .iter()
            .flat_map(|place| ROUTES.map(|route| (*place, route)));
        places.map(move |case| (*state, case))
    }) {
        let upstream = upstream();
        let key = key(state);
        let case = format!("{state} {place} {route}");
        let got = send(&gateway, &request(route, &upstream, &put(place, &key)));
        let expected = match (opens, route) {
            (false, _) => 401,
            (true, "websocket") => 101,
            (true, _) => 200,
        };
        assert_eq!(got.status, expected, "{case}: {}", got.text());
        if !opens {
            assert_eq!(got.error(), Some("invalid_gateway_key"), "{case}");
            assert_eq!(got.all("www-authenticate"), ["Bearer"], "{case}");
        }
        let reaches = opens && route != "dry run";
        assert_eq!(upstream.requests().len(), usize::from(reaches), "{case}");
        assert_nothing_came(&upstream, &key, &case);
        if reaches {
            let sent = upstream.request();
            let query = if place == "query" {
                "?a=1&b=2 "
            } else {
                "?a=1 "
            };
            assert!(
                sent.contains(query) && sent.contains("x-own: stays"),
                "{case}: {sent}"
            );
            assert_eq!(
                sent.contains("realtime\r\n"),
                place == "subprotocol",
                "{case}: {sent}"
            );
        }
    }
}

#[test]
fn a_key_beside_others_or_in_a_strange_place_is_refused() {
    let gateway = Gateway::with(&settings(""));
    let upstream = upstream();
    let (good, grace) = (key("good"), key("in grace"));
    for (lines, query, status, code) in [
        (String::new(), "", 401, "invalid_gateway_key"),
        (
            "Authorization: Bearer sk-own\r\n".to_owned(),
            "",
            401,
            "invalid_gateway_key",
        ),
        (
            "x-gateway-api-key: sk-own\r\n".to_owned(),
            "",
            401,
            "invalid_gateway_key",
        ),
        (
            format!("x-api-key: {good}\r\napi-key: {grace}\r\n"),
            "",
            400,
            "invalid_header",
        ),
        (
            format!("x-api-key: {good}\r\nx-note: see {good}\r\n"),
            "",
            400,
            "invalid_header",
        ),
        (
            format!("x-api-key: {good}\r\nCookie: k={good}\r\n"),
            "",
            400,
            "invalid_header",
        ),
        (
            format!("x-api-key: {good}\r\n"),
            "?other=KEY",
            400,
            "invalid_header",
        ),
        (
            format!("x-api-key: {good}\r\nAuthorization: Digest {good}\r\n"),
            "",
            400,
            "invalid_header",
        ),
    ] {
        let query = query.replace("KEY", &good);
        let request = request("body", &upstream, &(lines.clone(), query));
        let got = send(&gateway, &request);
        assert_eq!((got.status, got.error()), (status, Some(code)), "{lines}");
        assert!(!got.text().contains(&good), "{lines}");
    }
    // The same key twice is one key; the caller's own credential beside it crosses.
    let lines = format!("x-api-key: {good}\r\nx-gateway-api-key: {good}\r\n");
    let lines = format!("{lines}Authorization: Bearer sk-own\r\n");
    let got = send(
        &gateway,
        &request("body", &upstream, &(lines, String::new())),
    );
    assert_eq!(got.status, 200);
    assert!(upstream.request().contains("authorization: Bearer sk-own"));
}

#[test]
fn a_gateway_without_keys_sends_everything_on_as_it_came() {
    let gateway = Gateway::start();
    let upstream = upstream();
    let key = key("good");
    let lines = format!("Authorization: Bearer {key}\r\n");
    let got = send(
        &gateway,
        &request("body", &upstream, &(lines, String::new())),
    );
    assert_eq!(got.status, 200);
    assert!(upstream.request().contains(&key));
}
