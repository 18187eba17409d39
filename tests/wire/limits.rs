//! Rate limits: which requests are counted together, what is admitted, and what refused callers are
//! told.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    Gateway, Response, Upstream, eventually, let_pass,
    routing::{base, chat, config_line, configured, raw_response},
};

const BODY: &str = r#"{"model":"m"}"#;

/// A request of `caller`, with more lines.
fn of(caller: &str, config: &str, lines: &str) -> String {
    let who = format!("Authorization: Bearer {caller}\r\n");
    chat(&(config_line(config) + &who + lines), BODY)
}

fn to(upstream: &Upstream, more: &str) -> String {
    format!(r#"{{"custom_host":"{}",{more}}}"#, base(upstream))
}

fn number(response: &Response, name: &str) -> u64 {
    let values = response.all(name);
    assert_eq!(values.len(), 1, "{name}: {}", response.head);
    values[0].parse().expect("a number")
}

fn statuses(gateway: &Gateway, requests: &[String]) -> Vec<u16> {
    let exchange = |request: &String| gateway.exchange(request).status;
    requests.iter().map(exchange).collect()
}

#[test]
fn over_the_limit_is_a_429_that_says_when_and_the_client_that_waits_is_admitted() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    let config = to(
        &upstream,
        r#""rate_limit":{"requests":2,"window":"2s","burst":2}"#,
    );
    for left in [1, 0] {
        let response = gateway.exchange(of("a", &config, ""));
        assert_eq!(response.status, 200);
        assert_eq!(number(&response, "x-gateway-ratelimit-limit"), 2);
        assert_eq!(number(&response, "x-gateway-ratelimit-remaining"), left);
        assert!((1..=2).contains(&number(&response, "x-gateway-ratelimit-reset")));
    }
    let refused = gateway.exchange(of("a", &config, ""));
    assert_eq!(
        (refused.status, refused.error()),
        (429, Some("rate_limited"))
    );
    assert_eq!(number(&refused, "x-gateway-ratelimit-remaining"), 0);
    let text = refused.text();
    for part in ["2 requests in 2s", "by caller", "config.rate_limit"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(upstream.requests().len(), 2);
    let wait = number(&refused, "retry-after");
    assert!((1..=1).contains(&wait), "{wait}");
    let_pass(Duration::from_secs(wait));
    assert_eq!(gateway.exchange(of("a", &config, "")).status, 200);
    assert_eq!(
        gateway.metric("throughway_errors_total{code=\"rate_limited\"}"),
        1
    );
}

#[test]
fn a_callers_own_limit_counts_nobody_else_and_callers_without_credentials_by_address() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for by in ["caller", "origin", "metadata.user", "client_address"] {
        let limit = format!(r#""rate_limit":{{"requests":1,"window":"1h","by":"{by}"}}"#);
        let config = to(&upstream, &limit);
        let requests = [
            of("a", &config, ""),
            of("b", &config, ""),
            of("a", &config, ""),
        ];
        assert_eq!(statuses(&gateway, &requests), [200, 200, 429], "{by}");
        let nobody = configured(&config, BODY);
        assert_eq!(
            statuses(&gateway, &[nobody.clone(), nobody]),
            [200, 429],
            "{by}"
        );
    }
}

#[test]
fn each_value_of_by_has_counts_of_its_own() {
    let (a, b) = (Upstream::ok(), Upstream::ok());
    let ada = "x-gateway-metadata: {\"user\":\"ada\"}\r\n";
    let bob = "x-gateway-metadata: {\"user\":\"bob\"}\r\n";
    let one = |by: &str| {
        Gateway::with(&format!(
            "limits: [{{ requests: 1, window: 1h, by: {by} }}]\ntrusted_proxies: [127.0.0.1]"
        ))
    };
    let plain = |upstream: &Upstream| to(upstream, r#""retry":{"attempts":0}"#);
    let from = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    for (by, requests, expected) in [
        (
            "caller",
            [
                of("x", &plain(&a), ""),
                of("y", &plain(&b), ""),
                of("x", &plain(&b), ""),
            ],
            [200, 200, 429],
        ),
        (
            "origin",
            [
                of("x", &plain(&a), ""),
                of("y", &plain(&b), ""),
                of("y", &plain(&a), ""),
            ],
            [200, 200, 429],
        ),
        (
            "metadata.user",
            [
                of("x", &plain(&a), ada),
                of("x", &plain(&a), bob),
                of("y", &plain(&b), ada),
            ],
            [200, 200, 429],
        ),
        (
            "metadata.user",
            [
                of("x", &plain(&a), ""),
                of("x", &plain(&a), bob),
                of("y", &plain(&b), ""),
            ],
            [200, 200, 429],
        ),
        (
            "client_address",
            [
                of("x", &plain(&a), ""),
                of("y", &plain(&a), &from("192.0.2.1")),
                of("y", &plain(&a), &from("192.0.2.1")),
            ],
            [200, 200, 429],
        ),
        (
            "client_address",
            [
                of("x", &plain(&a), &from("2001:db8::1")),
                of("x", &plain(&a), &from("2001:db8:0:1::1")),
                of("x", &plain(&a), &from("2001:db8::2")),
            ],
            [200, 200, 429],
        ),
    ] {
        assert_eq!(statuses(&one(by), &requests), expected, "{by}");
    }
}

#[test]
fn a_forwarded_address_is_not_believed_from_anybody() {
    let upstream = Upstream::ok();
    let gateway = Gateway::with("limits: [{ requests: 1, window: 1h, by: client_address }]");
    let config = to(&upstream, r#""retry":{"attempts":0}"#);
    let from = |address| of("x", &config, &format!("X-Forwarded-For: {address}\r\n"));
    assert_eq!(
        statuses(&gateway, &[from("192.0.2.1"), from("192.0.2.2")]),
        [200, 429]
    );
}

#[test]
fn a_saved_configs_limit_counts_all_its_callers_and_no_other_configs() {
    let upstream = Upstream::ok();
    let target = format!(
        r#"{{ custom_host: "{}", rate_limit: {{ requests: 2, window: 1h, by: origin }} }}"#,
        base(&upstream)
    );
    let gateway = Gateway::with(&format!("configs: {{ one: {target}, two: {target} }}"));
    let requests = ["a", "b", "c"].map(|caller| of(caller, "one", ""));
    assert_eq!(statuses(&gateway, &requests), [200, 200, 429]);
    assert_eq!(statuses(&gateway, &[of("a", "two", "")]), [200]);
}

#[test]
fn a_target_over_its_limit_moves_a_fallback_on() {
    let (first, second) = (Upstream::named("a"), Upstream::named("b"));
    let gateway = Gateway::with(&format!(
        r#"providers: {{ small: {{ custom_host: "{}", api_key: k, rate_limit: {{ requests: 1,
           window: 1h, by: origin }} }} }}"#,
        base(&first)
    ));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"provider":"@small"}},{{"custom_host":"{}"}}]}}"#,
        base(&second)
    );
    let options = [(); 3].map(|()| gateway.exchange(of("x", &config, "")).option().to_owned());
    assert_eq!(
        options,
        [
            "config.targets[0]",
            "config.targets[1]",
            "config.targets[1]"
        ]
    );
    assert_eq!((first.count(), second.count()), (1, 2));
    let alone = gateway.exchange(chat("x-gateway-provider: @small\r\n", BODY));
    assert_eq!((alone.status, alone.error()), (429, Some("rate_limited")));
    assert!(alone.text().contains("providers.small.rate_limit"));
    assert!(number(&alone, "retry-after") > 3500);
}

