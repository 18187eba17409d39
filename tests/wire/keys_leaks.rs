//! No byte of a gateway key leaves: through retries, fallbacks, hedges and the cache, in logs,
//! metrics, plans and refusals. What is not the key crosses as it came.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};

use crate::support::{
    Gate, Gateway, Process, Upstream,
    gateway_keys::{bearer, entry, key, upstream},
    routing::{base, base64, base64url, chat, completion, config_line, json, raw_response},
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;

fn keys() -> String {
    format!("keys:\n{}", entry("one", 1, ""))
}

/// Neither key nor its secret part, as it is, percent-encoded, or in base64 words.
fn assert_has_no_key(text: &str, case: &str) {
    let key = key(1);
    let secret = &key[3..35];
    assert!(!text.contains(secret), "{case}: {text}");
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    assert!(!decoded.contains(secret), "{case}: {text}");
    let is_base64 = |sign: char| sign.is_ascii_alphanumeric() || "+/-_=".contains(sign);
    for word in text.split(|sign| !is_base64(sign)) {
        for alphabet in [&BASE64_STANDARD, &BASE64_URL_SAFE_NO_PAD] {
            let decoded = alphabet.decode(word).unwrap_or_default();
            let decoded = String::from_utf8_lossy(&decoded).into_owned();
            assert!(!decoded.contains(secret), "{case}: {text}");
        }
    }
}

fn assert_nothing_came(upstream: &Upstream, case: &str) {
    for raw in upstream.requests() {
        assert_has_no_key(&String::from_utf8_lossy(&raw), case);
    }
}

/// Every place that is not the path, with one key.
fn everywhere() -> String {
    let key = key(1);
    let basic = BASE64_STANDARD.encode(format!("user:{key}"));
    format!(
        "Authorization: Bearer {key}\r\nAuthorization: Basic {basic}\r\nx-api-key: {key}\r\n\
         api-key: {key}\r\nx-goog-api-key: {key}\r\nx-gateway-api-key: {key}\r\n"
    )
}

/// Responds after a while, or not well; `number` of a connection decides.
fn failing_at_first() -> Upstream {
    Upstream::playing(|peer| {
        if peer.number == 1 {
            peer.request();
            return;
        }
        while peer.request().is_some() {
            peer.send(raw_response(
                "503 Not now",
                "retry-after-ms: 1\r\n",
                "later",
            ));
        }
    })
}

#[test]
fn no_attempt_has_the_key() {
    let gateway = Gateway::with(&keys());
    let (first, second) = (failing_at_first(), Upstream::named("b"));
    let asked = Gate::default();
    let asking = asked.clone();
    let silent = Upstream::playing(move |peer| {
        peer.request();
        asking.open();
        peer.closed_after();
    });
    let hedge = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            assert!(asked.passed());
            peer.send(json("200 OK", &completion("b")));
        }
    });
    let upstreams = [first, second, silent, hedge];
    let [one, two, three, four] = upstreams.each_ref().map(base);
    let chain = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"retry":{{"attempts":2}},"targets":
        [{{"custom_host":"{one}"}},{{"custom_host":"{two}","api_key":"sk-target"}}]}}"#
    );
    let hedged = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"hedge":{{"after":1,"max_ratio":1}},"targets":
        [{{"custom_host":"{three}"}},{{"custom_host":"{four}","forward_authorization":false}}]}}"#
    );
    for config in [chain, hedged] {
        let lines = config_line(&config) + &everywhere() + "Cookie: own=1\r\n";
        let got = gateway.exchange(chat(&lines, BODY));
        assert_eq!(got.status, 200, "{}", got.text());
        assert_has_no_key(&got.head, &config);
    }
    let attempts = upstreams.each_ref().map(|it| it.requests().len());
    assert!(
        attempts[0] >= 3 && attempts[1..] == [1, 1, 1],
        "{attempts:?}"
    );
    for upstream in &upstreams {
        assert_nothing_came(upstream, "attempts");
    }
}

