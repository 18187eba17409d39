//! What the record of a request says, for each way in which a request can end.

use super::*;
use crate::{
    record::{Intake, Operation, Queue, QueueCounts, QueueLimits, Record},
    upstream::Cause,
    usage::UsageSource,
};

const RETRY: &str = r#""retry":{"attempts":2}"#;

/// A gateway with records.
pub(super) struct Recorded {
    pub harness: Harness,
    intake: Intake,
}

impl Recorded {
    fn new(scenes: impl IntoIterator<Item = Scene>) -> Self {
        Self::with_settings("", scenes)
    }

    pub fn with_settings(settings: &str, scenes: impl IntoIterator<Item = Scene>) -> Self {
        let (environment, flags) = (Environment::default(), Flags::default());
        let settings = Settings::parse(settings, Path::new("s"), &environment, &flags);
        let mut gateway = Gateway::new(&settings.expect("settings")).expect("usable settings");
        let limits = QueueLimits {
            records: 100,
            bytes: usize::MAX,
        };
        let (queue, intake) = Queue::new(limits, QueueCounts::default());
        queue.turn_on(true);
        let process = Arc::get_mut(&mut gateway.process).expect("not shared yet");
        process.records = Arc::new(queue);
        Recorded {
            harness: Harness::of(gateway, scenes),
            intake,
        }
    }

    /// Sends a request, and returns its one record.
    pub async fn record_of(&mut self, ask: Ask) -> Record {
        self.harness.ask(ask).await;
        self.only().await
    }

    pub async fn only(&mut self) -> Record {
        let records = self.intake.take(10).await.expect("an open queue");
        let [(record, _)] = &records[..] else {
            panic!("{records:?}");
        };
        Record::clone(record)
    }
}

/// A summary of the attempts: target, status, fault.
fn attempts(record: &Record) -> Vec<(&str, Option<u16>, Option<&str>)> {
    let attempts = record.attempts.iter();
    attempts
        .map(|it| (&*it.target, it.status, it.fault.as_deref()))
        .collect()
}

fn millis(micros: u64) -> u64 {
    micros / 1000
}

