//! What a body says to conditions and sticky balancing.

use serde_json::json;

use super::*;
use crate::{
    memory::Account,
    route::{
        condition::{Condition, WorkBudget},
        config_types::Sticky,
        tree::{Choice, Node},
    },
};

fn tree(choice: Choice) -> Tree {
    let group = Node::Group {
        children: Box::new([1]),
        choice,
    };
    let target = Node::Target {
        target: 0,
        retry: Default::default(),
        hedge: None,
    };
    Tree {
        nodes: Box::new([group, target]),
    }
}

fn conditional(queries: &[Value]) -> Tree {
    let mut budget = WorkBudget::default();
    let conditions = queries.iter().map(|query| {
        let condition = Condition::parse(query, &mut budget).unwrap();
        (condition, 0)
    });
    tree(Choice::Conditional {
        conditions: conditions.collect(),
        default: None,
        path: "config".into(),
    })
}

fn sticky(field: &str) -> Tree {
    tree(Choice::LoadBalance {
        weights: Box::new([1.0]),
        sticky: Some(Sticky {
            hash_fields: vec![Field::parse(field).unwrap()],
            ttl: None,
        }),
    })
}

async fn decided(tree: &Tree, body: impl Into<Bytes>) -> Result<Decided, GatewayError> {
    let source = Source {
        head: &RequestHead::default(),
        path: "/v1/x",
        metadata: None,
        body: &body.into(),
    };
    decide(Account::UNCOUNTED.share(), tree, source).await
}

/// The bodies that are looked at beside the worker say what the same say on it.
#[actix_rt::test]
async fn values_in_the_body_are_seen_by_conditions() {
    for (body, query, holds) in [
        (json!({ "a": "x" }), json!({ "params.a": "x" }), true),
        (
            json!({ "a": ["y", "x"] }),
            json!({ "params.a": { "$in": ["x"] } }),
            true,
        ),
        (
            json!({ "a": [["x"], { "x": 1 }] }),
            json!({ "params.a": "x" }),
            false,
        ),
        (json!({ "a": [["x"]] }), json!({ "params.a.0": "x" }), true),
        (
            json!({ "a": {} }),
            json!({ "params.a": { "$ne": 1 } }),
            true,
        ),
        (json!({ "a": 5 }), json!({ "params.a": { "$gt": 4 } }), true),
        (
            json!({ "a": "x" }),
            json!({ "params.b": { "$nin": ["x"] } }),
            true,
        ),
        (json!([]), json!({ "params.b": "x" }), false),
        (
            json!({}),
            json!({ "metadata.tier": { "$ne": "pro" } }),
            true,
        ),
        (
            json!({}),
            json!({ "url.pathname": { "$regex": "^/v1/" } }),
            true,
        ),
    ] {
        let tree = conditional(std::slice::from_ref(&query));
        for space in [0, 2 * offload::SHORT] {
            let body = format!("{body}{}", " ".repeat(space));
            let decided = decided(&tree, body.clone()).await.unwrap();
            let expected = holds.then_some(0);
            assert_eq!(
                decided.child(0),
                expected,
                "{query} on {} bytes",
                body.len()
            );
        }
    }
}

#[actix_rt::test]
async fn a_list_too_long_to_be_tested_is_too_large_if_a_test_comes_to_it() {
    let list = |count: usize| json!({ "a": vec![0; count], "b": 1 }).to_string();
    let tests_it = conditional(&[json!({ "params.a": { "$nin": [1] } })]);
    let stops_before = conditional(&[json!({ "params.b": 1 }), json!({ "params.a": 1 })]);
    for (tree, count, fits) in [
        (&tests_it, MOST_TESTED_ITEMS, true),
        (&tests_it, MOST_TESTED_ITEMS + 1, false),
        (&stops_before, MOST_TESTED_ITEMS + 1, true),
    ] {
        let decided = decided(tree, list(count)).await;
        let code = decided.map(|_| ()).map_err(|error| error.code);
        assert_eq!(
            code,
            if fits {
                Ok(())
            } else {
                Err(Code::BodyTooLarge)
            }
        );
    }
    // Which requests are alike is told by the whole list, however long.
    assert!(
        decided(&sticky("params.a"), list(100_000))
            .await
            .unwrap()
            .key(0)
            .is_some()
    );
}

#[actix_rt::test]
async fn requests_are_alike_however_much_space_they_have() {
    let tree = sticky("params.a");
    let key = async |body: &'static str| decided(&tree, body).await.unwrap().key(0).copied();
    let one = key(r#"{"a":{"b":[1,"x y"]}}"#).await;
    assert!(one.is_some());
    assert_eq!(one, key("{ \"a\" : { \"b\" : [ 1, \"x y\" ] } }").await);
    assert_ne!(one, key(r#"{"a":{"b":[1,"xy"]}}"#).await);
    assert_eq!(key(r#"{"a":"\u0062"}"#).await, key(r#"{"a":"b"}"#).await);
    assert_eq!(key("{}").await, None);
    // Long texts are told by a digest, and are as different.
    let long = async |end: &str| {
        let body = format!(r#"{{"a":"{}{end}"}}"#, "x".repeat(5000));
        decided(&tree, body).await.unwrap().key(0).copied()
    };
    assert_eq!(long("y").await, long("y").await);
    assert_ne!(long("y").await, long("z").await);
}
