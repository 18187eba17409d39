mod reached;
mod receiver;
mod samples;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value as Attribute},
    metrics::v1::{Metric, metric::Data},
    trace::v1::Span,
};

use self::{
    receiver::{Receiver, free_port},
    samples::{CALLERS_SPAN, RECEIVED, TRACE, chat},
};
use super::*;
use crate::{config::Otlp, guard::BaseUrl, record::Operation};

fn attribute(of: &[KeyValue], name: &str) -> Option<String> {
    let found = of.iter().find(|it| it.key == name)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Attribute::StringValue(text) => text.clone(),
        Attribute::BoolValue(flag) => flag.to_string(),
        Attribute::IntValue(count) => count.to_string(),
        Attribute::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spans_of(record: &Record) -> Vec<Span> {
    spans::of(record, &Parent::of(record))
}

#[test]
fn a_request_is_a_span_around_the_model_around_its_attempts() {
    let spans = spans_of(&chat());
    let [server, model, first, second] = &spans[..] else {
        panic!("{spans:?}");
    };
    let names: Vec<&str> = spans.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["POST unified", "chat gpt-4o", "POST", "POST"]);
    let kinds: Vec<i32> = spans.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [2, 3, 3, 3], "SERVER, then CLIENT");
    assert!(spans.iter().all(|it| hex(&it.trace_id) == TRACE));
    assert_eq!(hex(&server.parent_span_id), CALLERS_SPAN);
    assert_eq!(model.parent_span_id, server.span_id);
    assert!(
        [first, second]
            .iter()
            .all(|it| it.parent_span_id == model.span_id)
    );
    let received = RECEIVED.cast_unsigned();
    let micros = |it: &Span| {
        let times = [it.start_time_unix_nano, it.end_time_unix_nano];
        times.map(|time| time / 1_000 - received)
    };
    let times: Vec<[u64; 2]> = spans.iter().map(micros).collect();
    let expected = [
        [0, 1_501_000],
        [1_000, 1_501_000],
        [1_000, 100_000],
        [100_000, 1_501_000],
    ];
    assert_eq!(times, expected);
    let failed: Vec<bool> = spans.iter().map(|it| it.status.is_some()).collect();
    assert_eq!(failed, [false, false, true, false]);
}

#[test]
fn spans_say_what_the_record_says() {
    let spans = spans_of(&chat());
    for (place, name, expected) in [
        (0, names::STATUS, Some("200")),
        (0, names::KEY, Some("app")),
        (0, names::TEAM, Some("search")),
        (0, names::TRACE_ID, Some("trace-7")),
        (0, names::CLIENT_ADDRESS, Some("192.0.2.7")),
        (0, names::OWN_TIME, Some("0.0009")),
        (0, names::ERROR_TYPE, None),
        (1, names::OPERATION, Some("chat")),
        (1, names::PROVIDER, Some("openai")),
        (1, names::REQUEST_MODEL, Some("gpt-4o")),
        (1, names::RESPONSE_MODEL, Some("gpt-4o-2024-08-06")),
        (1, names::INPUT_TOKENS, Some("1000")),
        (1, names::CACHE_READ, Some("600")),
        (1, names::CACHE_WRITE, None),
        (1, names::REASONING, Some("0")),
        (1, names::OUTPUT_TOKENS, Some("50")),
        (1, names::COST, Some("0.0025")),
        (1, names::COST_SOURCE, Some("built_in")),
        (1, names::FIRST_CHUNK, Some("0.5")),
        (1, names::SERVER_ADDRESS, Some("api.openai.com")),
        (1, names::SERVER_PORT, Some("443")),
        (2, names::ERROR_TYPE, Some("status")),
        (2, names::STATUS, Some("503")),
        (2, names::RESEND_COUNT, None),
        (3, names::RESEND_COUNT, Some("1")),
        (3, names::TARGET, Some("targets[1]")),
    ] {
        let found = attribute(&spans[place].attributes, name);
        assert_eq!(found.as_deref(), expected, "{place} {name}");
    }
}

#[test]
fn nothing_is_sent_that_the_table_does_not_name() {
    let listed: Vec<&str> = names::ALL.iter().map(|(name, _)| *name).collect();
    for span in spans_of(&chat()) {
        for attribute in &span.attributes {
            assert!(
                listed.contains(&attribute.key.as_str()),
                "{}",
                attribute.key
            );
        }
        assert!(
            !format!("{span:?}").contains("alice"),
            "metadata of callers"
        );
    }
}

#[test]
fn a_request_of_no_model_has_no_span_of_one() {
    let mut record = chat();
    record.operation = Operation::Other;
    record.traceparent = None;
    let spans = spans_of(&record);
    assert_eq!(spans.len(), 3);
    assert!(spans[0].parent_span_id.is_empty());
    assert_eq!(spans[0].trace_id, record.id.as_bytes());
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
}

/// The sums and counts of a metric's points, with one of their attributes.
fn points(metrics: &[Metric], name: &str, by: &str) -> Vec<(Option<String>, u64, f64)> {
    let metric = metrics.iter().find(|it| it.name == name).expect(name);
    let Some(Data::Histogram(histogram)) = &metric.data else {
        panic!("{name} is no histogram");
    };
    let points = histogram.data_points.iter();
    let mut points: Vec<_> = points
        .map(|it| {
            (
                attribute(&it.attributes, by),
                it.count,
                it.sum.expect("a sum"),
            )
        })
        .collect();
    points.sort_by(|one, other| one.0.cmp(&other.0));
    points
}

