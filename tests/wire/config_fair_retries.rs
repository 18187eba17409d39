//! No caller uses up the retries or hedges of the others.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::support::{
    Gateway, Upstream,
    routing::{FAILURE, base, chat, completion, json, raw_response},
};

const BODY: &str = r#"{"model":"m"}"#;

/// Fails every request that says `ill`, and the first of each two that say `once`.
fn failing_when_told() -> Upstream {
    let failed = AtomicBool::new(false);
    Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            let text = String::from_utf8_lossy(&request).into_owned();
            let once = text.contains("x-mood: once");
            let ill = text.contains("x-mood: ill") || once && !failed.fetch_not(Ordering::SeqCst);
            match ill {
                // Retries come at once.
                true => peer.send(raw_response("503 No", "Retry-After: 0\r\n", FAILURE)),
                false => peer.send(json("200 OK", &completion("a"))),
            }
        }
    })
}

fn provider(upstream: &Upstream, more: &str) -> Gateway {
    Gateway::with(&format!(
        "providers: {{ p: {{ custom_host: \"{}\", api_key: operators, {more} }} }}",
        base(upstream)
    ))
}

fn asked(caller: &str, mood: &str) -> String {
    let lines =
        format!("x-gateway-provider: @p\r\nAuthorization: Bearer {caller}\r\nx-mood: {mood}\r\n");
    chat(&lines, BODY)
}

#[test]
fn failing_retries_of_one_caller_leave_the_others_their_retries() {
    let upstream = failing_when_told();
    let gateway = provider(
        &upstream,
        "retry: { attempts: 5, use_retry_after_header: true }",
    );
    for number in 0..6 {
        assert_eq!(gateway.exchange(asked("a", "ill")).status, 503);
        let response = gateway.exchange(asked(["b", "c"][number % 2], "once"));
        assert_eq!(
            (response.seen(), response.retries()),
            ((200, completion("a")), "1"),
            "{number}"
        );
    }
}

#[test]
fn made_up_callers_at_one_address_leave_the_others_their_retries() {
    let upstream = failing_when_told();
    let gateway = provider(
        &upstream,
        "retry: { attempts: 1, use_retry_after_header: true }",
    );
    for round in 0..3 {
        let made_up = |number: usize| asked(&format!("{round}-{number}"), "ill");
        (0..40).for_each(|number| drop(gateway.exchange(made_up(number))));
        let response = gateway.exchange_from(2, asked("b", "once"));
        assert_eq!((response.status, response.retries()), (200, "1"), "{round}");
    }
}

#[test]
fn hedges_of_one_caller_leave_the_others_their_hedges() {
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.pause(Duration::from_millis(300));
            peer.send(json("200 OK", &completion("a")));
        }
    });
    let gateway = provider(&upstream, "hedge: { after: 30, max_ratio: 0.01 }");
    let mut so_far = 0;
    for (caller, requests) in [("a", 2), ("a", 1), ("a", 1), ("b", 2), ("b", 1)] {
        assert_eq!(gateway.exchange(asked(caller, "slow")).status, 200);
        so_far += requests;
        assert_eq!(upstream.count(), so_far, "{caller}");
    }
}
