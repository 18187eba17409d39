//! What the client gets of a response, and how it learns of the end.

use super::*;

const IDLE: &str = r#""timeouts":{"idle":300}"#;
const STRICT: &str = r#""strict_end":true"#;
const SECOND: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\n";

/// One response, and what the client gets of it.
struct Row {
    name: &'static str,
    ask: Ask,
    scene: Scene,
    leaves: Option<Duration>,
    body: &'static [&'static str],
    end: End,
    after: u64,
    outcome: &'static str,
}

/// A response that is relayed to its end at once, unless the row says otherwise.
fn row(name: &'static str, config: impl Into<String>, scene: Scene) -> Row {
    Row {
        name,
        ask: chat(config),
        scene,
        leaves: None,
        body: &[],
        end: End::Complete,
        after: 0,
        outcome: "relayed",
    }
}

impl Row {
    fn asking(mut self, change: impl FnOnce(Ask) -> Ask) -> Self {
        self.ask = change(self.ask);
        self
    }

    fn leaving(mut self, after: Duration) -> Self {
        self.leaves = Some(after);
        self
    }

    fn body(self, body: &'static [&'static str]) -> Self {
        Row { body, ..self }
    }

    /// The transfer is aborted so many milliseconds after the request.
    fn aborted(self, after: u64) -> Self {
        Row {
            end: End::Aborted,
            outcome: "truncated",
            after,
            ..self
        }
    }

    fn at(self, after: u64) -> Self {
        Row { after, ..self }
    }

    /// As the metric of outcomes tells it.
    fn told_as(self, outcome: &'static str) -> Self {
        Row { outcome, ..self }
    }

    async fn play(self) -> Result<(), String> {
        let harness = Harness::new([self.scene]);
        let mut client = harness.connect();
        client.leaves = self.leaves;
        let got = client.ask(self.ask).await;
        let outcome = format!("throughway_requests_total{{outcome=\"{}\"}}", self.outcome);
        let as_expected = got.status == 200
            && got.body == self.body.concat()
            && got.end == self.end
            && about(self.after).contains(&got.after)
            && harness.metric(&outcome) == 1;
        match as_expected {
            true => Ok(()),
            false => Err(format!("{}: {got:?}", self.name)),
        }
    }
}

