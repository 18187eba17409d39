//! What counts in a budget where several models and origins are in play: the model that was sent,
//! and the origin whose response was relayed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Process, Upstream,
    admin::Admin,
    eventually,
    routing::{base, chat, config_line, configured},
};

const PRICES: &str = "prices: { overrides: [{ model: big, input: 1000, output: 0 }, \
                      { model: small, input: 1, output: 0 }] }\n";

const STORED: &str = "admin_token: secret\nrecords: { store: memory }\n";

/// A response of a model that took so many tokens.
fn told(model: &str, tokens: u64, more: &str) -> String {
    let body = format!(
        "{{\"model\":\"{model}\",\"choices\":[],\
         \"usage\":{{\"prompt_tokens\":{tokens},\"completion_tokens\":0{more}}}}}"
    );
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn failing() -> Upstream {
    Upstream::responding("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
}

/// The counts of the budget with this name.
fn budget(process: &Process, name: &str) -> Value {
    let page = Admin::of(process.address).json("GET", "/budgets", "", 200);
    let all = page["data"].as_array().expect("a list");
    let found = all.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("{page}")).clone()
}

/// So many records, once they are stored.
fn records(process: &Process, count: usize) -> Vec<Value> {
    let mut records = Vec::new();
    eventually("the records are stored", || {
        let page = Admin::of(process.address).json("GET", "/records", "", 200);
        records = page["data"].as_array().cloned().unwrap_or_default();
        records.len() == count
    });
    records
}

fn eventually_spent(process: &Process, name: &str, expected: &Value) {
    let mut spent = Value::Null;
    eventually("everything is settled", || {
        let budget = budget(process, name);
        spent = budget["spent"].clone();
        budget["reserved"] == json!("0") || budget["reserved"] == json!(0)
    });
    assert_eq!(&spent, expected, "{name}");
}

#[test]
fn a_cost_goes_by_the_model_that_was_sent() {
    let upstream = Upstream::responding(told("big", 1_000, ""));
    let settings = format!(
        "{STORED}budgets: [{{ name: all, usd: 1000, window: day }}]\n{PRICES}\
         providers: {{ op: {{ custom_host: \"{0}\", api_key: k }} }}\n",
        base(&upstream)
    );
    let process = Process::serving("sent-model", &settings);
    let host = base(&upstream);
    let set = format!(r#"{{"custom_host":"{host}","override_params":{{"model":"big"}}}}"#);
    let mut expected = 0;
    for (request, said) in [
        (
            configured(&set, r#"{"model":"small"}"#),
            "set by the config",
        ),
        (
            chat("", r#"{"model":"@op/big"}"#),
            "with a provider's prefix",
        ),
        (
            chat(
                &config_line(&format!(r#"{{"custom_host":"{host}"}}"#)),
                r#"{"model":"small"}"#,
            ),
            "another one, as the response says",
        ),
    ] {
        assert_eq!(process.exchange(&request).status, 200, "{said}");
        expected += 1;
        eventually_spent(&process, "all", &json!(expected.to_string()));
    }
    let records = records(&process, 3);
    let costs: Vec<&Value> = records.iter().map(|it| &it["cost"]).collect();
    assert_eq!(costs, [&json!("1"); 3]);
}

#[test]
fn a_hedge_does_not_lend_its_trust_to_the_callers_own_host() {
    let callers = Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.pause(Duration::from_millis(600));
            peer.send(told("small", 1_000_000, ",\"cost\":999999"));
        }
    });
    let operators = Upstream::playing(|peer| {
        peer.request();
        peer.closed_after();
    });
    let settings = format!(
        "{STORED}budgets: [{{ name: all, usd: 100, window: day }}]\n{PRICES}\
         providers: {{ op: {{ custom_host: \"{}\", api_key: k }} }}\n",
        base(&operators)
    );
    let process = Process::serving("hedge-trust", &settings);
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"hedge":{{"after":100,"max_ratio":1}},
            "targets":[{{"custom_host":"{}"}},{{"provider":"@op"}}]}}"#,
        base(&callers)
    );
    let response = process.exchange(configured(&config, r#"{"model":"small","max_tokens":1}"#));
    assert_eq!(response.status, 200);
    eventually("the hedge was sent", || operators.connections() == 1);
    eventually_spent(&process, "all", &json!("1"));
    let record = &records(&process, 1)[0];
    assert_eq!(record["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(record["provider"], "passthrough", "the one that responded");
}

#[test]
fn targets_that_share_a_limit_of_tokens_count_whichever_responds() {
    let (broken, upstream) = (failing(), Upstream::responding(told("small", 2_000, "")));
    let process = Process::serving("shared-limit", "admin_token: secret\n");
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[{{
            "rate_limit":{{"tokens":3000,"window":"1h"}},"strategy":{{"mode":"fallback"}},
            "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}]}}"#,
        base(&broken),
        base(&upstream)
    );
    let request = configured(&config, r#"{"model":"small","max_tokens":1}"#);
    let statuses: Vec<u16> = (0..4)
        .map(|_| {
            let status = process.exchange(&request).status;
            eventually("it is settled", || {
                process.metric("throughway_budget_reservations") == 0
            });
            status
        })
        .collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[test]
fn a_budget_of_one_origin_does_not_count_what_another_served() {
    let (broken, upstream) = (
        failing(),
        Upstream::responding(told("small", 1_000_000, "")),
    );
    let budget = |name: &str, of: &Upstream| {
        format!(
            "{{ name: {name}, usd: 100, window: day, match: {{ origin: \"{}\" }} }}",
            of.url()
        )
    };
    let settings = format!(
        "admin_token: secret\n{PRICES}budgets: [{}, {}]\n",
        budget("broken", &broken),
        budget("served", &upstream)
    );
    let process = Process::serving("budget-origin", &settings);
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},
            "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
        base(&broken),
        base(&upstream)
    );
    let response = process.exchange(configured(&config, r#"{"model":"small"}"#));
    assert_eq!(response.status, 200);
    eventually_spent(&process, "served", &json!("1"));
    eventually_spent(&process, "broken", &json!("0"));
}

#[test]
fn what_a_config_allows_beyond_the_body_is_reserved() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.closed_after();
    });
    let settings = "admin_token: secret\nbudgets: [{ name: all, tokens: 5000, window: day }]\n";
    let process = Process::serving("reserved-by-config", settings);
    let config = format!(
        r#"{{"custom_host":"{}","override_params":{{"max_tokens":4000,"n":9}}}}"#,
        base(&upstream)
    );
    let request = configured(&config, r#"{"model":"small","max_tokens":1}"#);
    let mut first = process.client();
    first.send(&request);
    eventually("the first is under way", || upstream.connections() == 1);
    let reserved = budget(&process, "all")["reserved"].clone();
    assert!(reserved.as_u64() >= Some(36_000), "{reserved}");
    let second = process.exchange(&request);
    assert_eq!(
        (second.status, second.error()),
        (402, Some("budget_exceeded"))
    );
}