#[test]
fn the_cache_neither_sends_nor_returns_a_key() {
    let gateway = Gateway::with(&keys());
    // It returns what it got.
    let upstream = Upstream::playing(|peer| {
        while let Some(request) = peer.request() {
            let text = String::from_utf8_lossy(&request).into_owned();
            let text = serde_json::Value::from(text);
            peer.send(json("200 OK", &format!("{{\"choices\":[{text}]}}")));
        }
    });
    let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    let refresh = "x-gateway-cache-force-refresh: true\r\n";
    for (lines, status) in [("", "MISS"), ("", "HIT"), (refresh, "REFRESH"), ("", "HIT")] {
        let lines = format!("{host}x-gateway-cache: true\r\n{lines}{}", everywhere());
        let got = gateway.exchange(chat(&lines, BODY));
        assert_eq!(got.header("x-gateway-cache-status"), Some(status));
        assert_has_no_key(&(got.head.clone() + &got.text()), status);
    }
    assert_nothing_came(&upstream, "cache");
}

/// A key is no credential that is withheld; the caller's own is.
#[test]
fn only_the_callers_own_credential_is_told_to_be_withheld() {
    let upstream = upstream();
    let settings = format!(
        "{}providers:\n  p: {{ custom_host: \"{}\", api_key: sk-p }}\n",
        keys(),
        base(&upstream)
    );
    let gateway = Gateway::with(&settings);
    for (lines, withheld) in [
        (bearer(1), None),
        (
            format!("x-api-key: sk-own\r\n{}", bearer(1)),
            Some("x-api-key"),
        ),
    ] {
        let lines = format!("x-gateway-provider: @p\r\n{lines}");
        let got = gateway.exchange(chat(&lines, BODY));
        assert_eq!(got.status, 200);
        assert_eq!(got.header("x-gateway-withheld"), withheld);
    }
    assert_nothing_came(&upstream, "withheld");
}

