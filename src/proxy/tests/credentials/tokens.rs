//! Access tokens: one fetch for all waiting requests, renewal, and what follows failures.

use futures_util::future::{join, join_all};

use super::*;

/// The server of tokens and the target, by their ports.
const SERVER: u16 = 9;
const TARGET: u16 = 1;

fn token(body: &'static str) -> Scene {
    Scene::responds(200, JSON).chunk(ms(0), body)
}

const FIRST: &str = r#"{"access_token":"op-first","expires_in":1000,"token_type":"Bearer"}"#;
const SECOND: &str = r#"{"access_token":"op-second","expires_in":1000,"token_type":"Bearer"}"#;

/// The credentials that the target got, in order.
fn authorizations(harness: &Harness) -> Vec<String> {
    let received = harness.worker.upstream.received();
    let to_target = received.iter().filter(|it| it.authority.ends_with(":1"));
    to_target
        .flat_map(|it| line(&it.head, "authorization").1)
        .collect()
}

#[actix_rt::test]
async fn one_fetch_serves_all_who_wait() {
    tokio::time::pause();
    const WAITING: usize = 200;
    let scenes = [token(FIRST).after(ms(300))];
    let scenes = scenes.into_iter().chain((0..WAITING).map(|_| good()));
    let harness = Harness::with_settings(SETTINGS, scenes);
    let asked = (0..WAITING).map(|_| harness.ask(to("google")));
    let got = join_all(asked).await;
    assert!(got.iter().all(|got| got.status == 200));
    let ports = harness.ports();
    assert_eq!(ports[0], SERVER);
    assert_eq!(ports[1..], [TARGET; WAITING]);
    assert_eq!(authorizations(&harness), ["Bearer op-first"; WAITING]);
    let fetched = &harness.worker.upstream.received()[0].head;
    let (first, flavor) = line(fetched, "metadata-flavor");
    assert!(first.starts_with("GET /computeMetadata/v1/instance/service-accounts/default/token"));
    assert_eq!(flavor, ["Google"]);
    assert!(!fetched.windows(7).any(|it| it == b"callers"));
}

#[actix_rt::test]
async fn a_token_is_renewed_beside_a_request_that_still_uses_it() {
    tokio::time::pause();
    let scenes = [
        token(FIRST),
        good(),
        good(),
        good(),
        token(SECOND).after(ms(500)),
        good(),
        good(),
    ];
    let harness = Harness::with_settings(SETTINGS, scenes);
    for seconds in [0, 790, 15, 0, 1] {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let got = harness.ask(to("google")).await;
        assert_eq!(got.status, 200, "{got:?}");
        assert!(got.after < 20, "no request waits for the renewal: {got:?}");
    }
    let used = authorizations(&harness);
    let first = used.iter().filter(|it| *it == "Bearer op-first").count();
    assert_eq!((first, used.len()), (4, 5));
    assert_eq!(used[4], "Bearer op-second");
    let fetches = harness.ports().into_iter().filter(|it| *it == SERVER);
    assert_eq!(fetches.count(), 2);
}

#[actix_rt::test]
async fn a_dead_server_fails_requests_at_once_and_is_left_in_peace() {
    tokio::time::pause();
    let refused = Scene::responds(403, JSON).chunk(
        ms(0),
        r#"{"error":"access_denied","error_description":"op-description"}"#,
    );
    let harness = Harness::with_settings(SETTINGS, [refused, token(FIRST), good()]);
    for _ in 0..50 {
        let got = harness.ask(to("google")).await;
        assert_eq!((got.status, got.error()), (502, "upstream_unreachable"));
        assert!(got.body.contains("access token"), "{}", got.body);
        assert!(got.body.contains("403 (access_denied)"), "{}", got.body);
        assert!(!got.body.contains("op-"), "{}", got.body);
    }
    assert_eq!(harness.ports(), [SERVER]);
    tokio::time::sleep(ms(1001)).await;
    assert_eq!(harness.ask(to("google")).await.status, 200);
    assert_eq!(harness.ports(), [SERVER, SERVER, TARGET]);
}

