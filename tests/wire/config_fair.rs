//! No caller opens a breaker for others: not by its own timeouts, by leaving, by a body it does not
//! finish, or by requests that fail.

use std::time::Duration;

use crate::support::{
    Gateway, Upstream, eventually,
    message::bare,
    routing::{FAILURE, STREAM, base, chat, chunk, completion, config_line, json, token},
};

const BODY: &str = r#"{"model":"m"}"#;
const STREAMED: &str = r#"{"model":"m","stream":true}"#;
const CHEAT: &str = "Authorization: Bearer a\r\n";
const HONEST: &str = "Authorization: Bearer b\r\n";

/// What the first target does with what a caller asks it for.
struct Mood;

impl Mood {
    /// Slow, failing, or well, as the path says; a stream's first token comes late.
    fn upstream() -> Upstream {
        Upstream::playing(|peer| {
            while let Some(request) = peer.request() {
                let text = String::from_utf8_lossy(&request).into_owned();
                if text.contains("x-mood: slow") {
                    peer.pause(Duration::from_millis(150));
                }
                if text.contains("x-mood: late-token") {
                    peer.send(STREAM);
                    peer.pause(Duration::from_millis(300));
                    peer.send(chunk(&token(0)) + "0\r\n\r\n");
                } else if text.contains("x-mood: ill") {
                    peer.send(json("500 No", FAILURE));
                } else {
                    peer.send(json("200 OK", &completion("a")));
                }
            }
        })
    }
}

/// A saved fallback from `first` to `second` whose breaker opens after two failures, with an
/// operator's credential.
fn gateway(first: &Upstream, second: &Upstream) -> Gateway {
    Gateway::with(&format!(
        r#"
configs:
  guarded:
    strategy: {{ mode: fallback, cb_config: {{ failure_threshold: 2, minimum_requests: 1,
      cooldown_interval: 600000 }} }}
    targets:
      - {{ custom_host: "{0}", api_key: operators }}
      - {{ custom_host: "{1}", api_key: operators }}
  alone:
    strategy: {{ mode: single, cb_config: {{ failure_threshold: 2, minimum_requests: 3,
      cooldown_interval: 600000 }} }}
    targets: [{{ custom_host: "{0}", api_key: operators }}]
"#,
        base(first),
        base(second)
    ))
}

/// The policy of the saved breakers.
const BREAKER: &str = r#"{"failure_threshold":2,"minimum_requests":1,"cooldown_interval":600000}"#;

/// The same breaker as the saved one's, in an inline config with these times and no other target:
/// what comes is relayed at once.
fn alone(first: &Upstream, times: &str) -> String {
    config_line(&format!(
        r#"{{"strategy":{{"mode":"single","cb_config":{BREAKER}}},{times},
           "targets":[{{"custom_host":"{}","api_key":"operators"}}]}}"#,
        base(first)
    ))
}

/// The same with a fallback.
fn inline(first: &Upstream, second: &Upstream, times: &str) -> String {
    config_line(&format!(
        r#"{{"strategy":{{"mode":"fallback","cb_config":{BREAKER}}},{times},
           "targets":[{{"custom_host":"{}","api_key":"operators"}},
           {{"custom_host":"{}","api_key":"operators"}}]}}"#,
        base(first),
        base(second)
    ))
}

fn opened(gateway: &Gateway) -> i64 {
    gateway.metric("throughway_breaker_transitions_total{to=\"open\"}")
}

fn saved() -> String {
    config_line("guarded")
}

/// The first target responds to the honest caller.
fn assert_served(gateway: &Gateway, what: &str) {
    let response = gateway.exchange(chat(&(saved() + HONEST), BODY));
    assert_eq!(
        (response.option(), response.seen()),
        ("config.targets[0]", (200, completion("a"))),
        "{what}"
    );
}