/// Where nobody looks for a key it is refused, and told to nobody.
fn astray() -> Vec<(&'static str, String, String)> {
    let key = key(1);
    let config = format!(r#"{{"custom_host":"HOST","api_key":"{key}"}}"#);
    let line = |line: &str| ("/v1/chat/completions".to_owned(), line.replace("KEY", &key));
    let named = |name, (path, lines)| (name, path, lines);
    vec![
        named("trace id", line("x-gateway-trace-id: KEY\r\n")),
        named(
            "metadata",
            line("x-gateway-metadata: {\"user\":\"KEY\"}\r\n"),
        ),
        named("namespace", line("x-gateway-cache-namespace: KEY\r\n")),
        named("host", line("x-gateway-custom-host: HOST?key=KEY\r\n")),
        named("host's path", line("x-gateway-custom-host: HOST/KEY\r\n")),
        named("unknown", line("x-gateway-unknown: KEY\r\n")),
        named("config", line(&config_line(&config))),
        named(
            "base64",
            line(&format!("x-gateway-config: B64{config}46B\r\n")),
        ),
        named(
            "base64url",
            line(&format!("x-gateway-config: URL{config}LRU\r\n")),
        ),
        named("saved name", line("x-gateway-config: KEY\r\n")),
        named("cookie", line("Cookie: a=1; k=KEY\r\n")),
        named("other scheme", line("Authorization: Digest KEY\r\n")),
        named("list", line("Authorization: Basic, KEY\r\n")),
        named("portkey", line("x-portkey-api-key: KEY\r\n")),
        named("user agent", line("User-Agent: me/KEY\r\n")),
        ("path", format!("/v1/{key}/chat"), String::new()),
        (
            "encoded path",
            format!("/v1/{}/chat", key.replace('-', "%2D")),
            String::new(),
        ),
        ("unknown route", format!("/{key}"), String::new()),
        (
            "other parameter",
            format!("/v1/chat?token={key}"),
            String::new(),
        ),
        (
            "parameter's name",
            format!("/v1/chat?{key}=1"),
            String::new(),
        ),
    ]
}

/// What stands between the marks, encoded.
fn encoded(text: &str, (begin, end): (&str, &str), encode: fn(&str) -> String) -> String {
    match text.split_once(begin) {
        None => text.to_owned(),
        Some((before, rest)) => {
            let (json, after) = rest.split_once(end).expect("an end");
            format!("{before}{}{after}", encode(json))
        }
    }
}

fn astray_request(path: &str, lines: &str, host: &str, credential: &str) -> String {
    let mut lines = lines.replace("HOST", host);
    lines = encoded(&lines, ("B64", "46B"), base64);
    lines = encoded(&lines, ("URL", "LRU"), base64url);
    let target = match lines.contains("custom-host") || lines.contains("x-gateway-config") {
        true => String::new(),
        false => format!("x-gateway-custom-host: {host}\r\n"),
    };
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{target}{lines}{credential}\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

#[test]
fn a_key_where_nobody_looks_for_it_is_refused_and_not_repeated() {
    for open in ["", "auth: open\n"] {
        let upstream = upstream();
        let all = format!("log: {{ level: trace, format: json }}\n{open}{}", keys());
        let gateway = Process::serving(
            if open.is_empty() {
                "astray"
            } else {
                "astray-open"
            },
            &all,
        );
        for (case, path, lines) in astray() {
            for credential in [bearer(1), String::new()] {
                let case = format!("{case} {open} {}", credential.is_empty());
                let request = astray_request(&path, &lines, &base(&upstream), &credential);
                let got = gateway.exchange(request);
                let needs_none = !open.is_empty() || !credential.is_empty();
                let expected = match got.status {
                    401 => !needs_none,
                    400 => got.error() == Some("invalid_header"),
                    _ => false,
                };
                assert!(expected, "{case}: {} {}", got.status, got.text());
                assert_has_no_key(&(got.head.clone() + &got.text()), &case);
            }
        }
        assert_eq!(upstream.requests().len(), 0, "{open}");
        let log = gateway.log_until_now();
        assert!(
            log.matches("\"message\":\"request\"").count() >= 20,
            "{log}"
        );
        assert_has_no_key(&log, open);
    }
}

#[test]
fn logs_metrics_plans_and_refusals_tell_no_key() {
    let upstream = upstream();
    let all = format!("log: {{ level: trace, format: json }}\n{}", keys());
    let gateway = Process::serving("keys-told", &all);
    let host = base(&upstream);
    let query = format!("?key={}", key(1));
    let mut told = String::new();
    let refused = "http://127.0.0.1:9/v1";
    for (path, lines) in [
        (
            "/v1/chat/completions",
            format!("x-gateway-custom-host: {host}\r\n"),
        ),
        (
            "/v1/chat/completions",
            format!("x-gateway-custom-host: {refused}\r\n"),
        ),
        (
            "/v1/chat/completions",
            "x-gateway-custom-host: http://10.0.0.256/v1\r\n".to_owned(),
        ),
        (
            "/v1/chat/completions",
            "x-gateway-custom-host: http://169.254.169.254/\r\n".to_owned(),
        ),
        ("/v1/chat/completions", config_line(r#"{"tragets":[]}"#)),
        (
            "/v1/chat/completions",
            format!("x-gateway-custom-host: {host}\r\nx-gateway-dry-run: true\r\n"),
        ),
        ("/v1/../x", String::new()),
        ("/nowhere", String::new()),
        ("/gateway/key", String::new()),
        ("/gateway/metrics", String::new()),
        ("/gateway/nothing", String::new()),
        ("/gateway/admin/cache", String::new()),
    ] {
        for query in ["", &query] {
            let method = if path.starts_with("/gateway") {
                "GET"
            } else {
                "POST"
            };
            let lines = format!("{}{lines}", everywhere());
            let got = gateway.exchange(format!(
                "{method} {path}{query} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
            ));
            told += &got.head;
            told += &got.text();
        }
    }
    let described = serde_json::json!({
        "path": format!("/v1/chat/completions{query}"),
        "headers": {"authorization": format!("Bearer {}", key(1)), "x-gateway-custom-host": host},
        "body": {"model": "m"},
    });
    let described = described.to_string();
    let explain = gateway.exchange(format!(
        "POST /gateway/explain HTTP/1.1\r\nHost: localhost\r\n{}\
         Content-Length: {}\r\n\r\n{described}",
        bearer(1),
        described.len()
    ));
    assert_eq!(explain.status, 200, "{}", explain.text());
    told += &explain.text();
    assert_has_no_key(&told, "responses");
    assert_has_no_key(&gateway.log_until_now(), "log");
    assert_nothing_came(&upstream, "all");
}

#[test]
fn portkeys_names_are_ours_in_portkey_mode() {
    let gateway = Gateway::with(&format!("portkey: true\n{}", keys()));
    let upstream = upstream();
    let host = format!("x-portkey-custom-host: {}\r\n", base(&upstream));
    let key = key(1);
    for lines in [
        format!("x-portkey-api-key: {key}\r\n"),
        format!("x-portkey-api-key:   {key}\t\r\nX-Portkey-Provider: passthrough\r\n"),
        format!("x-gateway-api-key: \r\nx-portkey-api-key: {key}\r\n"),
        format!("x-gateway-api-key: {key}\r\nx-portkey-api-key: pk-own\r\n"),
        format!("x-portkey-api-key: {key}\r\nAuthorization: Bearer OPENAI_API_KEY\r\n"),
    ] {
        let got = gateway.exchange(chat(&format!("{host}{lines}"), BODY));
        assert_eq!(got.status, 200, "{lines}: {}", got.text());
    }
    let lines =
        format!("{host}x-portkey-api-key: {key}\r\nx-portkey-metadata: {{\"a\":\"{key}\"}}\r\n");
    let got = gateway.exchange(chat(&lines, BODY));
    assert_eq!((got.status, got.error()), (400, Some("invalid_header")));
    let requests = upstream.requests();
    assert_eq!(requests.len(), 5);
    assert_nothing_came(&upstream, "portkey");
    for raw in requests {
        let text = String::from_utf8_lossy(&raw).to_ascii_lowercase();
        assert!(
            !text.contains("x-portkey") && !text.contains("openai_api_key"),
            "{text}"
        );
    }
}

/// What `take` leaves of a head is what came, byte by byte.
#[test]
fn a_head_without_its_key_is_otherwise_as_it_came() {
    let gateway = Gateway::with(&keys());
    let key = key(1);
    let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let many: String = (0..60).map(|at| format!("x-line-{at}: {at}\r\n")).collect();
    for (target, lines, sent, kept) in [
        (
            format!("/v1/x?a=%20+&&b==&key={key}&c;d=%2F"),
            "",
            "/v1/x?a=%20+&&b==&c;d=%2F",
            "",
        ),
        (format!("/v1/x?key={key}"), "", "/v1/x", ""),
        (format!("/v1/x?key={key}&"), "", "/v1/x?", ""),
        (format!("/v1/x?%6Bey={encoded}&q"), "", "/v1/x?q", ""),
        (
            format!("/v1/x?key={key}&key=own&key={key}"),
            "",
            "/v1/x?key=own",
            "",
        ),
        (
            format!("http://localhost/v1/a//b?x=1&key={key}"),
            "",
            "/v1/a//b?x=1",
            "",
        ),
        ("/v1/x?".to_owned(), "AUTH", "/v1/x?", ""),
        ("/v1/x".to_owned(), "AUTHMANY", "/v1/x", "x-line-59: 59"),
        ("/v1/x".to_owned(), "MANYAUTH", "/v1/x", "x-line-0: 0"),
        (
            "/v1/x".to_owned(),
            "Authorization: Bearer own-1\r\nAUTHAuthorization: Bearer own-2\r\n",
            "/v1/x",
            "authorization: Bearer own-1\r\nauthorization: Bearer own-2",
        ),
        (
            "/v1/x".to_owned(),
            "AUTHx-note: caf\u{e9}\r\n",
            "/v1/x",
            "x-note: caf\u{e9}",
        ),
        (
            "/v1/x".to_owned(),
            "AUTHx-api-key: s\u{e9}cret\r\n",
            "/v1/x",
            "x-api-key: s\u{e9}cret",
        ),
    ] {
        let upstream = upstream();
        let lines = lines.replace("AUTH", &bearer(1)).replace("MANY", &many);
        let host = base(&upstream);
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {host}\r\n\
             {lines}\r\n"
        );
        let got = gateway.exchange(request);
        assert_eq!(got.status, 200, "{target} {lines}: {}", got.text());
        let came = upstream.request();
        assert!(
            came.starts_with(&format!("GET {sent} HTTP/1.1\r\n")),
            "{target}: {came}"
        );
        assert!(came.contains(kept), "{lines}: {came}");
        assert_has_no_key(&came, &target);
        let lines = came.matches("x-line-").count();
        assert!(lines == 0 || lines == 60, "{came}");
    }
}

/// Bytes that are no UTF-8 are not touched, nor do they hide a key.
#[test]
fn values_that_are_no_text_cross_and_hide_no_key() {
    let gateway = Gateway::with(&keys());
    let upstream = upstream();
    let head = format!(
        "GET /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {}\r\n{}",
        base(&upstream),
        bearer(1)
    );
    let value = b"x-api-key: \xff\xfe\x80\r\n".as_slice();
    let got = gateway.exchange([head.as_bytes(), value, b"\r\n"].concat());
    assert_eq!(got.status, 200);
    let requests = upstream.requests().concat();
    assert!(requests.windows(value.len()).any(|it| it == value));
    let hidden = [
        b"x-note: \xff".as_slice(),
        key(1).as_bytes(),
        b"\xff\r\n\r\n",
    ]
    .concat();
    let got = gateway.exchange([head.as_bytes(), &hidden].concat());
    assert_eq!((got.status, got.error()), (400, Some("invalid_header")));
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_key_in_a_trailer_goes_nowhere_and_opens_nothing() {
    let gateway = Gateway::with(&keys());
    let upstream = upstream();
    let trailer = format!("x-api-key: {}\r\n", key(1));
    for (credential, status) in [(bearer(1), 200), (String::new(), 401)] {
        let request = format!(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {}\r\n{credential}\
             Trailer: x-api-key\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\n{{}}\r\n0\r\n{trailer}\r\n",
            base(&upstream)
        );
        assert_eq!(gateway.exchange(request).status, status);
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_nothing_came(&upstream, "trailer");
}

#[test]
fn two_lines_of_our_own_header_are_refused() {
    let gateway = Gateway::with(&keys());
    let upstream = upstream();
    let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    for lines in [
        format!(
            "x-gateway-api-key: {0}\r\nx-gateway-api-key: {0}\r\n",
            key(1)
        ),
        format!(
            "x-gateway-api-key: {}\r\nx-gateway-api-key: {}\r\n",
            key(1),
            key(2)
        ),
    ] {
        let got = gateway.exchange(chat(&format!("{host}{lines}"), BODY));
        assert_eq!(
            (got.status, got.error()),
            (400, Some("invalid_header")),
            "{}",
            got.text()
        );
        assert_has_no_key(&got.text(), "twice");
    }
    assert_eq!(upstream.requests().len(), 0);
}
