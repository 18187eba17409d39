//! Which requests get a stored response, share one that is under way, or are sent.

use futures_util::future::join;

use super::*;
use crate::upstream::Cause;

const FRESH: &str = "x-gateway-cache-force-refresh";
const OTHER: &str = concat!(
    r#"{"object":"chat.completion","choices":[{"index":0,"message":"#,
    r#"{"role":"assistant","content":"ho"},"finish_reason":"stop"}]}"#,
);

fn cached() -> Ask {
    chat(ALONE).header("x-gateway-cache", "true")
}

/// Two requests one after the other: what the cache did for each, and how often was sent.
async fn in_turn(scenes: Vec<Scene>, asks: [Ask; 2]) -> ([String; 2], usize) {
    let harness = Harness::new(scenes);
    let [first, second] = asks;
    let first = harness.ask(first).await;
    // What is stored beside the request has its turn.
    tokio::time::sleep(ms(10)).await;
    let second = harness.ask(second).await;
    let told = [first, second].map(|got| got.header("x-gateway-cache-status").to_owned());
    (told, harness.sent().len())
}

/// Each pair of requests is as the row says; the scene is played for as many as are sent.
async fn check(cases: impl IntoIterator<Item = (&str, Scene, [Ask; 2], [&str; 2])>) {
    tokio::time::pause();
    for (name, scene, asks, expected) in cases {
        let (told, sent) = in_turn(vec![scene.clone(), scene], asks).await;
        assert_eq!(told, expected, "{name}");
        assert_eq!(sent, if expected[1] == "HIT" { 1 } else { 2 }, "{name}");
    }
}

fn twice() -> [Ask; 2] {
    [cached(), cached()]
}

