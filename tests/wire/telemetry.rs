//! What an OTLP receiver gets of a request that a running gateway has served.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;

use crate::support::{Process, Upstream, eventually, gateway::head};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Content-Length: 98\r\n\r\n\
    {\"model\":\"m-1\",\"object\":\"chat.completion\",\
    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4},\"n\":1}";

/// The spans that a receiver was sent.
fn spans(receiver: &Upstream) -> Vec<Span> {
    let requests = receiver.requests().into_iter();
    let traces = requests.filter(|it| it.starts_with(b"POST /v1/traces "));
    let spans = traces.flat_map(|request| {
        let end = request.windows(4).position(|it| it == b"\r\n\r\n");
        let body = &request[end.expect("a head") + 4..];
        let sent = ExportTraceServiceRequest::decode(body).expect("a request of OTLP");
        let scopes = sent
            .resource_spans
            .into_iter()
            .flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).collect::<Vec<_>>()
    });
    spans.collect()
}

#[test]
fn a_request_becomes_three_spans_below_the_callers_own() {
    assert_eq!(
        RESPONSE.split_once("\r\n\r\n").map(|it| it.1.len()),
        Some(98)
    );
    let upstream = Upstream::responding(RESPONSE);
    let receiver = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let settings = format!(
        "telemetry: {{ otlp: {{ endpoint: \"http://{}\", interval: 1s }} }}\n",
        receiver.address
    );
    let gateway = Process::serving("telemetry", &settings);
    let lines = format!("traceparent: {PARENT}\r\nContent-Type: application/json\r\n");
    let body = r#"{"model":"m"}"#;
    let request = head("POST", "/v1/chat/completions", &upstream, &lines);
    let request = request.replace("\r\n\r\n", "\r\nContent-Length: 13\r\n\r\n") + body;
    assert_eq!(gateway.exchange(request).status, 200);
    eventually("the spans arrive", || spans(&receiver).len() == 3);
    let spans = spans(&receiver);
    let of = |kind: SpanKind, name: &str| {
        let mut found = spans.iter();
        let found = found.find(|it| it.kind() == kind && it.name == name);
        found.unwrap_or_else(|| panic!("{kind:?} {name}: {spans:?}"))
    };
    let server = of(SpanKind::Server, "POST unified");
    let client = of(SpanKind::Client, "chat m");
    assert_eq!(server.trace_id, hex("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(server.parent_span_id, hex("00f067aa0ba902b7"));
    assert_eq!(client.parent_span_id, server.span_id);
    let attempt = spans.iter().find(|it| it.parent_span_id == client.span_id);
    assert_eq!(attempt.map(|it| it.kind()), Some(SpanKind::Client));
    let tokens = client
        .attributes
        .iter()
        .find(|it| it.key == "gen_ai.usage.output_tokens");
    assert!(tokens.is_some(), "{client:?}");
    // Sent is what the receiver has taken, which its response tells.
    eventually("its request is counted as sent", || {
        gateway.metric("throughway_telemetry_requests_sent_total") == 1
    });
}

fn hex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(pair).collect()
}
