//! Equal requests under way where responses are stored in Redis.

use crate::{
    coalescing::{WORKERS, ask, asking, crowd, gated, key_of, statuses},
    support::{
        Gateway, Redis, eventually,
        routing::{base, json},
    },
};

#[test]
fn requests_join_with_a_redis_store_too() {
    let redis = Redis::start();
    let url = redis.url();
    let gateway = Gateway::with(&format!(
        "cache: {{ store: redis, url: \"{url}\", timeout: 5s }}\n{WORKERS}"
    ));
    let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
    let request = ask(&base(&upstream), "");
    eventually("redis is connected", || {
        gateway.metric("throughway_cache_redis_up") == 1
    });
    let responses = crowd(&gateway, &request, 100, &gate);
    assert_eq!(
        statuses(&responses),
        [vec!["HIT"; 99], vec!["MISS"]].concat()
    );
    // Stored, or about to be: later requests are not sent.
    for _ in 0..20 {
        assert_eq!(statuses(&[gateway.exchange(&request)]), ["HIT"]);
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn what_is_purged_by_key_while_it_is_under_way_does_not_come_back_from_redis() {
    let redis = Redis::start();
    let url = redis.url();
    let gateway = Gateway::with(&format!(
        "admin_token: secret\ncache: {{ store: redis, url: \"{url}\", timeout: 5s }}\n"
    ));
    eventually("redis is connected", || {
        gateway.metric("throughway_cache_redis_up") == 1
    });
    let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
    let request = ask(&base(&upstream), "");
    let key = key_of(&gateway, &base(&upstream));
    let mut before = asking(&gateway, &request);
    eventually("it was sent", || upstream.requests().len() == 1);
    let purge = format!(
        "DELETE /gateway/admin/v1/cache?key={key} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer secret\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(gateway.exchange(purge).status, 200);
    gate.open();
    assert_eq!(before.response().status, 200);
    // Its response is in Redis by now, and is not served.
    let entry = format!("EXISTS throughway:cache:{key}");
    eventually("it is there", || {
        redis.ask(&entry).as_deref() == Some(":1\r\n")
    });
    assert_eq!(statuses(&[gateway.exchange(&request)]), ["MISS"]);
    eventually("the new one is given", || {
        statuses(&[gateway.exchange(&request)]) == ["HIT"]
    });
}
