//! Loadbalance: shares by weight, none for weight zero, and sticky targets for requests that are
//! equal in the hashed fields.

use std::collections::HashMap;

use crate::support::{
    Gateway, Upstream,
    routing::{base, chat, config_line},
};

const BODY: &str = r#"{"model":"m","user":{"id":7}}"#;

/// Upstreams named by their place.
struct Targets(Vec<Upstream>);

impl Targets {
    fn new(count: usize) -> Self {
        Targets(
            (0..count)
                .map(|place| Upstream::named(&place.to_string()))
                .collect(),
        )
    }

    /// Targets with these further keys each.
    fn config(&self, strategy: &str, keys: &[&str]) -> String {
        let targets: Vec<String> = self
            .0
            .iter()
            .zip(keys)
            .map(|(upstream, keys)| format!("{{\"custom_host\":\"{}\"{keys}}}", base(upstream)))
            .collect();
        format!(
            "{{\"strategy\":{{\"mode\":\"loadbalance\"{strategy}}},\"targets\":[{}]}}",
            targets.join(",")
        )
    }

    fn counts(&self) -> Vec<usize> {
        self.0.iter().map(Upstream::count).collect()
    }
}

/// Sends these lines `times` times over one connection; returns which targets responded, in order.
fn responders(gateway: &Gateway, lines: &str, times: usize) -> Vec<String> {
    let mut client = gateway.client();
    (0..times)
        .map(|_| {
            client.send(chat(lines, BODY));
            let response = client.response();
            assert_eq!(response.status, 200, "{}", response.text());
            let place = response.option().trim_end_matches(']').rsplit('[').next();
            let place = place.unwrap_or_default().to_owned();
            assert!(response.text().contains(&format!("\"id\":\"{place}\"")));
            place
        })
        .collect()
}

/// Within six standard deviations of the share: by chance outside once in 500 million runs.
#[track_caller]
fn assert_share(count: usize, of: usize, share: f64) {
    let (count, of) = (count as f64, of as f64);
    let margin = 6.0 * (of * share * (1.0 - share)).sqrt();
    assert!(
        (count - of * share).abs() <= margin,
        "{count} of {of}, expected {} give or take {margin}",
        of * share
    );
}

#[test]
fn targets_are_chosen_by_weight_and_never_with_weight_zero() {
    const TIMES: usize = 400;
    let targets = Targets::new(3);
    let config = targets.config("", &[r#","weight":3"#, r#","weight":1"#, r#","weight":0"#]);
    responders(&Gateway::start(), &config_line(&config), TIMES);
    let counts = targets.counts();
    assert_share(counts[0], TIMES, 0.75);
    assert_share(counts[1], TIMES, 0.25);
    assert_eq!(counts[2], 0);
}

#[test]
fn weights_default_to_one_and_may_be_fractions() {
    const TIMES: usize = 400;
    let targets = Targets::new(3);
    let config = targets.config("", &["", r#","weight":1"#, r#","weight":0.5"#]);
    responders(&Gateway::start(), &config_line(&config), TIMES);
    let counts = targets.counts();
    assert_share(counts[0], TIMES, 0.4);
    assert_share(counts[1], TIMES, 0.4);
    assert_share(counts[2], TIMES, 0.2);
}

#[test]
fn a_balance_alone_tries_no_other_target() {
    let (bad, good) = (Upstream::failing("500 No"), Upstream::named("b"));
    let config = format!(
        r#"{{"strategy":{{"mode":"loadbalance"}},
           "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}","weight":0}}]}}"#,
        base(&bad),
        base(&good)
    );
    let response = Gateway::start().exchange(chat(&config_line(&config), BODY));
    assert_eq!((response.status, good.count()), (500, 0));
    assert_eq!(response.option(), "config.targets[0]");
}

#[test]
fn sticky_requests_choose_the_same_target_on_every_replica() {
    let targets = Targets::new(3);
    let keys = ["", "", ""];
    for field in ["metadata.user", "headers.x-user"] {
        let strategy = format!(r#","sticky":{{"hash_fields":["{field}"]}}"#);
        let config = config_line(&targets.config(&strategy, &keys));
        let replicas = [Gateway::start(), Gateway::start()];
        let mut chosen: HashMap<String, usize> = HashMap::new();
        for user in 0..40 {
            let who = match field {
                "metadata.user" => format!("x-gateway-metadata: {{\"user\":\"u{user}\"}}\r\n"),
                _ => format!("X-User: u{user}\r\n"),
            };
            let lines = config.clone() + &who;
            let mut names: Vec<String> = replicas
                .iter()
                .flat_map(|gateway| responders(gateway, &lines, 3))
                .collect();
            names.dedup();
            assert_eq!(names.len(), 1, "{field} of {user}");
            *chosen.entry(names.remove(0)).or_default() += 1;
        }
        // Each of three gets 13 of 40 or so; none at all would be one in ten million.
        assert_eq!(chosen.len(), 3, "{field}: {chosen:?}");
    }
}

#[test]
fn stickiness_by_a_parameter_of_the_body() {
    let targets = Targets::new(3);
    let strategy = r#","sticky":{"hash_fields":["params.user.id"],"ttl":300}"#;
    let config = config_line(&targets.config(strategy, &["", "", ""]));
    let mut names = responders(&Gateway::start(), &config, 20);
    names.dedup();
    assert_eq!(names.len(), 1);
}

#[test]
fn stickiness_respects_weights_and_needs_a_field_to_hash() {
    let targets = Targets::new(2);
    let strategy = r#","sticky":{"hash_fields":["metadata.user"]}"#;
    let gateway = Gateway::start();
    let weightless = config_line(&targets.config(strategy, &["", r#","weight":0"#]));
    for user in 0..20 {
        let lines = format!("{weightless}x-gateway-metadata: {{\"user\":\"u{user}\"}}\r\n");
        assert_eq!(responders(&gateway, &lines, 1), ["0"]);
    }
    // No user: drawn as without stickiness. One target only would be one in 2^39.
    let even = config_line(&targets.config(strategy, &["", ""]));
    let mut names = responders(&gateway, &even, 40);
    names.sort();
    names.dedup();
    assert_eq!(names, ["0", "1"]);
}