async fn check(rows: impl IntoIterator<Item = Row>) {
    tokio::time::pause();
    let mut otherwise = Vec::new();
    for row in rows {
        otherwise.extend(row.play().await.err());
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

fn sized(length: &'static str) -> Scene {
    let headers: &'static [_] = match length {
        "4" => &[
            ("content-type", "text/event-stream"),
            ("content-length", "4"),
        ],
        _ => &[
            ("content-type", "application/json"),
            ("content-length", "121"),
        ],
    };
    Scene::responds(200, headers)
}

#[actix_rt::test]
async fn a_body_ends_as_the_upstream_s_does() {
    let tokens = || stream().chunk(ms(100), TOKEN).chunk(ms(100), SECOND);
    check([
        row("a body of known length", ALONE, good()).body(&[DONE]),
        row("chunk by chunk", ALONE, tokens().chunk(ms(100), LAST))
            .body(&[TOKEN, SECOND, LAST])
            .at(300),
        row(
            "cut: every byte that came, then an abort",
            ALONE,
            tokens().cut(ms(50)),
        )
        .body(&[TOKEN, SECOND])
        .aborted(250),
        row(
            "cut in the same turn as its last byte",
            ALONE,
            tokens().cut(ms(0)),
        )
        .body(&[TOKEN, SECOND])
        .aborted(200),
        row("cut before its first byte", ALONE, stream().cut(ms(40))).aborted(40),
        row(
            "cut below its length",
            ALONE,
            sized("121").chunk(ms(0), "{\"a\"").cut(ms(10)),
        )
        .body(&["{\"a\""])
        .aborted(10),
        row("cut after it was held back", FALLBACK, tokens().cut(ms(50)))
            .body(&[TOKEN, SECOND])
            .aborted(250),
    ])
    .await;
}

#[actix_rt::test]
async fn a_stream_without_its_last_event_is_unfinished() {
    let unfinished = || stream().chunk(ms(20), TOKEN);
    let bytes = "data: {\"x\":1}\n\n";
    check([
        row("relayed as it is, and counted", ALONE, unfinished())
            .body(&[TOKEN])
            .at(20)
            .told_as("unfinished"),
        row(
            "an abort where the config is strict",
            with(ALONE, STRICT),
            unfinished(),
        )
        .body(&[TOKEN])
        .aborted(20),
        row(
            "a whole one is none the worse",
            with(ALONE, STRICT),
            unfinished().chunk(ms(0), LAST),
        )
        .body(&[TOKEN, LAST])
        .at(20),
        row(
            "of known length it is short of a byte, so that it cannot seem whole",
            with(ALONE, STRICT),
            sized("4").chunk(ms(20), ": a\n"),
        )
        .body(&[": a"])
        .aborted(20),
        row(
            "on a route that does not generate",
            with(ALONE, STRICT),
            stream().chunk(ms(0), bytes),
        )
        .asking(|ask| Ask {
            path: "/v1/files",
            ..ask
        })
        .body(&["data: {\"x\":1}\n\n"]),
    ])
    .await;
}

#[actix_rt::test]
async fn a_body_is_not_waited_for_for_ever() {
    let silent = || stream().chunk(ms(50), TOKEN).chunk(ms(9000), LAST);
    let lively = || {
        let pieces = 0..9;
        pieces.fold(stream(), |stream, _| stream.chunk(ms(400), TOKEN))
    };
    let first_token = |config| with(config, r#""timeouts":{"first_token":500}"#);
    let streaming = |ask: Ask| ask.body(&[(ms(0), r#"{"model":"m","stream":true}"#)]);
    check([
        row(
            "the idle timeout, by the watch's looks",
            with(ALONE, IDLE),
            silent(),
        )
        .body(&[TOKEN])
        .aborted(750),
        row(
            "it begins anew with each chunk",
            with(ALONE, r#""timeouts":{"idle":500}"#),
            lively(),
        )
        .body(&[TOKEN; 9])
        .told_as("unfinished")
        .at(3600),
        row(
            "the total timeout",
            with(ALONE, r#""timeouts":{"total":1100}"#),
            lively(),
        )
        .body(&[TOKEN; 2])
        .aborted(1200),
        row(
            "the first token",
            first_token(ALONE),
            stream().chunk(ms(9000), TOKEN),
        )
        .asking(streaming)
        .aborted(500),
        row(
            "and no longer than until it",
            first_token(ALONE),
            silent().chunk(ms(0), ""),
        )
        .asking(streaming)
        .body(&[TOKEN, LAST])
        .at(9050),
    ])
    .await;
}

#[actix_rt::test]
async fn a_client_that_leaves_ends_the_transfer() {
    let endless = stream().chunk(ms(50), TOKEN).chunk(ms(90_000), LAST);
    check([row("at the watch's next look", ALONE, endless)
        .leaving(ms(400))
        .body(&[TOKEN])
        .aborted(500)
        .told_as("client_gone")])
    .await;
}

#[actix_rt::test]
async fn a_response_of_a_draining_gateway_is_its_connection_s_last_and_still_whole() {
    tokio::time::pause();
    let harness = Harness::new([stream().chunk(ms(700), TOKEN).chunk(ms(10), LAST)]);
    harness.worker.gateway.process.begin_closing(ms(60_000));
    let client = harness.connect();
    tokio::time::sleep(ms(300)).await;
    let got = client.ask(chat(ALONE)).await;
    assert!(got.closes, "{got:?}");
    assert_eq!((got.body, got.end), ([TOKEN, LAST].concat(), End::Complete));
}
