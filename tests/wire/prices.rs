//! Prices: which are in force, and a table that changes while the gateway runs.

use serde_json::Value;

use crate::support::{Gateway, Process, eventually};

fn asked(exchange: impl Fn(String) -> crate::support::Response, query: &str) -> (u16, Value) {
    let response = exchange(format!(
        "GET /gateway/admin/v1/prices{query} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer secret\r\n\r\n"
    ));
    let body = serde_json::from_str(&response.text()).unwrap_or_default();
    (response.status, body)
}

const GPT: &str = "?origin=https://api.openai.com&model=gpt-4o";

#[test]
fn the_operator_sees_the_layers_and_the_price_of_one_model() {
    let gateway = Gateway::with(
        "admin_token: secret\nprices: { overrides: [{ model: mine-*, input: 1, output: 2.5 }] }",
    );
    let ask = |query: &str| asked(|request| gateway.exchange(request), query);
    let (status, body) = ask("");
    assert_eq!((status, &body["file"]), (200, &Value::Null), "{body}");
    assert_eq!(body["overrides"][0]["output"], "2.5");
    assert!(body["built_in"]["models"].as_u64() > Some(1_000), "{body}");
    let (_, body) = ask(GPT);
    let found = &body["lookup"]["found"];
    let told = (&found["source"], &found["prices"]["input"]);
    assert_eq!(told, (&"built_in".into(), &"2.5".into()), "{body}");
    let (_, body) = ask("?origin=http://127.0.0.1:1&model=mine-7");
    assert_eq!(body["lookup"]["found"]["source"], "settings", "{body}");
    let (_, body) = ask("?origin=http://127.0.0.1:1&model=gpt-4o");
    assert_eq!(body["lookup"]["found"], Value::Null, "{body}");
    for query in ["?model=gpt-4o", "?origin=x&model=y", "?nonsense=1"] {
        assert_eq!(ask(query).0, 400, "{query}");
    }
}

#[test]
fn a_table_that_changes_is_in_force_and_a_broken_one_is_not() {
    let name = format!("throughway-wire-prices-{}.json", std::process::id());
    let table = std::env::temp_dir().join(name);
    let write = |price: &str| {
        let text = format!(
            r#"{{"gpt-4o":{{"litellm_provider":"openai","input_cost_per_token":{price}}}}}"#
        );
        std::fs::write(&table, text).expect("a file");
    };
    write("1e-06");
    let settings = format!(
        "admin_token: secret\nprices: {{ file: {} }}",
        table.display()
    );
    let gateway = Process::serving("prices-file", &settings);
    let price = || {
        let (_, body) = asked(|request| gateway.exchange(request), GPT);
        body["lookup"]["found"]["prices"]["input"].clone()
    };
    assert_eq!(price(), "1");
    write("2e-06");
    eventually("the new price is in force", || price() == "2");
    write("-3");
    eventually("the broken table is told of", || {
        gateway
            .log()
            .contains("gpt-4o: input_cost_per_token must be a number from 0")
    });
    assert_eq!(price(), "2");
    std::fs::remove_file(&table).expect("it was there");
}
