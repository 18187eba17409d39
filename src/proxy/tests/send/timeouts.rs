//! Which timer ends an attempt, when, and what follows.

use super::*;
use crate::upstream::Cause;

const STREAM: &str = r#"{"model":"m","stream":true}"#;

/// A response that comes after everything else is over.
fn late() -> Scene {
    good().after(ms(100_000))
}

fn streaming(ask: Ask) -> Ask {
    ask.body(&[(ms(0), STREAM)])
}

fn timeouts(config: &str, timeouts: &str) -> String {
    with(config, &format!("\"timeouts\":{{{timeouts}}}"))
}

#[actix_rt::test]
async fn a_caller_s_request_timeout_ends_with_the_head() {
    check([
        row(
            "the config's request timeout",
            with(ALONE, r#""request_timeout":300"#),
            [late()],
        )
        .refused(408, "request_timeout")
        .at(300),
        row(
            "the request's own wins",
            with(ALONE, r#""request_timeout":300"#),
            [late()],
        )
        .asking(|ask| ask.header("x-gateway-request-timeout", "700"))
        .refused(408, "request_timeout")
        .at(700),
        row(
            "it ends with the head",
            with(ALONE, r#""request_timeout":300"#),
            [Scene::responds(200, JSON)
                .after(ms(290))
                .chunk(ms(5000), DONE)],
        )
        .at(290),
        row(
            "another target is tried",
            with(FALLBACK, r#""request_timeout":300"#),
            [late(), good()],
        )
        .sent(&[(1, 0), (2, 300)])
        .at(300),
    ])
    .await;
}

#[actix_rt::test]
async fn an_upstream_has_its_time_for_the_head() {
    check([
        row(
            "the config's head timeout is exact",
            timeouts(ALONE, r#""head":400"#),
            [late()],
        )
        .refused(504, "upstream_timeout")
        .at(400),
        row("the settings' is up to two looks late", ALONE, [late()])
            .settings("timeouts: { head: 1s }")
            .refused(504, "upstream_timeout")
            .at(1250),
        row(
            "it begins anew while the upload moves",
            timeouts(ALONE, r#""head":300"#),
            [good().after(ms(250))],
        )
        .asking(|ask| ask.body(&[(ms(200), "{"), (ms(200), " "), (ms(200), "}")]))
        .at(850),
        row(
            "no connection in time",
            ALONE,
            [Scene::unreachable(Cause::ConnectTimeout)],
        )
        .refused(504, "connect_timeout"),
    ])
    .await;
}

#[actix_rt::test]
async fn a_stream_has_its_first_token_in_time() {
    let first_token = |config| timeouts(config, r#""first_token":500"#);
    let tokenless = || {
        stream()
            .chunk(ms(100), ": comment\n\n")
            .chunk(ms(60_000), TOKEN)
    };
    check([
        row("while the head is awaited", first_token(ALONE), [late()])
            .asking(streaming)
            .refused(504, "upstream_timeout")
            .at(500),
        row(
            "of a request that asks for no stream there is no such wait",
            first_token(ALONE),
            [good().after(ms(900))],
        )
        .at(900),
        row(
            "another target is tried",
            first_token(FALLBACK),
            [tokenless(), good()],
        )
        .asking(streaming)
        .sent(&[(1, 0), (2, 500)])
        .at(500),
        row(
            "a token in time is enough",
            first_token(FALLBACK),
            [stream().chunk(ms(490), TOKEN).chunk(ms(5000), LAST)],
        )
        .asking(streaming)
        .at(490),
        row(
            "a response that is no stream has none",
            first_token(FALLBACK),
            [Scene::responds(200, JSON).chunk(ms(900), DONE)],
        )
        .asking(streaming)
        .at(900),
    ])
    .await;
}

#[actix_rt::test]
async fn a_body_that_falls_silent_while_it_is_held_back_is_another_target_s_turn() {
    let silent = || Scene::responds(200, JSON).chunk(ms(90_000), DONE);
    check([
        row(
            "after the idle timeout",
            timeouts(FALLBACK, r#""idle":300"#),
            [silent(), good()],
        )
        .sent(&[(1, 0), (2, 300)]),
        row(
            "on the last target the head is the client's",
            timeouts(FALLBACK, r#""idle":300"#),
            [failing(503), silent()],
        )
        .sent(&[(1, 0), (2, 0)])
        .at(0),
    ])
    .await;
}

#[actix_rt::test]
async fn the_whole_exchange_has_its_time() {
    let total = |config| timeouts(config, r#""total":500"#);
    let slow = failing(503).after(ms(400));
    let asks_to_wait = Scene::responds(503, &[("retry-after-ms", "600")]);
    let obey = r#""retry":{"attempts":1,"use_retry_after_header":true}"#;
    check([
        row("over all targets", total(FALLBACK), [slow.clone(), late()])
            .sent(&[(1, 0), (2, 400)])
            .refused(504, "upstream_timeout")
            .at(500),
        row(
            "nothing is tried after it",
            total(FALLBACK),
            [late(), good()],
        )
        .refused(504, "upstream_timeout")
        .at(500),
        row(
            "nor waited for beyond it",
            with(&total(ALONE), obey),
            [asks_to_wait, good()],
        )
        .status(503)
        .at(0),
        row("the settings', by the watch", FALLBACK, [late(), good()])
            .settings("timeouts: { total: 1s }")
            .refused(504, "upstream_timeout")
            .at(1250),
    ])
    .await;
}
