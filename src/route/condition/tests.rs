//! Tables of conditions that hold or do not hold, or are refused.

use proptest::prelude::*;
use serde_json::json;

use super::{budget::*, compare::is_or_contains, *};

struct Request(Value);

impl Facts for Request {
    fn get(&self, field: &Field) -> Result<Option<Cow<'_, Value>>, TooManyItems> {
        let found = match field {
            Field::Metadata(key) => self.0.get("metadata").and_then(|it| it.get(&**key)),
            Field::Header(name) => self.0.get("headers").and_then(|it| it.get(&**name)),
            Field::Method => self.0.get("method"),
            Field::Path => self.0.get("path"),
            Field::Param(path) => path.iter().try_fold(
                self.0.get("params").unwrap_or(&Value::Null),
                |value, key| value.get(&**key),
            ),
        };
        Ok(found.map(Cow::Borrowed))
    }

    fn text(&self, field: &Field) -> Option<Cow<'_, str>> {
        let value = self.get(field).ok()??;
        Some(Cow::Owned(value.to_string()))
    }
}

fn parse(query: &Value) -> Result<Condition, (String, String)> {
    Condition::parse(query, &mut WorkBudget::default())
}

fn request() -> Request {
    Request(json!({
        "metadata": { "tier": "pro", "age": "42", "on": "true" },
        "headers": { "x-team": "a" },
        "method": "POST",
        "path": "/v1/chat/completions",
        "params": { "model": "gpt-4o", "max_tokens": 100, "temperature": 0.5, "stream": true,
                    "none": null, "stop": ["a", "b"], "deep": { "er": { "still": "yes" } } },
    }))
}

#[test]
fn each_operator_holds_as_its_row_states() {
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
        let condition = parse(&query).expect("a condition");
        assert_eq!(condition.holds(&request()), Ok(expected), "{query}");
    }
}

#[test]
fn invalid_conditions_are_refused_with_their_path() {
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
        let refused = parse(&query).map(|_| ()).expect_err("refused");
        assert_eq!(refused.0, place, "{query}: {}", refused.1);
    }
}