#[test]
fn places_are_held_until_the_last_byte_and_given_back_whatever_the_end() {
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            peer.pause(Duration::from_millis(400));
            peer.send("lf");
        }
    });
    let gateway = Gateway::start();
    let config = to(&upstream, r#""rate_limit":{"concurrent":1}"#);
    let mut client = gateway.client();
    client.send(of("a", &config, ""));
    eventually("the first is under way", || upstream.count() == 1);
    let refused = gateway.exchange(of("a", &config, ""));
    assert_eq!(
        (refused.status, refused.error()),
        (429, Some("rate_limited"))
    );
    assert!(
        refused.text().contains("1 requests at a time"),
        "{}",
        refused.text()
    );
    assert_eq!(number(&refused, "retry-after"), 1);
    drop(client);
    eventually("the place of one who left", || {
        gateway.exchange(of("a", &config, "")).status == 200
    });
    assert_eq!(gateway.exchange(of("a", &config, "")).status, 200);
}

#[test]
fn under_sixty_four_clients_no_more_are_admitted_than_limit_and_burst() {
    for by in ["caller", "origin", "client_address", "metadata.user"] {
        let upstream = Upstream::responding(raw_response("200 OK", "", "ok"));
        let gateway = Gateway::with(&format!(
            "workers: 2\nlimits: [{{ requests: 40, window: 1s, burst: 10, by: {by} }}]"
        ));
        let config = to(&upstream, r#""retry":{"attempts":0}"#);
        let request = of("a", &config, "x-gateway-metadata: {\"user\":\"ada\"}\r\n");
        let admitted = AtomicUsize::new(0);
        let begun = Instant::now();
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    let mut client = gateway.client();
                    while begun.elapsed() < Duration::from_millis(900) {
                        client.send(&request);
                        match client.response().status {
                            200 => admitted.fetch_add(1, Ordering::Relaxed),
                            429 => 0,
                            other => panic!("{other}"),
                        };
                    }
                });
            }
        });
        let (admitted, window) = (admitted.into_inner(), begun.elapsed().as_secs_f64());
        let most = (40.0 * window).ceil() as usize + 10;
        assert!(
            (20..=most).contains(&admitted),
            "{by}: {admitted} in {window} s"
        );
    }
}

#[test]
fn a_dry_run_tells_the_limits_and_counts_nothing() {
    let upstream = Upstream::ok();
    let gateway = Gateway::with(
        "limits: [{ requests: 1, window: 1h, by: client_address }, { concurrent: 5, by: origin }]",
    );
    let config = to(
        &upstream,
        r#""rate_limit":{"requests":9,"window":"1m","by":"metadata.user"}"#,
    );
    for _ in 0..3 {
        let response = gateway.exchange(of("a", &config, "x-gateway-dry-run: true\r\n"));
        let plan: Value = serde_json::from_slice(&response.body).expect("JSON");
        let limits: Vec<_> = plan["limits"]
            .as_array()
            .expect("limits")
            .iter()
            .map(|it| it["place"].clone())
            .collect();
        assert_eq!(limits, ["limits[0]", "config.rate_limit"]);
        assert_eq!(plan["limits"][1]["counts"], "this caller");
        assert_eq!(plan["targets"][0]["limits"][0]["concurrent"], 5);
    }
    assert_eq!(gateway.exchange(of("a", &config, "")).status, 200);
}
