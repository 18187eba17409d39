//! Several limits on one request: one that refuses uses up nothing of the others. And how long a
//! place is held.

use std::time::Duration;

use crate::support::{
    Gateway, Redis, Response, Upstream,
    caching::{Ask, JSON, status},
    eventually, let_pass,
    routing::{base, chat, config_line, raw_response},
};

fn send(gateway: &Gateway, who: &str, lines: &str) -> Response {
    let lines = format!("Authorization: Bearer {who}\r\n{lines}");
    gateway.exchange(chat(&lines, r#"{"model":"m"}"#))
}

#[test]
fn a_denied_request_uses_up_no_limit_by_origin() {
    let upstream = Upstream::ok();
    let url = base(&upstream).replace("127.0.0.1", "localhost");
    // Denied by its scheme, and by the addresses of a name that is listed.
    for guard in [
        "preset: public".to_owned(),
        format!(
            "preset: allowlist, allow: [\"{}\"]",
            url.trim_end_matches("/v1")
        ),
    ] {
        let gateway = Gateway::with(&format!(
            "guard: {{ {guard} }}\ndefault_target: \"{url}\"\n\
             limits: [{{ requests: 2, window: 1h, by: origin }}]"
        ));
        let named = format!("x-gateway-custom-host: {url}\r\n");
        for _ in 0..5 {
            let response = send(&gateway, "a", &named);
            assert_eq!(response.error(), Some("target_denied"), "{guard}");
        }
        let statuses = [(); 3].map(|()| send(&gateway, "b", "").status);
        assert_eq!(statuses, [200, 200, 429], "{guard}");
    }
}

#[test]
fn a_request_refused_by_one_limit_uses_up_no_other() {
    let upstream = Upstream::ok();
    let gateway = Gateway::with(
        "limits: [{ requests: 3, window: 1h, by: caller }, { requests: 1, window: 1s, by: caller \
         }]",
    );
    let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    let send = || send(&gateway, "a", &host);
    for left in [2, 1, 0] {
        assert_eq!(send().status, 200);
        for _ in 0..5 * left {
            let early = send();
            assert_eq!(
                (early.status, early.header("retry-after")),
                (429, Some("1"))
            );
        }
        // The shorter window runs out.
        let_pass(Duration::from_millis(1100));
    }
    let over = send();
    assert_eq!(over.status, 429);
    assert_ne!(over.header("retry-after"), Some("1"));
}

#[test]
fn a_caller_over_its_own_limit_takes_nothing_from_what_all_share() {
    let redis = Redis::start();
    for store in [
        String::new(),
        format!(
            "limit_store: {{ store: redis, url: \"{}\", timeout: 5s }}\n",
            redis.url()
        ),
    ] {
        let upstream = Upstream::ok();
        let gateway = Gateway::with(&format!(
            "{store}limits: [{{ requests: 5, window: 1h, by: origin }}]\n\
             providers:\n  p: {{ custom_host: \"{}\", rate_limit: {{ requests: 2, window: 1h, by: \
             caller }} }}\n",
            base(&upstream)
        ));
        if !store.is_empty() {
            eventually("redis is known", || {
                gateway.metric("throughway_redis_up") == 1
            });
        }
        let statuses = |who, count| -> Vec<u16> {
            let one = |_| send(&gateway, who, "x-gateway-provider: @p\r\n").status;
            (0..count).map(one).collect()
        };
        assert_eq!(
            statuses("mallory", 6),
            [200, 200, 429, 429, 429, 429],
            "{store}"
        );
        assert_eq!(statuses("alice", 3), [200, 200, 429], "{store}");
        assert_eq!(statuses("carol", 3), [200, 429, 429], "{store}");
        assert_eq!(upstream.requests().len(), 5);
    }
}

#[test]
fn a_place_is_held_until_the_last_byte_of_a_hit_too() {
    // More than sockets and buffers hold.
    let upstream = Upstream::responding(raw_response("200 OK", JSON, &" ".repeat(7 << 20)));
    let gateway =
        Gateway::with("limits: [{ concurrent: 1, by: origin }, { concurrent: 1, by: caller }]");
    let ask = Ask::of(&upstream);
    assert_eq!(status(&ask.send(&gateway)), "MISS");
    let mut slow = gateway.client();
    slow.send(ask.text());
    slow.wait_for(b"HTTP/1.1 200");
    let meanwhile = ask.send(&gateway);
    assert_eq!(
        (meanwhile.status, meanwhile.error()),
        (429, Some("rate_limited"))
    );
    drop(slow);
    eventually("the place is given back", || {
        ask.send(&gateway).status == 200
    });
}

#[test]
fn headers_tell_of_the_limits_of_the_target_that_responds() {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = Gateway::start();
    let target = |requests, window| {
        format!(
            r#"{{"custom_host":"{host}","rate_limit":{{"requests":{requests},
               "window":"{window}"}}}}"#
        )
    };
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[{},{}]}}"#,
        target(1, "1h"),
        target(100, "10s")
    );
    let send = || send(&gateway, "a", &config_line(&config));
    let told = |response: &Response| {
        let header = |name: &str| response.header(name).unwrap_or("none").to_owned();
        [
            header("x-gateway-ratelimit-limit"),
            header("x-gateway-ratelimit-remaining"),
        ]
    };
    assert_eq!(told(&send()), ["1", "0"]);
    assert_eq!(told(&send()), ["100", "99"]);
}
