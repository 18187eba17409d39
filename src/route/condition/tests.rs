//! Which conditions hold, as tables.

use proptest::prelude::*;
use serde_json::json;

use super::*;

struct Request(Value);

impl Facts for Request {
    fn get(&self, field: &Field) -> Option<Cow<'_, Value>> {
        let found = match field {
            Field::Metadata(key) => self.0.get("metadata")?.get(&**key),
            Field::Header(name) => self.0.get("headers")?.get(&**name),
            Field::Method => self.0.get("method"),
            Field::Path => self.0.get("path"),
            Field::Param(path) => path
                .iter()
                .try_fold(self.0.get("params")?, |value, key| value.get(&**key)),
        };
        found.map(Cow::Borrowed)
    }
}

fn request() -> Request {
    Request(json!({
        "metadata": { "tier": "pro", "age": "42", "on": "true" },
        "headers": { "x-team": "a" },
        "method": "POST",
        "path": "/v1/chat/completions",
        "params": { "model": "gpt-4o", "max_tokens": 100, "temperature": 0.5, "stream": true, "none": null,
                    "stop": ["a", "b"], "deep": { "er": { "still": "yes" } } },
    }))
}

#[test]
fn each_operator_holds_as_its_row_says() {
    for (query, expected) in [
        (json!({ "metadata.tier": { "$eq": "pro" } }), true),
        (json!({ "metadata.tier": "pro" }), true),
        (json!({ "metadata.tier": "Pro" }), false),
        (json!({ "metadata.none": "pro" }), false),
        (json!({ "metadata.tier": { "$ne": "free" } }), true),
        (json!({ "metadata.none": { "$ne": "free" } }), true),
        (json!({ "metadata.tier": { "$ne": "pro" } }), false),
        (json!({ "metadata.age": { "$gt": 41 } }), true),
        (json!({ "metadata.age": { "$gt": "5" } }), false),
        (json!({ "metadata.age": { "$eq": 42 } }), true),
        (json!({ "metadata.on": { "$eq": true } }), true),
        (json!({ "metadata.tier": { "$gt": 1 } }), false),
        (json!({ "metadata.none": { "$gt": 1 } }), false),
        (
            json!({ "params.max_tokens": { "$gte": 100, "$lt": 101 } }),
            true,
        ),
        (json!({ "params.max_tokens": { "$lte": 99 } }), false),
        (json!({ "params.max_tokens": 100.0 }), true),
        (json!({ "params.temperature": { "$gt": 0.4 } }), true),
        (json!({ "params.stream": true }), true),
        (json!({ "params.stream": { "$ne": false } }), true),
        (json!({ "params.none": null }), true),
        (json!({ "params.stop": "b" }), true),
        (json!({ "params.stop": { "$in": ["x", "b"] } }), true),
        (json!({ "params.stop": { "$nin": ["x", "b"] } }), false),
        (json!({ "params.deep.er.still": { "$in": ["yes"] } }), true),
        (json!({ "params.deep.er.not": { "$in": ["yes"] } }), false),
        (json!({ "params.deep.er.not": { "$nin": ["yes"] } }), true),
        (json!({ "params.model": { "$regex": "^gpt-4" } }), true),
        (json!({ "params.model": { "$regex": "^o1" } }), false),
        (json!({ "params.max_tokens": { "$regex": "1" } }), false),
        (json!({ "headers.X-Team": "a" }), true),
        (json!({ "method": { "$in": ["GET", "POST"] } }), true),
        (json!({ "url.pathname": { "$regex": "/chat/" } }), true),
        (json!({ "metadata.tier": "pro", "method": "GET" }), false),
        (
            json!({ "$and": [{ "metadata.tier": "pro" }, { "method": "POST" }] }),
            true,
        ),
        (
            json!({ "$or": [{ "metadata.tier": "free" }, { "method": "POST" }] }),
            true,
        ),
        (
            json!({ "$or": [{ "metadata.tier": "free" }, { "method": "GET" }], "method": "POST" }),
            false,
        ),
        (
            json!({ "$and": [{ "$or": [{ "method": "GET" }, { "metadata.tier": "pro" }] }] }),
            true,
        ),
    ] {
        let condition = Condition::parse(&query).expect("a condition");
        assert_eq!(condition.holds(&request()), expected, "{query}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_at_its_place() {
    for (query, place) in [
        (json!(1), ""),
        (json!({}), ""),
        (json!({ "metadata.": 1 }), "metadata."),
        (json!({ "body.x": 1 }), "body.x"),
        (json!({ "$not": [] }), "$not"),
        (json!({ "$and": {} }), "$and"),
        (json!({ "$or": [] }), "$or"),
        (json!({ "$and": [{ "method": [] }] }), "$and[0].method"),
        (json!({ "method": {} }), "method"),
        (json!({ "method": { "$is": 1 } }), "method.$is"),
        (json!({ "method": { "$in": "GET" } }), "method.$in"),
        (json!({ "method": { "$in": [[]] } }), "method.$in[0]"),
        (json!({ "method": { "$gt": null } }), "method.$gt"),
        (json!({ "method": { "$regex": "(" } }), "method.$regex"),
        (json!({ "method": { "$regex": "(?=x)" } }), "method.$regex"),
        (
            json!({ "method": { "$regex": "a{1000}{1000}" } }),
            "method.$regex",
        ),
        (
            json!({ "method": { "$regex": "x".repeat(1025) } }),
            "method.$regex",
        ),
    ] {
        let refused = Condition::parse(&query).map(|_| ()).expect_err("refused");
        assert_eq!(refused.0, place, "{query}: {}", refused.1);
    }
}

#[test]
fn only_params_need_the_body() {
    for (query, expected) in [
        (json!({ "metadata.tier": 1 }), false),
        (json!({ "$or": [{ "method": 1 }, { "params.x": 1 }] }), true),
    ] {
        assert_eq!(Condition::parse(&query).unwrap().needs_params(), expected);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z$(.*]{0,6}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("$and"),
        Just("$or"),
        Just("$eq"),
        Just("$in"),
        Just("$regex"),
        Just("$gt"),
        Just("method"),
        Just("params.x"),
        Just("metadata.y"),
    ];
    leaf.prop_recursive(5, 32, 4, move |inner| {
        let entries = proptest::collection::vec((key.clone(), inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            entries.prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_asked_is_answered_or_refused(query in any_json()) {
        if let Ok(condition) = Condition::parse(&query) {
            condition.holds(&request());
        }
    }
}
