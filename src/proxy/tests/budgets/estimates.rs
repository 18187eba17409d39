//! What a request is estimated to use, and what is done where that is not known.

use futures_util::future::join;

use super::*;

/// What a request is estimated to use, by the refusal of one that is too large to be the second.
#[actix_rt::test]
async fn a_request_is_estimated_by_what_it_says() {
    tokio::time::pause();
    let settings = "
budgets: [{ tokens: 1, window: day, name: tokens }, { usd: 1000, window: day, name: usd }]
default_target: http://127.0.0.1:1/v1
";
    let body = |body: &'static str| chat("{}").body(&[(ms(0), body)]);
    let long =
        Box::leak(format!(r#"{{"model":"m","x":"{}"}}"#, "x".repeat(90_000)).into_boxed_str());
    let length = long.len() as u64;
    let at = |ask: Ask, path| Ask { path, ..ask };
    let get = |ask: Ask| Ask {
        method: Method::GET,
        ..ask
    };
    for (ask, tokens) in [
        (body(r#"{"model":"m","max_tokens":100}"#), 10 + 100),
        (body(r#"{"max_tokens":9000,"a":1}"#), 9 + 4096),
        (body(r#"{"max_completion_tokens":7}"#), 9 + 7),
        (body(r#"{"max_tokens":7,"n":3}"#), 8 + 21),
        (body(r#"{"model":"m"}"#), 5 + 4096),
        (body("no JSON"), 3 + 4096),
        (body(long), length.div_ceil(3) + 4096),
        (at(body(r#"{"model":"m"}"#), "/v1/embeddings"), 5),
        (get(body("")), 0),
    ] {
        let slow = good().after(ms(1000));
        let harness = Harness::with_settings(settings, [slow.clone(), slow]);
        let second = async {
            tokio::time::sleep(ms(500)).await;
            harness.standing().await.reserved
        };
        let body = format!(
            "{:?}",
            ask.body
                .first()
                .map(|(_, text)| &text[..text.len().min(40)])
        );
        let (got, reserved) = join(harness.ask(ask), second).await;
        assert_eq!((got.status, reserved), (200, tokens), "{body}");
    }
}

#[actix_rt::test]
async fn a_body_that_comes_slowly_goes_up_whole() {
    tokio::time::pause();
    let settings = "
budgets: [{ tokens: 1000000, window: day }]
default_target: http://127.0.0.1:1/v1
";
    let harness = Harness::with_settings(settings, [failing(500), good()]);
    let retry = chat(r#"{"retry":{"attempts":1}}"#);
    let pieces = [
        (ms(0), r#"{"model":"#),
        (ms(50), r#""m","#),
        (ms(50), r#""max_tokens":5}"#),
    ];
    let got = harness.ask(retry.body(&pieces)).await;
    assert_eq!(got.status, 200, "{got:?}");
    let received = harness.worker.upstream.received();
    let expected = r#"{"model":"m","max_tokens":5}"#;
    for received in &received {
        assert_eq!(String::from_utf8_lossy(&received.body), expected);
    }
    assert_eq!(received.len(), 2);
}

#[actix_rt::test]
async fn an_unknown_price_is_treated_as_the_budget_says() {
    tokio::time::pause();
    for (policy, model, status, reserved) in [
        ("estimate", "m", 200, 1),
        ("estimate", "unpriced", 200, 0),
        ("allow", "unpriced", 200, 0),
        ("deny", "m", 200, 1),
        ("deny", "unpriced", 402, 0),
    ] {
        let settings = format!(
            "
budgets: [{{ usd: 1, window: day, on_unknown_usage: {policy} }}]
default_target: http://127.0.0.1:1/v1
"
        );
        let body = format!(r#"{{"max_tokens":10,"model":"{model}"}}"#);
        let body: &'static str = Box::leak(body.into_boxed_str());
        let harness = priced(&settings, [good().after(ms(1000))]);
        let look = async {
            tokio::time::sleep(ms(500)).await;
            harness.standing().await.reserved
        };
        let (got, held) = join(harness.ask(chat("{}").body(&[(ms(0), body)])), look).await;
        let expected = match reserved {
            0 => 0,
            _ => body.len().div_ceil(3) as u64 * 1_000 + 100_000,
        };
        assert_eq!((got.status, held), (status, expected), "{policy} {model}");
        if status == 402 {
            assert!(got.body.contains("no price for the model"), "{}", got.body);
            assert!(got.body.contains("on_unknown_usage: deny"), "{}", got.body);
        }
    }
}