#[actix_rt::test]
async fn what_cannot_be_a_token_is_not_sent() {
    tokio::time::pause();
    for scene in [
        Scene::unreachable(crate::upstream::Cause::ConnectTimeout),
        token("<html>"),
        Scene::responds(200, JSON).cut(ms(0)),
        token(r#"{"access_token":"op-first","expires_in":0}"#),
        Scene::responds(302, &[("location", "http://127.0.0.1:1/")]),
    ] {
        let harness = Harness::with_settings(SETTINGS, [scene]);
        let got = harness.ask(to("google")).await;
        assert_eq!((got.status, got.error()), (502, "upstream_unreachable"));
        assert_eq!(harness.ports(), [SERVER]);
    }
}

#[actix_rt::test]
async fn a_slow_server_takes_ten_seconds_at_most() {
    tokio::time::pause();
    let slow = token(FIRST).after(Duration::from_secs(60));
    let harness = Harness::with_settings(SETTINGS, [slow]);
    let got = harness.ask(to("google")).await;
    assert_eq!(got.status, 502);
    assert!(about(10_000).contains(&got.head_after), "{got:?}");
}

#[actix_rt::test]
async fn a_request_that_gives_up_does_not_end_the_fetch_of_others() {
    tokio::time::pause();
    let harness = Harness::with_settings(SETTINGS, [token(FIRST).after(ms(2000)), good()]);
    let impatient = to("google").header("x-gateway-request-timeout", "500");
    let mut leaving = harness.connect();
    leaving.leaves = Some(ms(100));
    let patient = async {
        tokio::time::sleep(ms(1500)).await;
        harness.ask(to("google")).await
    };
    let (left, (impatient, patient)) = join(
        leaving.ask(to("google")),
        join(harness.ask(impatient), patient),
    )
    .await;
    assert_eq!(left.status, 499);
    assert_eq!(impatient.status, 408);
    assert_eq!(patient.status, 200);
    assert_eq!(harness.ports(), [SERVER, TARGET]);
}

#[actix_rt::test]
async fn without_a_token_the_next_target_is_tried_and_gets_none() {
    tokio::time::pause();
    let refused = Scene::responds(500, JSON).chunk(ms(0), "{}");
    let harness = Harness::with_settings(SETTINGS, [refused, good()]);
    let config = r#"{"strategy":{"mode":"fallback"},"targets":[
        {"provider":"@google"},{"custom_host":"http://127.0.0.1:8/v1"}]}"#;
    let got = harness.ask(chat(config)).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(harness.ports(), [SERVER, 8]);
    let received = harness.worker.upstream.received();
    assert!(line(&received[1].head, "authorization").1.is_empty());
}

#[actix_rt::test]
async fn a_token_outlives_a_reload_of_settings_that_leaves_its_credential_alone() {
    tokio::time::pause();
    let harness = Harness::with_settings(SETTINGS, [token(FIRST), good(), good()]);
    assert_eq!(harness.ask(to("google")).await.status, 200);
    let (environment, flags) = (Environment::default(), Flags::default());
    let text = format!("{SETTINGS}\nserver_timing: true\n");
    let settings = Settings::parse(&text, Path::new("s"), &environment, &flags);
    let before = &harness.worker.gateway;
    let renewed = before.renewed(&settings.expect("settings"), before.objects());
    let upstream = harness.worker.upstream.clone();
    let harness = Harness {
        worker: Rc::new(Worker::new(Arc::new(renewed), upstream)),
        ..harness
    };
    assert_eq!(harness.ask(to("google")).await.status, 200);
    assert_eq!(harness.ports(), [SERVER, TARGET, TARGET]);
}

#[actix_rt::test]
async fn the_token_server_of_a_key_file_is_vetted_like_any_host() {
    tokio::time::pause();
    let key = include_str!("../../../../fixtures/credential/service_account.pem");
    for server in [
        "http://169.254.169.254/token",
        "http://metadata.google.internal/t",
    ] {
        let settings = format!(
            "providers:\n  google:\n    custom_host: http://127.0.0.1:1/v1\n    \
             credential: {{ google: {{ service_account: {{ type: service_account, \
             client_email: a@b, private_key: {key:?}, token_uri: '{server}' }} }} }}\n"
        );
        let harness = Harness::with_settings(&settings, []);
        let got = harness.ask(to("google")).await;
        assert_eq!((got.status, got.error()), (502, "upstream_unreachable"));
        assert!(got.body.contains("target denied"), "{}", got.body);
        assert_eq!(harness.sent(), []);
    }
}