#[test]
fn only_params_need_the_body() {
    for (query, expected) in [
        (json!({ "metadata.tier": 1 }), false),
        (json!({ "$or": [{ "method": 1 }, { "params.x": 1 }] }), true),
    ] {
        assert_eq!(parse(&query).unwrap().needs_params(), expected);
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
    fn any_query_is_parsed_or_refused_without_panic(query in any_json()) {
        if let Ok(condition) = parse(&query) {
            condition.holds(&request()).unwrap();
        }
    }
}

/// Each kind of work is accepted up to its limit and refused beyond it, with the right path.
#[test]
fn each_kind_of_work_is_limited_per_config() {
    let tests = |count: usize| {
        let one = |at: usize| json!({ "params.x": at });
        json!({ "$and": (0..count).map(one).collect::<Vec<_>>() })
    };
    let patterns = |count: usize, pattern: &str| {
        let one = |_| json!({ "params.x": { "$regex": pattern } });
        json!({ "$or": (0..count).map(one).collect::<Vec<_>>() })
    };
    let items = |count: usize| json!({ "method": { "$in": (0..count).collect::<Vec<_>>() } });
    let path = |parts: usize| {
        let path = vec!["0"; parts].join(".");
        json!({ format!("params.{path}"): 1 })
    };
    // Eight bytes of \w take a few hundred KiB when compiled.
    let wide = r"\w\w";
    // Long, but small when compiled.
    let class = format!("[{}]", "x".repeat(LONGEST_PATTERN - 2));
    for (name, taken, refused, place) in [
        (
            "tests",
            tests(MOST_TESTS),
            tests(MOST_TESTS + 1),
            "$and[256].params.x",
        ),
        (
            "patterns",
            patterns(MOST_PATTERNS, "^gpt-4"),
            patterns(MOST_PATTERNS + 1, "^gpt-4"),
            "$or[64].params.x.$regex",
        ),
        (
            "text of patterns",
            patterns(8, &class),
            patterns(9, &class),
            "$or[8].params.x.$regex",
        ),
        ("compiled", patterns(1, wide), patterns(40, wide), ""),
        (
            "classes that ignore case",
            patterns(16, "(?i)[a-c]"),
            patterns(17, "(?i)[a-c]"),
            "$or[16].params.x.$regex",
        ),
        (
            "items",
            items(MOST_ITEMS),
            items(MOST_ITEMS + 1),
            "method.$in",
        ),
        (
            "parts of a path",
            path(MOST_PATH_PARTS),
            path(MOST_PATH_PARTS + 1),
            "params.0.0.0",
        ),
    ] {
        assert!(parse(&taken).is_ok(), "{name}: {:?}", parse(&taken).err());
        let (at, reason) = parse(&refused).map(|_| ()).expect_err(name);
        assert!(at.starts_with(place), "{name} at {at}: {reason}");
        assert!(
            reason.contains("more than") || reason.contains("once compiled"),
            "{reason}"
        );
    }
}

#[test]
fn conditions_of_one_config_share_its_budget() {
    let mut budget = WorkBudget::default();
    let half = json!({ "method": { "$nin": vec![0; MOST_ITEMS / 2] } });
    for _ in 0..2 {
        assert!(Condition::parse(&half, &mut budget).is_ok());
    }
    assert!(Condition::parse(&half, &mut budget).is_err());
}

#[test]
fn a_flag_in_any_group_of_a_pattern_ignores_case() {
    for (pattern, count) in [
        ("(?i)[a]", 16),
        ("x(?s-i)[a]", 64),
        ("(?si:[a])", 16),
        ("(?:[a])", 64),
        ("(?P<i>[a])", 64),
    ] {
        let one = |_| json!({ "params.x": { "$regex": pattern } });
        let query = |count| json!({ "$or": (0..count).map(one).collect::<Vec<_>>() });
        assert!(parse(&query(count)).is_ok(), "{pattern}");
        assert!(parse(&query(count + 1)).is_err(), "{pattern}");
    }
}

#[test]
fn a_text_that_is_too_long_never_matches() {
    let condition = parse(&json!({ "params.x": { "$regex": "x$" } })).unwrap();
    let of = |length: usize| Request(json!({ "params": { "x": "x".repeat(length) } }));
    assert_eq!(condition.holds(&of(LONGEST_SEARCHED)), Ok(true));
    assert_eq!(condition.holds(&of(LONGEST_SEARCHED + 1)), Ok(false));
}

/// Values of all kinds that are close to each other: texts that parse as numbers, equal numbers in
/// different notations.
fn any_scalar() -> impl Strategy<Value = Value> {
    let numbers = proptest::sample::select(vec![
        json!(0),
        json!(-0.0),
        json!(0.0),
        json!(1),
        json!(1.0),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(i64::MAX - 1),
        json!(u64::MAX),
        json!(u64::MAX - 1),
        json!(9_007_199_254_740_992_u64),
        json!(9_007_199_254_740_993_u64),
        json!(9_007_199_254_740_992.0),
        json!(1e300),
    ]);
    let texts = proptest::sample::select(vec![
        "",
        "0",
        "-0",
        "1",
        "1.0",
        "+1",
        " 1 ",
        "1e0",
        "01",
        "1.5",
        "true",
        "false",
        "null",
        "TRUE",
        "NaN",
        "inf",
        "-inf",
        "9007199254740993",
        "9007199254740992",
        "18446744073709551615",
        "9223372036854775807",
        "a",
        "1a",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers,
        any::<i8>().prop_map(Value::from),
        any::<f32>().prop_map(|it| json!(it)),
        texts.prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_value_set_agrees_with_comparing_each_value(
        wanted in proptest::collection::vec(any_scalar(), 0..6),
        single in any_scalar(),
        list in proptest::collection::vec(any_scalar(), 0..4),
    ) {
        let set = ValueSet::of(&wanted);
        for value in [single, Value::from(list), json!({}), json!([[1], {}])] {
            let looked_through = wanted.iter().any(|wanted| is_or_contains(&value, wanted));
            prop_assert_eq!(set.holds(&value), looked_through, "{} in {:?}", value, wanted);
        }
    }
}