#[test]
fn timeouts_that_a_caller_sets_do_not_open_breakers() {
    let (first, second) = (Mood::upstream(), Upstream::named("b"));
    let slow = "x-mood: slow\r\n";
    let late = "x-mood: late-token\r\n";
    for (what, lines, body) in [
        (
            "the header",
            saved() + slow + "x-gateway-request-timeout: 1\r\n",
            BODY,
        ),
        (
            "an inline request_timeout",
            inline(&first, &second, r#""request_timeout":1"#) + slow,
            BODY,
        ),
        (
            "an inline head",
            inline(&first, &second, r#""timeouts":{"head":1}"#) + slow,
            BODY,
        ),
        (
            "an inline total",
            inline(&first, &second, r#""timeouts":{"total":1}"#) + slow,
            BODY,
        ),
        (
            "an inline idle",
            inline(&first, &second, r#""timeouts":{"idle":1}"#) + late,
            STREAMED,
        ),
        (
            "an inline first_token",
            inline(&first, &second, r#""timeouts":{"first_token":1}"#) + late,
            STREAMED,
        ),
        (
            "an inline idle of a response under way",
            alone(&first, r#""timeouts":{"idle":1}"#) + late,
            STREAMED,
        ),
        (
            "an inline first_token of a response under way",
            alone(&first, r#""timeouts":{"first_token":1}"#) + late,
            STREAMED,
        ),
    ] {
        let gateway = gateway(&first, &second);
        for _ in 0..4 {
            let mut client = gateway.client();
            // With the same credentials as the honest one: it is the time that tells.
            client.send(chat(&(lines.clone() + HONEST), body));
            let response = client.response();
            assert_ne!(response.seen(), (200, completion("a")), "{what}");
        }
        assert_eq!(opened(&gateway), 0, "{what}");
        assert_served(&gateway, what);
    }
}

#[test]
fn timeouts_of_the_settings_open_breakers() {
    let (first, second) = (Mood::upstream(), Upstream::named("b"));
    let gateway = Gateway::with(&format!(
        r#"
configs:
  guarded:
    strategy: {{ mode: fallback, cb_config: {{ failure_threshold: 2, minimum_requests: 1,
      cooldown_interval: 600000 }} }}
    request_timeout: 20
    targets: [{{ custom_host: "{}", api_key: operators }},
      {{ custom_host: "{}", api_key: operators }}]
"#,
        base(&first),
        base(&second)
    ));
    let ask = || gateway.exchange(chat(&(saved() + "x-mood: slow\r\n"), BODY));
    for calls in [1, 2, 2] {
        assert_eq!(ask().option(), "config.targets[1]");
        assert_eq!(first.count(), calls);
    }
    assert_eq!(opened(&gateway), 1);
}

#[test]
fn a_client_that_leaves_early_does_not_count_against_the_target() {
    let (first, second) = (Mood::upstream(), Upstream::named("b"));
    let gateway = gateway(&first, &second);
    for calls in 1..=4 {
        let mut client = gateway.client();
        client.send(chat(&(saved() + HONEST + "x-mood: slow\r\n"), BODY));
        eventually("it is sent", || first.count() == calls);
        client.reset();
    }
    assert_served(&gateway, "after leaving");
    assert_eq!(opened(&gateway), 0);
}

#[test]
fn a_target_that_closes_while_the_client_owes_the_body_is_not_at_fault() {
    // An upstream that waits for no body: it closes.
    let first = Upstream::playing(|peer| {
        let Some(head) = peer.head() else { return };
        if String::from_utf8_lossy(&head).contains("x-mood: impatient") {
            return;
        }
        peer.take(BODY.len());
        peer.send(json("200 OK", &completion("a")));
    });
    let gateway = gateway(&first, &first);
    let lines = |mood: &str| {
        let alone = saved().replace("guarded", "alone");
        format!("{alone}{HONEST}x-mood: {mood}\r\n")
    };
    for _ in 0..4 {
        let mut client = gateway.client();
        let request = chat(&lines("impatient"), BODY);
        client.send(request.replace("Content-Length: 13", "Content-Length: 500"));
        assert_eq!(client.response().status, 502);
    }
    assert_eq!(opened(&gateway), 0);
    assert_eq!(gateway.exchange(chat(&lines("well"), BODY)).status, 200);
    // With nothing owed it is at fault.
    for _ in 0..2 {
        let response = gateway.exchange(chat(&lines("impatient"), BODY));
        assert_eq!(response.status, 502);
    }
    assert_eq!(opened(&gateway), 1);
}

#[test]
fn one_callers_failures_open_its_own_breaker_and_no_others() {
    let (first, second) = (Mood::upstream(), Upstream::named("b"));
    let gateway = gateway(&first, &second);
    let cheat = |more: &str| gateway.exchange(chat(&(saved() + CHEAT + more), BODY));
    for _ in 0..6 {
        assert_eq!(cheat("x-mood: ill\r\n").option(), "config.targets[1]");
    }
    assert_eq!((first.count(), opened(&gateway)), (2, 1));
    assert_served(&gateway, "another caller");
    assert_eq!(cheat("").option(), "config.targets[1]", "its own is open");
    // Many identities are no more than one to a caller that fares well.
    for number in 0..20 {
        let lines = format!(
            "{}Authorization: Bearer c{number}\r\nx-mood: ill\r\n",
            saved()
        );
        gateway.exchange(chat(&lines, BODY));
    }
    assert_served(&gateway, "after many more");
}

#[test]
fn once_two_callers_saw_an_outage_one_failure_opens_the_others_breakers() {
    let (first, second) = (Upstream::failing("500 No"), Upstream::named("b"));
    let gateway = gateway(&first, &second);
    for number in 1..11 {
        for _ in 0..3 {
            let response = gateway.exchange_from(number, chat(&saved(), BODY));
            assert_eq!(response.option(), "config.targets[1]");
        }
    }
    // The first two callers find out by two failures; each of the others by one.
    assert_eq!(first.count(), 12);
}

#[test]
fn made_up_credentials_from_one_address_open_no_other_callers_breaker() {
    let (first, second) = (Mood::upstream(), Upstream::named("b"));
    let gateway = gateway(&first, &second);
    for number in 0..20 {
        let made_up = format!("Authorization: Bearer c{number}\r\nx-mood: ill\r\n");
        gateway.exchange(chat(&(saved() + &made_up), BODY));
    }
    // One failure, of the two that its breaker takes.
    let ill = chat(&(saved() + HONEST + "x-mood: ill\r\n"), BODY);
    assert_eq!(gateway.exchange_from(2, ill).option(), "config.targets[1]");
    let well = chat(&(saved() + HONEST), BODY);
    assert_eq!(gateway.exchange_from(2, well).option(), "config.targets[0]");
}

#[test]
fn a_get_without_credentials_is_told_apart_by_address() {
    let (first, second) = (Mood::upstream(), Upstream::named("b"));
    let gateway = gateway(&first, &second);
    for _ in 0..4 {
        gateway.exchange(bare("GET", "/v1/models", &(saved() + "x-mood: ill\r\n")));
    }
    assert_eq!((first.count(), opened(&gateway)), (2, 1));
    assert_served(&gateway, "one with a credential");
}