#[test]
fn metrics_are_those_of_the_conventions() {
    let mut series = Series::new(1);
    series.count(&chat());
    series.count(&chat());
    let mut other = chat();
    other.operation = Operation::Other;
    series.count(&other);
    let metrics = series.metrics(2);
    let tokens = points(&metrics, names::TOKEN_USAGE, names::TOKEN_TYPE);
    let text = |it: &str| Some(it.to_owned());
    assert_eq!(
        tokens,
        [(text("input"), 2, 2_000.0), (text("output"), 2, 100.0)]
    );
    for (name, sum) in [
        (names::DURATION, 3.0),
        (names::TIME_TO_FIRST_CHUNK, 1.0),
        (names::TIME_PER_CHUNK, 0.2),
    ] {
        let points = points(&metrics, name, names::REQUEST_MODEL);
        assert_eq!(points, [(text("gpt-4o"), 2, sum)], "{name}");
    }
}

#[test]
fn made_up_models_are_counted_together() {
    let mut series = Series::new(1);
    for made_up in 0..2_100 {
        let mut record = chat();
        record.model = Some(format!("model-{made_up}").into());
        series.count(&record);
    }
    let metrics = series.metrics(2);
    let points = points(&metrics, names::DURATION, names::OVERFLOW);
    assert_eq!(points.len(), 2_001);
    let together = points.iter().find(|(overflow, ..)| overflow.is_some());
    assert_eq!(together.map(|it| it.1), Some(100));
}

/// Telemetry to this address, with its metrics.
fn sending_to(address: SocketAddr) -> (Telemetry, Exporter, Arc<Metrics>) {
    let elsewhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let tls = TlsClients::new(&[]).expect("TLS");
    sending(&format!("http://{address}/otlp"), &tls, elsewhere)
}

/// Telemetry of a gateway that listens at `own`.
fn sending(url: &str, tls: &TlsClients, own: SocketAddr) -> (Telemetry, Exporter, Arc<Metrics>) {
    let settings = Otlp {
        endpoint: BaseUrl::parse(url).ok(),
        headers: serde_json::from_str(r#"{"Authorization": "Bearer t"}"#).expect("headers"),
        interval: Duration::from_millis(50),
        ..Otlp::default()
    };
    let metrics = Arc::new(Metrics::new());
    let started = start(&settings, tls, metrics.clone(), own).expect("a thread");
    let (telemetry, exporter) = started.expect("a receiver is named");
    (telemetry, exporter, metrics)
}

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn spans_and_metrics_arrive() {
    let receiver = Receiver::at(free_port(), 200);
    let (mut telemetry, exporter, metrics) = sending_to(receiver.address);
    telemetry.take(&[Arc::new(chat()), Arc::new(chat())]);
    receiver.wait_for("spans", |it| (it.spans.len() == 8).then_some(()));
    receiver.wait_for("metrics", |it| (it.metrics.len() == 4).then_some(()));
    receiver.wait_for("what goes with them", |it| {
        let paths = it.paths.iter().all(|it| it.starts_with("/otlp/v1/"));
        (paths && it.authorization.as_deref() == Some("Bearer t")).then_some(())
    });
    drop(telemetry);
    exporter.stop(PATIENCE);
    assert_eq!(metrics.telemetry_sent.get(), 2);
    assert_eq!(metrics.telemetry_failures.get(), 0);
}

#[test]
fn what_waits_is_sent_at_the_end() {
    let receiver = Receiver::at(free_port(), 200);
    let (mut telemetry, exporter, _) = sending_to(receiver.address);
    let records: Vec<_> = (0..1_300).map(|_| Arc::new(chat())).collect();
    telemetry.take(&records);
    drop(telemetry);
    exporter.stop(PATIENCE);
    receiver.wait_for("all spans", |it| {
        (it.spans.len() == 4 * 1_300).then_some(())
    });
}

#[test]
fn a_receiver_that_is_away_costs_a_count_and_gets_its_spans_later() {
    let address = free_port();
    let (mut telemetry, exporter, metrics) = sending_to(address);
    telemetry.take(&[Arc::new(chat())]);
    let begin = Instant::now();
    while metrics.telemetry_failures.get() < 2 {
        assert!(begin.elapsed() < PATIENCE, "it is not told");
        std::thread::yield_now();
    }
    assert_eq!(metrics.telemetry_dropped.get(), 0);
    let records: Vec<_> = (0..10_000).map(|_| Arc::new(chat())).collect();
    telemetry.take(&records);
    let dropped = metrics.telemetry_dropped.get();
    assert!((1_000..2_000).contains(&dropped), "{dropped}");
    let receiver = Receiver::at(address, 200);
    let kept = 4 * (10_001 - usize::try_from(dropped).expect("few"));
    receiver.wait_for("what was kept", |it| (it.spans.len() == kept).then_some(()));
    drop(telemetry);
    exporter.stop(PATIENCE);
}

#[test]
fn what_the_receiver_refuses_is_dropped() {
    let receiver = Receiver::at(free_port(), 400);
    let (mut telemetry, exporter, metrics) = sending_to(receiver.address);
    telemetry.take(&[Arc::new(chat())]);
    receiver.wait_for("spans", |it| (!it.spans.is_empty()).then_some(()));
    drop(telemetry);
    exporter.stop(PATIENCE);
    assert_eq!(
        (
            metrics.telemetry_dropped.get(),
            metrics.telemetry_sent.get()
        ),
        (1, 0)
    );
}

#[test]
fn the_end_waits_no_longer_than_it_may() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let (mut telemetry, exporter, _) = sending_to(address);
    telemetry.take(&[Arc::new(chat())]);
    drop(telemetry);
    let begin = Instant::now();
    exporter.stop(Duration::from_millis(200));
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}
