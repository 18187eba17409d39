//! `override_params`: the bytes of the named values change and no others.

use crate::support::{
    Gateway, Upstream,
    routing::{base, chat, completion, config_line, configured},
};

fn overriding(upstream: &Upstream, params: &str) -> String {
    format!(
        r#"{{"custom_host":"{}","override_params":{params}}}"#,
        base(upstream)
    )
}

/// A body, its `override_params`, and the body that arrives.
const REPLACED: &[(&str, &str, &str)] = &[
    (r#"{"model":"a"}"#, r#"{"model":"b"}"#, r#"{"model":"b"}"#),
    // Order, white space, number forms and escapes elsewhere stay as they were sent.
    (
        "{ \"temperature\" :1.50e+1,\n\t\"model\" :  \"a\" ,\"text\":\"Gr\\u00fc\\u00df \\/ \
         \u{1f600}\",\"big\":12345678901234567890123 }\n",
        r#"{"model":"longer-name"}"#,
        "{ \"temperature\" :1.50e+1,\n\t\"model\" :  \"longer-name\" ,\"text\":\"Gr\\u00fc\\u00df \
         \\/ \u{1f600}\",\"big\":12345678901234567890123 }\n",
    ),
    // Of duplicate keys all are edited.
    (
        r#"{"model":"a","x":1,"model":"c"}"#,
        r#"{"model":"b"}"#,
        r#"{"model":"b","x":1,"model":"b"}"#,
    ),
    // A key in escapes is the same key.
    (
        r#"{"mod\u0065l":"a","x":"model"}"#,
        r#"{"model":"b"}"#,
        r#"{"mod\u0065l":"b","x":"model"}"#,
    ),
    // Top-level keys only; strings that look like keys are none.
    (
        r#"{"x":{"model":"a"},"y":["model",{"model":1}],"z":"\"model\":\"a\"","model":null}"#,
        r#"{"model":"b"}"#,
        r#"{"x":{"model":"a"},"y":["model",{"model":1}],"z":"\"model\":\"a\"","model":"b"}"#,
    ),
    // Values of every kind, for values of every kind.
    (
        r#"{"a":{"b":[1,{"c":"}"}]},"n":[1,2],"s":"x\"y","t":true,"u":null,"v":-1.5e-7}"#,
        r#"{"a":1,"n":{"k":[]},"s":null,"t":"no","u":[1.50],"v":false}"#,
        r#"{"a":1,"n":{"k":[]},"s":null,"t":"no","u":[1.50],"v":false}"#,
    ),
];

#[test]
fn only_the_bytes_of_the_value_change() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    for (body, params, expected) in REPLACED {
        let response = gateway.exchange(configured(&overriding(&upstream, params), body));
        assert_eq!(response.seen(), (200, completion("a")), "{body}");
        let sent = upstream.last();
        assert_eq!(String::from_utf8_lossy(&sent.body), *expected, "{params}");
        let length = format!("content-length: {}", expected.len());
        assert_eq!(sent.framing(), [length], "{body}");
    }
}

#[test]
fn a_key_that_is_not_there_is_added_and_the_rest_stays() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    for body in ["{}", "{ }", "{\"x\" : 1.0}", " {\n \"x\":\"\\u00e4\"\n }\n"] {
        gateway.exchange(configured(&overriding(&upstream, r#"{"model":"b"}"#), body));
        let sent = String::from_utf8(upstream.last().body).expect("text");
        let value: serde_json::Value = serde_json::from_str(&sent).expect("JSON");
        assert_eq!(value["model"], "b", "{sent}");
        // What was sent is still there, in one piece or around the new member.
        let member = "\"model\":\"b\"";
        let rest = sent.replacen(member, "", 1);
        let rest = if body.contains('x') {
            rest.replacen(',', "", 1)
        } else {
            rest
        };
        assert_eq!(rest, *body, "{sent}");
    }
}

#[test]
fn a_body_in_chunks_stays_in_chunks() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        while let Some(head) = peer.head() {
            let Some((body, _)) = peer.chunks() else {
                return;
            };
            let _ = tell.lock().expect("no panic").send((head, body));
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let gateway = Gateway::start();
    let request = chat(
        &config_line(&overriding(&upstream, r#"{"model":"bb"}"#)),
        "",
    )
    .replace("Content-Length: 0", "Transfer-Encoding: chunked");
    // The key and its value are split between chunks.
    let body = "6\r\n{\"x\":1\r\n5\r\n,\"mod\r\n9\r\nel\" : \"a\"\r\n2\r\n }\r\n0\r\n\r\n";
    let response = gateway.exchange(request + body);
    assert_eq!(response.status, 200, "{}", response.text());
    let (head, body) = told.recv().expect("a request");
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!(
        String::from_utf8_lossy(&body),
        "{\"x\":1,\"model\" : \"bb\" }"
    );
}

#[test]
fn every_target_gets_its_own_edit_of_the_body_as_it_was_sent() {
    let (first, second, third) = (
        Upstream::failing("500 No"),
        Upstream::failing("500 No"),
        Upstream::named("c"),
    );
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[
           {{"custom_host":"{}","override_params":{{"model":"one","extra":1}}}},
           {{"custom_host":"{}"}},
           {{"custom_host":"{}","override_params":{{"model":"three"}}}}]}}"#,
        base(&first),
        base(&second),
        base(&third)
    );
    let body = r#"{"model": "m", "extra":0}"#;
    let response = Gateway::start().exchange(configured(&config, body));
    assert_eq!(response.seen(), (200, completion("c")));
    for (upstream, expected) in [
        (&first, r#"{"model": "one", "extra":1}"#),
        (&second, body),
        (&third, r#"{"model": "three", "extra":0}"#),
    ] {
        assert_eq!(String::from_utf8_lossy(&upstream.last().body), expected);
    }
}

#[test]
fn a_request_without_a_body_has_nothing_to_edit() {
    let upstream = Upstream::named("a");
    let lines = config_line(&overriding(&upstream, r#"{"model":"b"}"#));
    let request = crate::support::message::bare("GET", "/v1/models", &lines);
    let response = Gateway::start().exchange(request);
    assert_eq!(response.seen(), (200, completion("a")));
    assert_eq!(upstream.last().framing(), Vec::<String>::new());
}

#[test]
fn a_body_that_needs_no_edit_is_not_touched_by_a_config() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    let config = format!(
        r#"{{"custom_host":"{}","retry":{{"attempts":2}}}}"#,
        base(&upstream)
    );
    for body in [
        "{\"a\":1,}",
        "no json",
        "{\"a\" :\t1.0 , \"a\":2}\r\n",
        "\u{feff}{}",
    ] {
        gateway.exchange(configured(&config, body));
        assert_eq!(upstream.last().body, body.as_bytes());
    }
}
