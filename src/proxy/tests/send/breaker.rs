//! What opens a target's breaker, and where requests go then.

use super::*;
use crate::upstream::Cause;

/// The statuses of requests that follow each other, and the ports they went to.
async fn ask_in_turn(config: &str, scenes: Vec<Scene>, asks: usize) -> (Vec<u16>, Vec<u16>) {
    let harness = Harness::new(scenes);
    let mut statuses = Vec::new();
    for _ in 0..asks {
        statuses.push(harness.ask(chat(config)).await.status);
    }
    (statuses, harness.ports())
}

fn breaker(config: &str) -> String {
    let breaker = "\"strategy\":{\"cb_config\":{\"failure_threshold\":2},";
    config.replace("\"strategy\":{", breaker)
}

#[actix_rt::test]
async fn what_fails_often_is_left_alone() {
    tokio::time::pause();
    let config = breaker(FALLBACK);
    let closed = || Scene::breaks(Cause::ClosedBeforeHead);
    let cut = || Scene::responds(200, JSON).cut(ms(10));
    let scenes = |failing: [Scene; 2]| {
        let [one, two] = failing;
        vec![one, good(), two, good(), good()]
    };
    let cases = [
        (
            "a status of the list",
            scenes([failing(503), failing(500)]),
            [1, 2, 1, 2, 2].as_slice(),
        ),
        (
            "a closed connection",
            scenes([closed(), closed()]),
            &[1, 2, 1, 2, 2],
        ),
        (
            "a body that breaks off",
            scenes([cut(), cut()]),
            &[1, 2, 1, 2, 2],
        ),
        (
            "a status outside the list",
            scenes([failing(404), failing(404)]),
            &[1, 2, 1, 2, 1],
        ),
        ("one failure", scenes([failing(503), good()]), &[1, 2, 1, 1]),
    ];
    for (name, mut scenes, ports) in cases {
        if ports.len() == 4 {
            scenes.remove(3);
        }
        let (statuses, sent) = ask_in_turn(&config, scenes, 3).await;
        assert_eq!((statuses, sent.as_slice()), (vec![200; 3], ports), "{name}");
    }
}

#[actix_rt::test]
async fn a_time_that_the_caller_set_says_nothing_against_the_target() {
    tokio::time::pause();
    let config = with(&breaker(FALLBACK), r#""request_timeout":50"#);
    let late = || good().after(ms(60));
    let scenes = vec![late(), good(), late(), good(), good()];
    let (_, ports) = ask_in_turn(&config, scenes, 3).await;
    assert_eq!(ports, [1, 2, 1, 2, 1]);
}

#[actix_rt::test]
async fn with_every_breaker_open_all_targets_are_tried() {
    tokio::time::pause();
    let config = breaker(FALLBACK);
    let mut scenes = vec![failing(503); 4];
    scenes.push(good());
    let (statuses, ports) = ask_in_turn(&config, scenes, 3).await;
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(ports, [1, 2, 1, 2, 1]);
}

#[actix_rt::test]
async fn after_its_cooldown_one_probe_decides_whether_the_breaker_closes() {
    tokio::time::pause();
    let config = breaker(FALLBACK);
    for (name, probe, ports) in [
        // After the probe's failure the breaker stays open for a cooldown more.
        ("a probe that fails", failing(503), [1, 2, 1, 2, 2, 1, 2, 2]),
        ("a probe that succeeds", good(), [1, 2, 1, 2, 2, 1, 1, 0]),
    ] {
        let opening = [failing(503), good(), failing(503), good(), good()];
        let harness = Harness::new(opening.into_iter().chain([probe, good(), good()]));
        for _ in 0..3 {
            harness.ask(chat(&config)).await;
        }
        tokio::time::advance(Duration::from_secs(31)).await;
        for _ in 0..2 {
            assert_eq!(harness.ask(chat(&config)).await.status, 200, "{name}");
        }
        let expected: Vec<u16> = ports.into_iter().filter(|port| *port != 0).collect();
        assert_eq!(harness.ports(), expected, "{name}");
    }
}
