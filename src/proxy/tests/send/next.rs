//! Which failures are tried again, on the same target or another, and after how long.

use super::*;
use crate::upstream::Cause;

const RETRY: &str = r#""retry":{"attempts":2}"#;
const OBEY: &str = r#""retry":{"attempts":1,"use_retry_after_header":true}"#;

fn unreachable() -> Scene {
    Scene::unreachable(Cause::Connect(io::ErrorKind::ConnectionRefused))
}

fn closed() -> Scene {
    Scene::breaks(Cause::ClosedBeforeHead)
}

fn retry_after(status: u16, header: &'static [(&'static str, &'static str)]) -> Scene {
    Scene::responds(status, header)
}

#[actix_rt::test]
async fn the_same_target_is_tried_again() {
    let retry = || with(ALONE, RETRY);
    check([
        row("a response is relayed at once", ALONE, [good()]).at(0),
        row("a status of the list", retry(), [failing(503), good()])
            .and_within(1, 1..=1010)
            .telling("x-gateway-retry-attempt-count", "1"),
        row(
            "a dial error, also for POST",
            retry(),
            [unreachable(), good()],
        )
        .and_within(1, 1..=1010),
        row(
            "a connection closed before the head",
            retry(),
            [closed(), good()],
        )
        .and_within(1, 1..=1010),
        row(
            "until none is left",
            retry(),
            [failing(503), failing(502), failing(500)],
        )
        .and_within(1, 1..=1010)
        .and_within(1, 2..=3020)
        .status(500)
        .telling("x-gateway-retry-attempt-count", "-1"),
        row(
            "not a status outside the list",
            retry(),
            [failing(400), good()],
        )
        .status(400),
        row(
            "a list of the config's own",
            with(ALONE, r#""retry":{"attempts":1,"on_status_codes":[418]}"#),
            [failing(418), good()],
        )
        .and_within(1, 1..=1010),
        row("not without a retry", ALONE, [failing(503), good()]).status(503),
    ])
    .await;
}

#[actix_rt::test]
async fn the_upstream_says_how_long_to_wait() {
    let obey = || with(ALONE, OBEY);
    check([
        row(
            "in milliseconds",
            obey(),
            [retry_after(429, &[("retry-after-ms", "1700")]), good()],
        )
        .sent(&[(1, 0), (1, 1700)]),
        row(
            "in seconds",
            obey(),
            [retry_after(503, &[("retry-after", "20")]), good()],
        )
        .sent(&[(1, 0), (1, 20_000)])
        .at(20_000),
        row(
            "too long",
            obey(),
            [retry_after(503, &[("retry-after", "61")]), good()],
        )
        .status(503),
        row(
            "on no other status",
            obey(),
            [retry_after(500, &[("retry-after", "20")]), good()],
        )
        .and_within(1, 1..=1010),
        row(
            "where the config does not ask for it, back-off decides",
            with(ALONE, RETRY),
            [retry_after(503, &[("retry-after", "20")]), good()],
        )
        .and_within(1, 1..=1010),
    ])
    .await;
}

#[actix_rt::test]
async fn a_body_that_is_not_kept_is_sent_once() {
    check([
        row("no retry", with(ALONE, RETRY), [failing(503), good()])
            .settings("replay_limit: 4B")
            .status(503)
            .telling("x-gateway-replay", "lost"),
        row("no fallback", FALLBACK, [failing(503), good()])
            .settings("replay_limit: 4B")
            .status(503)
            .telling("x-gateway-replay", "lost"),
        row(
            "unless nothing of it was read",
            FALLBACK,
            [unreachable(), good()],
        )
        .settings("replay_limit: 4B")
        .sent(&[(1, 0), (2, 0)]),
    ])
    .await;
}

#[actix_rt::test]
async fn another_target_is_tried() {
    let page = Scene::responds(200, &[("content-type", "text/html")]).chunk(ms(0), "<html>");
    let error = Scene::responds(200, JSON).chunk(ms(0), r#"{"error":{"message":"no"}}"#);
    let cut = Scene::responds(200, JSON)
        .chunk(ms(5), "{\"cho")
        .cut(ms(20));
    let both = [(1, 0), (2, 0)];
    check([
        row("for a status", FALLBACK, [failing(404), good()])
            .sent(&both)
            .telling("x-gateway-last-used-option-index", "config.targets[1]"),
        row("for a dial error", FALLBACK, [unreachable(), good()]).sent(&both),
        row("for a closed connection", FALLBACK, [closed(), good()]).sent(&both),
        row("for a page", FALLBACK, [page, good()]).sent(&both),
        row("for a 200 that is an error", FALLBACK, [error, good()]).sent(&both),
        row(
            "for a body cut while it is held back",
            FALLBACK,
            [cut, good()],
        )
        .sent(&[(1, 0), (2, 25)]),
        row(
            "the last one's failure is the client's",
            FALLBACK,
            [failing(503), failing(500)],
        )
        .sent(&both)
        .status(500),
        row("and its error", FALLBACK, [failing(503), closed()])
            .sent(&both)
            .refused(502, "upstream_closed"),
        row(
            "not for a status outside the list",
            statuses("[429]"),
            [failing(503), good()],
        )
        .status(503),
        row(
            "for one inside it",
            statuses("[429]"),
            [failing(429), good()],
        )
        .sent(&both),
        row(
            "for a target that the guard denies, to which nothing is sent",
            FALLBACK.replace("127.0.0.1:1", "169.254.169.254"),
            [good()],
        )
        .sent(&[(2, 0)]),
    ])
    .await;
}

fn statuses(list: &str) -> String {
    FALLBACK.replace(
        "\"fallback\"",
        &format!("\"fallback\",\"on_status_codes\":{list}"),
    )
}

#[actix_rt::test]
async fn nothing_more_is_tried_without_a_client() {
    let slow = good().after(ms(5000));
    check([
        row(
            "that left while a head was awaited",
            FALLBACK,
            [slow, good()],
        )
        .leaving(ms(1100))
        .refused(499, "client_closed")
        .at(1250),
        row(
            "that left while the gateway waited for a retry",
            with(ALONE, OBEY),
            [retry_after(503, &[("retry-after", "20")]), good()],
        )
        .leaving(ms(2900))
        .refused(499, "client_closed")
        .at(3000),
        row("whose body broke off", FALLBACK, [good()])
            .asking(|ask| ask.body(&[(ms(0), "{"), (ms(50), BREAKS)]))
            .refused(400, "invalid_body")
            .at(50),
    ])
    .await;
}

#[actix_rt::test]
async fn every_attempt_carries_the_same_bytes() {
    tokio::time::pause();
    let harness = Harness::new([failing(503), closed(), good()]);
    let pieces = [(ms(0), "{\"model\""), (ms(30), ":\"m\"}")];
    let got = harness.ask(chat(with(ALONE, RETRY)).body(&pieces)).await;
    assert_eq!((got.status, got.body.as_str()), (200, DONE));
    let received = harness.worker.upstream.received();
    let bodies: Vec<&[u8]> = received.iter().map(|it| &it.body[..]).collect();
    assert_eq!(bodies, [br#"{"model":"m"}"#; 3]);
}
