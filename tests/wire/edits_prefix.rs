//! `@provider/` before the model chooses the target if nothing else does, and only then is it cut
//! out.

use crate::support::{
    Gateway, Upstream,
    routing::{base, chat, completion, config_line, raw_response},
};

/// A gateway with one provider, `vllm`, and its upstream.
fn with_provider(more: &str) -> (Gateway, Upstream) {
    let upstream = Upstream::named("provider");
    let gateway = Gateway::with(&format!(
        "providers: {{ vllm: {{ custom_host: \"{}\" }} }}\n{more}",
        base(&upstream)
    ));
    (gateway, upstream)
}

#[test]
fn the_prefix_is_cut_out_and_every_other_byte_stays() {
    let (gateway, upstream) = with_provider("");
    for (body, expected) in [
        (r#"{"model":"@vllm/llama"}"#, r#"{"model":"llama"}"#),
        (
            "{ \"x\":1.0e3 ,\n \"model\" : \"@vllm/org/llama\\u002d3\" }\n",
            "{ \"x\":1.0e3 ,\n \"model\" : \"org/llama\\u002d3\" }\n",
        ),
        // Slashes may be escaped, and so may the sign.
        (r#"{"model":"@vllm\/llama"}"#, r#"{"model":"llama"}"#),
        (r#"{"model":"\u0040vllm/llama"}"#, r#"{"model":"llama"}"#),
        // Of duplicate keys all are edited.
        (
            r#"{"model":"@vllm/a","model":"@vllm/b"}"#,
            r#"{"model":"a","model":"b"}"#,
        ),
        // Only the model; what looks like it elsewhere is content.
        (
            r#"{"messages":[{"model":"@vllm/x"}],"user":"@vllm/y","model":"@vllm/@cf/z"}"#,
            r#"{"messages":[{"model":"@vllm/x"}],"user":"@vllm/y","model":"@cf/z"}"#,
        ),
    ] {
        let response = gateway.exchange(chat("", body));
        assert_eq!(response.seen(), (200, completion("provider")), "{body}");
        let sent = upstream.last();
        assert_eq!(String::from_utf8_lossy(&sent.body), expected, "{body}");
        assert_eq!(
            sent.framing(),
            [format!("content-length: {}", expected.len())]
        );
        assert_eq!(
            response.header("x-gateway-provider"),
            Some("vllm"),
            "{body}"
        );
    }
}

#[test]
fn what_is_no_provider_of_the_settings_is_a_models_own_name() {
    let default = Upstream::named("default");
    let (gateway, upstream) = with_provider(&format!("default_target: \"{}\"\n", base(&default)));
    for model in [
        "@cf/meta/llama",
        "@vllm",
        "@vllmx/llama",
        "@VLLM/llama",
        "vllm/llama",
        "@/llama",
        "@ vllm/llama",
        "x@vllm/llama",
        "@openai/gpt-4o",
    ] {
        let body = format!("{{\"model\":\"{model}\"}}");
        let response = gateway.exchange(chat("", &body));
        assert_eq!(response.seen(), (200, completion("default")), "{model}");
        assert_eq!(default.last().body, body.as_bytes(), "{model}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn the_prefix_is_left_alone_where_something_else_chose_the_target() {
    let other = Upstream::named("other");
    let host = base(&other);
    let (gateway, upstream) = with_provider(&format!(
        "configs: {{ saved: {{ custom_host: \"{host}\" }} }}\n"
    ));
    let body = r#"{"model":"@vllm/llama"}"#;
    for lines in [
        format!("x-gateway-custom-host: {host}\r\n"),
        format!("x-gateway-provider: passthrough\r\nx-gateway-custom-host: {host}\r\n"),
        config_line(&format!("{{\"custom_host\":\"{host}\"}}")),
        config_line(&format!("{{\"targets\":[{{\"custom_host\":\"{host}\"}}]}}")),
        config_line("saved"),
    ] {
        let response = gateway.exchange(chat(&lines, body));
        assert_eq!(response.seen(), (200, completion("other")), "{lines}");
        assert_eq!(other.last().body, body.as_bytes(), "{lines}");
    }
    // The same provider by header: the model is what the caller calls it.
    gateway.exchange(chat("x-gateway-provider: @vllm\r\n", body));
    assert_eq!(upstream.last().body, body.as_bytes());
}

#[test]
fn a_body_in_chunks_chooses_too_and_stays_in_chunks() {
    let upstream = Upstream::playing(|peer| {
        let head = peer.head().expect("a head");
        let (body, _) = peer.chunks().expect("a body");
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let told = format!(
            "{} {}",
            head.contains("content-length"),
            String::from_utf8_lossy(&body)
        );
        peer.send(raw_response("200 OK", "", &told));
    });
    let gateway = Gateway::with(&format!(
        "providers: {{ vllm: {{ custom_host: \"{}\" }} }}",
        base(&upstream)
    ));
    let request = chat("", "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let response = gateway.exchange(request + "a\r\n{\"model\":\"\r\n9\r\n@vllm/m\"}\r\n0\r\n\r\n");
    assert_eq!(response.seen(), (200, "false {\"model\":\"m\"}".to_owned()));
}

#[test]
fn a_body_that_cannot_be_read_names_no_provider() {
    let default = Upstream::named("default");
    let (gateway, _upstream) = with_provider(&format!("default_target: \"{}\"\n", base(&default)));
    for (lines, body) in [
        ("", "no json"),
        ("", "[\"@vllm/x\"]"),
        ("", r#"{"model":7}"#),
        ("", r#"{"model":{"x":"@vllm/y"}}"#),
        ("Content-Encoding: gzip\r\n", "\u{1f}\u{8b} not really"),
    ] {
        let response = gateway.exchange(chat(lines, body));
        assert_eq!(response.seen(), (200, completion("default")), "{body}");
        assert_eq!(default.last().body, body.as_bytes(), "{body}");
    }
}

#[test]
fn routing_on_the_model_needs_the_whole_body_within_the_limit() {
    // Routing reads the whole body first, and refuses with 413 beyond the limit: only where the
    // settings define providers, and nothing else names the target.
    let (gateway, upstream) = with_provider("replay_limit: 10KiB\n");
    let long = format!("{{\"x\":\"{}\",\"model\":\"@vllm/m\"}}", "y".repeat(20_000));
    gateway.refuses(chat("", &long), 413, "body_too_large");
    assert_eq!(upstream.connections(), 0);
    let lines = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    assert_eq!(gateway.exchange(chat(&lines, &long)).status, 200);
    assert_eq!(upstream.last().body, long.as_bytes());
}