#[actix_rt::test]
async fn a_stored_response_is_given_again() {
    let whole_stream = stream().chunk(ms(5), TOKEN).chunk(ms(5), LAST);
    let other_body = cached().body(&[(ms(0), r#"{"model":"n","messages":[]}"#)]);
    let other_key = cached().header("authorization", "x");
    let fresh = cached().header(FRESH, "true");
    let uncached = chat(ALONE);
    check([
        ("to the same request", good(), twice(), ["MISS", "HIT"]),
        ("a whole stream", whole_stream, twice(), ["MISS", "HIT"]),
        (
            "to no other body",
            good(),
            [cached(), other_body],
            ["MISS"; 2],
        ),
        (
            "to no other caller",
            good(),
            [cached(), other_key],
            ["MISS"; 2],
        ),
        (
            "on request",
            good(),
            [cached(), uncached],
            ["MISS", "DISABLED"],
        ),
        (
            "or refreshed",
            good(),
            [cached(), fresh],
            ["MISS", "REFRESH"],
        ),
    ])
    .await;
}

#[actix_rt::test]
async fn what_is_no_complete_response_is_not_stored() {
    let no_store = &[
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
    ];
    let forbidden = Scene::responds(200, no_store).chunk(ms(0), DONE);
    let unfinished = stream().chunk(ms(5), TOKEN);
    let elsewhere = twice().map(|ask| Ask {
        path: "/v1/files",
        ..ask
    });
    check([
        ("a failure", failing(500), twice(), ["MISS"; 2]),
        ("a cut body", good().cut(ms(0)), twice(), ["MISS"; 2]),
        ("an unfinished stream", unfinished, twice(), ["MISS"; 2]),
        ("what the upstream forbids", forbidden, twice(), ["MISS"; 2]),
        ("another route", good(), elsewhere, ["DISABLED"; 2]),
    ])
    .await;
}

#[actix_rt::test]
async fn a_refresh_replaces_what_is_stored() {
    tokio::time::pause();
    let other = Scene::responds(200, JSON).chunk(ms(0), OTHER);
    let harness = Harness::new([good(), other]);
    for (ask, body) in [
        (cached(), DONE),
        (cached(), DONE),
        (cached().header(FRESH, "true"), OTHER),
        (cached(), OTHER),
    ] {
        assert_eq!(harness.ask(ask).await.body, body);
        tokio::time::sleep(ms(10)).await;
    }
    assert_eq!(harness.sent().len(), 2);
}

/// Two requests, the second 100 ms after the first: what each got, how often was sent, and how
/// often one waited for the other.
async fn together(scenes: Vec<Scene>, asks: [Ask; 2]) -> ([Got; 2], usize, u64) {
    let harness = Harness::new(scenes);
    let [first, second] = asks;
    let later = async {
        tokio::time::sleep(ms(100)).await;
        harness.ask(second).await
    };
    let (first, second) = join(harness.ask(first), later).await;
    let joined = harness.metric("throughway_cache_joined_total");
    ([first, second], harness.sent().len(), joined)
}

#[actix_rt::test]
async fn requests_that_are_the_same_share_one_response() {
    tokio::time::pause();
    let slow = |scene: Scene| vec![scene.after(ms(500)), good()];
    let tokens = stream().chunk(ms(90), TOKEN).chunk(ms(90), LAST);
    let closed = Scene::breaks(Cause::ClosedBeforeHead);
    let unshared = &[
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
    ];
    let unshared = Scene::responds(200, unshared).chunk(ms(0), DONE);
    let streamed = [TOKEN, LAST].concat();
    let cases = [
        ("a good one", slow(good()), [200, 200], DONE, 1),
        ("a stream", slow(tokens), [200, 200], &streamed, 1),
        ("a failure", slow(closed), [502, 502], "", 1),
        (
            "an upstream's failure",
            slow(failing(500)),
            [500, 500],
            "{}",
            1,
        ),
        (
            "none that must not be stored",
            slow(unshared),
            [200, 200],
            DONE,
            2,
        ),
    ];
    for (name, scenes, statuses, body, sent_times) in cases {
        let (got, sent, joined) = together(scenes, [cached(), cached()]).await;
        assert_eq!(
            got.each_ref().map(|got| got.status),
            statuses,
            "{name}: {got:?}"
        );
        assert_eq!((sent, joined), (sent_times, 1), "{name}");
        for got in got.iter().filter(|_| !body.is_empty()) {
            assert_eq!(
                (got.body.as_str(), got.end),
                (body, End::Complete),
                "{name}"
            );
        }
    }
}

#[actix_rt::test]
async fn a_cut_body_is_cut_for_all_who_share_it() {
    tokio::time::pause();
    let cut = stream().chunk(ms(500), TOKEN).cut(ms(100));
    let (got, sent, _) = together(vec![cut, good()], [cached(), cached()]).await;
    for got in &got {
        assert_eq!(
            (got.body.as_str(), got.end),
            (TOKEN, End::Aborted),
            "{got:?}"
        );
    }
    assert_eq!(sent, 1);
}

#[actix_rt::test]
async fn who_refreshes_shares_nothing() {
    tokio::time::pause();
    let slow = || good().after(ms(500));
    let asks = [cached(), cached().header(FRESH, "true")];
    let (_, sent, joined) = together(vec![slow(), slow()], asks).await;
    assert_eq!((sent, joined), (2, 0));
}

#[actix_rt::test]
async fn a_leader_that_ends_leaves_the_request_to_those_who_wait() {
    tokio::time::pause();
    let harness = Harness::new([good().after(ms(9000)), good().after(ms(50))]);
    let leader = tokio::time::timeout(ms(300), harness.ask(cached()));
    let follower = async {
        tokio::time::sleep(ms(100)).await;
        harness.ask(cached()).await
    };
    let (leader, follower) = join(leader, follower).await;
    assert!(leader.is_err(), "it was dropped");
    assert_eq!((follower.status, follower.body.as_str()), (200, DONE));
    assert!(about(250).contains(&follower.after), "{follower:?}");
}

#[actix_rt::test]
async fn who_waits_for_another_s_response_may_leave() {
    tokio::time::pause();
    let harness = Harness::new([good().after(ms(900))]);
    let mut client = harness.connect();
    client.leaves = Some(ms(400));
    let follower = async {
        tokio::time::sleep(ms(10)).await;
        client.ask(cached()).await
    };
    let (leader, follower) = join(harness.ask(cached()), follower).await;
    assert_eq!((leader.status, leader.body.as_str()), (200, DONE));
    assert_eq!(follower.error(), "client_closed");
    assert_eq!(harness.sent().len(), 1);
}