#[actix_rt::test]
async fn a_response_in_time_is_recorded_with_its_times() {
    tokio::time::pause();
    let scene = stream()
        .after(ms(200))
        .chunk(ms(300), TOKEN)
        .chunk(ms(500), LAST);
    let mut recorded = Recorded::new([scene]);
    let ask = chat(ALONE)
        .header("x-gateway-trace-id", "t-1")
        .header("x-gateway-metadata", r#"{"user":"u","run":"7"}"#)
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
    let record = recorded.record_of(ask).await;
    assert_eq!(&*record.trace_id, "t-1");
    assert_eq!((record.status, &*record.outcome), (200, "relayed"));
    assert_eq!(record.origin.as_deref(), Some("http://127.0.0.1:1"));
    assert_eq!(record.provider.as_deref(), Some("passthrough"));
    assert_eq!(
        (&*record.method, &*record.path),
        ("POST", "/v1/chat/completions")
    );
    let parent = record.traceparent.as_deref().unwrap_or_default();
    assert!(parent.starts_with("00-4bf92f"), "{parent}");
    let metadata: Vec<_> = record.metadata.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(metadata, [("run", "7"), ("user", "u")]);
    assert_eq!(record.bytes_out, (TOKEN.len() + LAST.len()) as u64);
    assert_eq!(record.bytes_in, 27);
    assert!(record.plan.is_none());
    let times = record.times;
    assert!(about(200).contains(&millis(times.head.unwrap_or(0))));
    assert!(about(500).contains(&millis(times.first_token.unwrap_or(0))));
    assert!(about(1000).contains(&millis(times.end)));
    assert!(millis(times.own) < PRECISION, "{times:?}");
    assert_eq!(attempts(&record), [("config", Some(200), None)]);
    let attempt = &record.attempts[0];
    assert!(about(200).contains(&millis(attempt.head.unwrap_or(0))));
    assert!(about(500).contains(&millis(attempt.first_token.unwrap_or(0))));
    assert!(about(1000).contains(&millis(attempt.ended)));
}

#[actix_rt::test]
async fn every_attempt_is_recorded_with_why_it_ended() {
    tokio::time::pause();
    let scenes = [
        failing(503),
        Scene::breaks(Cause::ClosedBeforeHead).after(ms(50)),
        Scene::unreachable(Cause::Connect(io::ErrorKind::ConnectionRefused)),
        good(),
    ];
    let mut recorded = Recorded::new(scenes);
    let record = recorded.record_of(chat(with(FALLBACK, RETRY))).await;
    assert_eq!(
        attempts(&record),
        [
            ("config.targets[0]", Some(503), Some("status")),
            ("config.targets[0]", None, Some("network")),
            ("config.targets[0]", None, Some("connect")),
            ("config.targets[1]", Some(200), None),
        ]
    );
    assert_eq!(record.origin.as_deref(), Some("http://127.0.0.1:2"));
    let plan = record.plan.as_deref().expect("several targets");
    assert_eq!(plan["mode"], "fallback");
    let began: Vec<_> = record.attempts.iter().map(|it| millis(it.began)).collect();
    assert!(began.is_sorted(), "{began:?}");
    assert!(millis(record.times.own) < PRECISION, "{:?}", record.times);
}

#[actix_rt::test]
async fn of_two_hedged_attempts_the_one_that_lost_is_told() {
    tokio::time::pause();
    let hedge = with(ALONE, r#""hedge":{"after":100}"#);
    let mut recorded = Recorded::new([good().after(ms(1000)), good().after(ms(50))]);
    let record = recorded.record_of(chat(hedge)).await;
    assert_eq!(
        attempts(&record),
        [
            ("config", None, Some("superseded")),
            ("config", Some(200), None)
        ]
    );
}

#[actix_rt::test]
async fn what_is_cut_refused_or_left_is_told() {
    tokio::time::pause();
    let mut recorded = Recorded::new([stream().chunk(ms(0), TOKEN).cut(ms(100))]);
    let record = recorded.record_of(chat(ALONE)).await;
    assert_eq!((&*record.outcome, record.truncated), ("truncated", true));
    assert!(record.detail.is_some());

    let mut recorded = Recorded::new([stream().chunk(ms(0), TOKEN).chunk(ms(9000), LAST)]);
    let mut client = recorded.harness.connect();
    client.leaves = Some(ms(200));
    client.ask(chat(ALONE)).await;
    let record = recorded.only().await;
    assert_eq!((&*record.outcome, record.status), ("client_gone", 499));
    assert!(record.client_gone && !record.truncated);

    let refused = chat(ALONE).header("x-gateway-cache", "perhaps");
    let mut recorded = Recorded::new([]);
    let record = recorded.record_of(refused).await;
    assert_eq!((record.status, &*record.outcome), (400, "refused"));
    assert_eq!(record.code.as_deref(), Some("invalid_header"));
    assert!(record.attempts.is_empty());

    let mut recorded = Recorded::new([Scene::breaks(Cause::ClosedBeforeHead)]);
    let record = recorded.record_of(chat(ALONE)).await;
    assert_eq!(record.code.as_deref(), Some("upstream_closed"));
    assert_eq!(attempts(&record), [("config", None, Some("network"))]);
}

#[actix_rt::test]
async fn the_wait_for_the_callers_body_is_not_the_gateways() {
    tokio::time::pause();
    let mut recorded = Recorded::new([good(), good()]);
    let slow = [(ms(0), r#"{"model":"#), (ms(700), r#""m","messages":[]}"#)];
    let by_model = r#"{"strategy":{"mode":"conditional","conditions":[
        {"query":{"params.model":{"$eq":"m"}},"then":"a"}],"default":"a"},
        "targets":[{"name":"a","custom_host":"http://127.0.0.1:1/v1"}]}"#;
    for config in [ALONE, by_model] {
        let record = recorded.record_of(chat(config).body(&slow)).await;
        let times = record.times;
        assert!(millis(times.end) >= 700, "{times:?}");
        assert!(millis(times.own) < PRECISION, "{config}: {times:?}");
    }
}

#[actix_rt::test]
async fn a_stored_response_is_told_as_a_hit_without_attempts() {
    tokio::time::pause();
    let mut recorded = Recorded::new([good()]);
    let cached = with(ALONE, r#""cache":{"max_age":60}"#);
    for expected in [("\"miss\"", 1), ("\"hit\"", 0)] {
        let ask = chat(cached.clone()).header("authorization", "Bearer k");
        let record = recorded.record_of(ask).await;
        let cache = serde_json::to_string(&record.cache).expect("text");
        assert_eq!((&*cache, record.attempts.len()), expected);
    }
}

pub(super) const USED: &str = concat!(
    r#"{"object":"chat.completion","model":"m-2026","id":"c1","choices":[{"index":0,"message":"#,
    r#"{"role":"assistant","content":"\"usage\":{\"prompt_tokens\":9}"},"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}"#,
);

#[actix_rt::test]
async fn what_a_response_used_is_recorded_with_the_models() {
    tokio::time::pause();
    let length: &'static str = USED.len().to_string().leak();
    let headers = [
        ("content-type", "application/json"),
        ("content-length", length),
    ];
    let mut recorded = Recorded::new([Scene::responds(200, &headers).chunk(ms(0), USED)]);
    let body = r#"{"model":"m","max_tokens":50,"messages":[]}"#;
    let record = recorded.record_of(chat(ALONE).body(&[(ms(0), body)])).await;
    assert_eq!(
        (record.model.as_deref(), record.max_tokens),
        (Some("m"), Some(50))
    );
    assert_eq!(record.response_model.as_deref(), Some("m-2026"));
    assert_eq!(record.operation, Operation::Chat);
    let usage = record.usage.expect("usage");
    assert_eq!((usage.input, usage.output), (Some(10), Some(20)));
    assert_eq!(usage.source, UsageSource::Reported);

    // Nothing says of usage, so it is estimated from what was seen.
    let token = TOKEN.replace("\"a\"", "\"four words of text\"");
    let scene = stream().chunk(ms(0), token.leak()).cut(ms(10));
    let mut recorded = Recorded::new([scene]);
    let record = recorded.record_of(chat(ALONE)).await;
    assert!(record.is_stream);
    let usage = record.usage.expect("usage");
    assert_eq!(
        (usage.input, usage.source),
        (Some(9), UsageSource::Estimated)
    );
    assert!(
        usage.output.is_some_and(|it| (2..=9).contains(&it)),
        "{usage:?}"
    );

    let mut recorded = Recorded::new([failing(503)]);
    let record = recorded.record_of(chat(ALONE)).await;
    assert_eq!(record.usage, None);
}

#[actix_rt::test]
async fn the_limits_and_budgets_that_counted_a_request_are_named() {
    tokio::time::pause();
    let settings = "limits: [{ requests: 9, window: 1m, by: caller }]\n\
                    budgets: [{ name: ten, tokens: 100000, window: day }]\n";
    let mut recorded = Recorded::with_settings(settings, [good()]);
    let record = recorded.record_of(chat(ALONE)).await;
    let names: Vec<&str> = record.counted_by.iter().map(|it| &**it).collect();
    assert_eq!(names, ["limits[0]", "ten"]);
}
