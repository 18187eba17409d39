//! The steps in their order: each may end the request, and none after it has a part in it then.

use futures_util::future::join;

use super::*;

/// A request that one step refuses, and that those after it would refuse as well.
async fn refused(settings: &str, asks: &[(Ask, u16, &str)]) {
    let harness = Harness::with_settings(settings, []);
    for (ask, status, error) in asks {
        let got = harness.ask(ask.clone()).await;
        assert_eq!((got.status, got.error()), (*status, *error), "{got:?}");
        assert!(!got.header("x-gateway-trace-id").is_empty());
    }
    assert_eq!(
        harness.sent(),
        [],
        "nothing is sent of a request that is refused"
    );
    assert_eq!(harness.metric("throughway_requests_in_flight"), 0);
    let refused = harness.metric("throughway_requests_total{outcome=\"refused\"}");
    assert_eq!(refused as usize, asks.len());
}

fn path(ask: Ask, path: &'static str) -> Ask {
    Ask { path, ..ask }
}

#[actix_rt::test]
async fn admission_comes_first() {
    tokio::time::pause();
    let trace = Ask {
        method: Method::TRACE,
        ..chat("{")
    };
    let wrong_host = Ask {
        headers: vec![("host", "evil.example".to_owned())],
        ..chat("{")
    };
    let bad_header = chat("{").header("x-gateway-request-timeout", "soon");
    refused(
        "",
        &[
            (trace, 405, "method_not_allowed"),
            (
                wrong_host.header("x-gateway-config", "{"),
                421,
                "wrong_host",
            ),
            (bad_header, 400, "invalid_header"),
            (
                path(chat("{"), "/v1/../v1/chat/completions"),
                400,
                "invalid_path",
            ),
        ],
    )
    .await;
}

#[actix_rt::test]
async fn a_plan_comes_before_anything_is_sent() {
    tokio::time::pause();
    let targetless = Ask {
        headers: vec![("host", "127.0.0.1:8787".to_owned())],
        ..chat("")
    };
    let no_match = r#"{"strategy":{"mode":"conditional","conditions":[
        {"query":{"params.model":"x"},"then":"a"}]},
        "targets":[{"name":"a","custom_host":"http://127.0.0.1:1/v1"}]}"#;
    refused(
        "",
        &[
            (targetless, 400, "no_target"),
            (chat("{"), 400, "invalid_config"),
            (chat(no_match), 400, "invalid_config"),
            (
                chat(ALONE.replace("127.0.0.1", "169.254.169.254")),
                403,
                "target_denied",
            ),
        ],
    )
    .await;
}

#[actix_rt::test]
async fn the_body_is_read_where_the_plan_needs_it() {
    tokio::time::pause();
    let edited = || chat(with(ALONE, r#""override_params":{"model":"b"}"#));
    refused(
        "replay_limit: 40B",
        &[
            (edited().body(&[(ms(0), "[]")]), 400, "invalid_body"),
            (
                edited().body(&[(ms(0), "{"), (ms(10), BREAKS)]),
                400,
                "invalid_body",
            ),
            (
                edited().body(&[(ms(0), r#"{"model":"a","messages":["more than forty"]}"#)]),
                413,
                "body_too_large",
            ),
        ],
    )
    .await;
}

#[actix_rt::test]
async fn limits_come_before_the_cache() {
    tokio::time::pause();
    let limits = "limits: [{ requests: 1, window: 1h, by: client_address }]";
    let harness = Harness::with_settings(limits, [good(), good()]);
    let cached = || chat(ALONE).header("x-gateway-cache", "true");
    assert_eq!(harness.ask(cached()).await.status, 200);
    let got = harness.ask(cached()).await;
    assert_eq!((got.status, got.error()), (429, "rate_limited"));
    assert_eq!(harness.sent().len(), 1);
}

#[actix_rt::test]
async fn a_place_under_a_limit_is_held_until_the_last_byte() {
    tokio::time::pause();
    let limits = "limits: [{ concurrent: 1, by: client_address }]";
    let slow = || stream().chunk(ms(500), TOKEN).chunk(ms(500), LAST);
    let harness = Harness::with_settings(limits, [slow(), slow()]);
    let ask_at = async |at| {
        tokio::time::sleep(ms(at)).await;
        harness.ask(chat(ALONE)).await.status
    };
    assert_eq!(join(ask_at(10), ask_at(900)).await, (200, 429));
    assert_eq!(ask_at(10).await, 200);
}

#[actix_rt::test]
async fn the_cache_comes_before_the_network() {
    tokio::time::pause();
    let harness = Harness::new([good()]);
    let cached = || chat(ALONE).header("x-gateway-cache", "true");
    for expected in ["MISS", "HIT", "HIT"] {
        let got = harness.ask(cached()).await;
        assert_eq!(
            (got.header("x-gateway-cache-status"), got.body.as_str()),
            (expected, DONE)
        );
    }
}

#[actix_rt::test]
async fn what_the_network_refuses_is_the_client_s_error() {
    tokio::time::pause();
    let harness = Harness::new([]);
    let got = harness.ask(chat(ALONE)).await;
    assert_eq!((got.status, got.error()), (502, "upstream_unreachable"));
    assert_eq!(
        harness.metric("throughway_errors_total{code=\"upstream_unreachable\"}"),
        1
    );
    assert_eq!(harness.metric("throughway_requests_in_flight"), 0);
}

#[actix_rt::test]
async fn a_dry_run_takes_no_place_and_sends_nothing() {
    tokio::time::pause();
    let limits = "limits: [{ requests: 1, window: 1h, by: client_address }]";
    let harness = Harness::with_settings(limits, [good()]);
    for _ in 0..2 {
        let got = harness
            .ask(chat(ALONE).header("x-gateway-dry-run", "true"))
            .await;
        assert_eq!(got.status, 200, "{got:?}");
        assert!(got.body.contains("127.0.0.1:1"), "{got:?}");
    }
    assert_eq!(harness.sent(), []);
    assert_eq!(harness.ask(chat(ALONE)).await.body, DONE);
}
