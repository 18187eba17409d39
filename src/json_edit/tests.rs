//! Tables of edits, and properties of edits to any body.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn edits(pairs: &[(&str, &str)]) -> Vec<(Box<str>, Box<str>)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
        .collect()
}

fn overridden(body: &str, pairs: &[(&str, &str)]) -> Result<String, NotEditable> {
    let edited = override_params(&Bytes::copy_from_slice(body.as_bytes()), &edits(pairs))?;
    Ok(String::from_utf8(edited.to_vec()).unwrap())
}

#[test]
fn only_the_named_values_bytes_change() {
    for (body, pairs, expected) in [
        (
            r#"{"model":"a","n":1}"#,
            &[("model", r#""b""#)][..],
            r#"{"model":"b","n":1}"#,
        ),
        (
            "{ \"model\" :\t\"a\" ,\r\n \"n\": 1e3 }\n",
            &[("model", "1")],
            "{ \"model\" :\t1 ,\r\n \"n\": 1e3 }\n",
        ),
        (
            r#"{"mod\u0065l":"a"}"#,
            &[("model", "2")],
            r#"{"mod\u0065l":2}"#,
        ),
        (r#"{"a":1,"a":2}"#, &[("a", "3")], r#"{"a":3,"a":3}"#),
        (
            r#"{"x":{"a":1},"y":["a"]}"#,
            &[("a", "3")],
            r#"{"x":{"a":1},"y":["a"],"a":3}"#,
        ),
        ("{}", &[("a", "1"), ("b", "[2]")], r#"{"a":1,"b":[2]}"#),
        ("  { \n } ", &[("a", "1")], "  {\"a\":1 \n } "),
        (
            r#"{"z":-0,"b":1.0E+2}"#,
            &[("q\"", "null")],
            r#"{"z":-0,"b":1.0E+2,"q\"":null}"#,
        ),
        (
            r#"{"a":"}{\"","b":1}"#,
            &[("b", "2")],
            r#"{"a":"}{\"","b":2}"#,
        ),
    ] {
        assert_eq!(overridden(body, pairs).as_deref(), Ok(expected), "{body}");
    }
}

#[test]
fn bodies_that_are_not_objects_are_refused() {
    for (body, expected) in [
        ("", NotEditable::NotJson { line: 1, column: 0 }),
        ("{\"a\":", NotEditable::NotJson { line: 1, column: 5 }),
        ("{} x", NotEditable::NotJson { line: 1, column: 4 }),
        ("[1]", NotEditable::NoObject),
        ("null", NotEditable::NoObject),
        ("\u{feff}{}", NotEditable::NotJson { line: 1, column: 1 }),
    ] {
        assert_eq!(overridden(body, &[("a", "1")]), Err(expected), "{body}");
    }
    let raw = Bytes::from_static(b"{\"a\":\"\xff\"}");
    assert!(override_params(&raw, &edits(&[("a", "1")])).is_err());
    let deep = Bytes::from("{\"a\":".repeat(200_000));
    assert!(override_params(&deep, &edits(&[("a", "1")])).is_err());
}

#[test]
fn the_prefix_is_removed_in_any_notation() {
    for (body, expected) in [
        (r#"{"model":"@p/gpt"}"#, r#"{"model":"gpt"}"#),
        (
            r#"{ "model" : "@p\/g\u0070t" }"#,
            r#"{ "model" : "g\u0070t" }"#,
        ),
        (r#"{"model":"\u0040p/x","n":[]}"#, r#"{"model":"x","n":[]}"#),
        (
            r#"{"model":"@p/a","model":"@p/b"}"#,
            r#"{"model":"a","model":"b"}"#,
        ),
        (r#"{"model":"@q/a"}"#, r#"{"model":"@q/a"}"#),
        (r#"{"model":"@p"}"#, r#"{"model":"@p"}"#),
        (
            r#"{"model":7,"x":{"model":"@p/a"}}"#,
            r#"{"model":7,"x":{"model":"@p/a"}}"#,
        ),
    ] {
        let stripped = strip_model_prefix(&Bytes::from(body), "@p/").unwrap();
        assert_eq!(stripped, expected, "{body}");
    }
}

/// The value at each path, all found in one pass.
fn found(body: &[u8], paths: &[&[&str]]) -> Vec<Option<Value>> {
    let mut asked = Paths::default();
    for (place, path) in paths.iter().enumerate() {
        asked.add(path.iter().copied(), place);
    }
    let found = asked.find(body, paths.len()).into_iter();
    found
        .map(|value| value.and_then(|text| serde_json::from_str(text).ok()))
        .collect()
}

#[test]
fn values_are_found_at_any_depth() {
    let body = br#"{"a":{"b":[10,{"c":"x"}]},"a":{"b":[11,{"c":"y"}]},"k.l":1,"stream":true}"#;
    let table = [
        (&["a", "b", "0"][..], Some(json!(11))),
        (&["a", "b", "00"], Some(json!(11))),
        (&["a", "b", "1", "c"], Some(json!("y"))),
        (&["a", "b", "2"], None),
        (&["a", "x"], None),
        (&["k.l"], Some(json!(1))),
        (&["stream", "x"], None),
        (&["a"], Some(json!({ "b": [11, { "c": "y" }] }))),
        (&["a"], Some(json!({ "b": [11, { "c": "y" }] }))),
    ];
    let paths: Vec<_> = table.iter().map(|(path, _)| *path).collect();
    let expected: Vec<_> = table.iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(found(body, &paths), expected);
    for (path, value) in table {
        assert_eq!(found(body, &[path]), [value], "{path:?}");
    }
    // Text with trailing garbage is not JSON and has no values.
    assert_eq!(found(br#"{"a":1} x"#, &[&["a"]]), [None]);
    assert_eq!(found(b"{\"a\":1,\"b\":\"\xff\"}", &[&["a"]]), [None]);
}

#[test]
fn model_and_stream_are_read_in_one_pass() {
    for (body, model, stream) in [
        (r#"{"model":"a","stream":true}"#, Some("a"), true),
        (r#"{"model":"a","model":"\u0062"}"#, Some("b"), false),
        (r#"{"model":"a","model":1}"#, None, false),
        (r#"{"stream":true,"stream":false}"#, None, false),
        (r#"{"stream":"true"}"#, None, false),
        (r#"{"x":{"stream":true,"model":"a"}}"#, None, false),
        (r#"{"model":"a"} x"#, None, false),
        ("[]", None, false),
        ("", None, false),
    ] {
        let told = said(body.as_bytes());
        assert_eq!(
            (told.model.as_deref(), told.stream),
            (model, stream),
            "{body}"
        );
    }
}

/// A small override must not produce a large body.
#[test]
fn an_edited_body_is_at_most_a_little_larger_than_the_request() {
    let long = format!("\"{}\"", "v".repeat(60_000));
    let repeated =
        |key: &str, times: usize| format!("{{{}}}", vec![format!("\"{key}\":0"); times].join(","));
    for (times, value, fits) in [
        (1, &*long, true),
        (2, &long, true),
        (3, &long, false),
        (60_000, &long, false),
        (1024, "1", true),
        (1025, "1", false),
    ] {
        let edited = overridden(&repeated("a", times), &[("a", value)]);
        assert_eq!(edited.is_ok(), fits, "{times}");
        if !fits {
            assert_eq!(edited, Err(NotEditable::TooLarge));
        }
    }
    assert!(overridden(&repeated("b", 60_000), &[("a", &long)]).is_ok());
    let models = Bytes::from(repeated("model", 2000).replace('0', "\"@p/x\""));
    assert_eq!(
        strip_model_prefix(&models, "@p/"),
        Err(NotEditable::TooLarge)
    );
}

#[test]
fn white_space_between_tokens_is_ignored() {
    let text = "{ \"a b\" :\t[ 1 , \"x \\\" y\\\\\" , null ]\r\n}";
    let mut compacted = Vec::new();
    compact(text, |piece| compacted.extend_from_slice(piece));
    assert_eq!(
        String::from_utf8(compacted).unwrap(),
        r#"{"a b":[1,"x \" y\\",null]}"#
    );
}

/// JSON text in many notations.
fn any_text() -> impl Strategy<Value = String> {
    let space = || proptest::sample::select(&["", " ", "\n\t", "\r\n "][..]);
    let word = proptest::sample::select(
        &[
            "1",
            "-0",
            "1.0",
            "1e3",
            "1E-2",
            "true",
            "null",
            r#""x""#,
            r#""\u00e9\n\"""#,
            "\"ü}\"",
        ][..],
    );
    let key = || proptest::sample::select(&["a", "b", "c", r"\u0061", "model", "a b", "é"][..]);
    let leaf = word.prop_map(str::to_owned);
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..3);
        let entries = proptest::collection::vec((key(), inner), 0..3);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(" ,"))),
            entries.prop_map(|entries| {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("\"{key}\" : {value}"))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    });
    let key = || proptest::sample::select(&["a", "b", "c", r"\u0061", "model", "a b", "é"][..]);
    let entry = (space(), key(), space(), value, space());
    let entries = proptest::collection::vec(entry, 0..6);
    (space(), entries, space()).prop_map(|(before, entries, after)| {
        let entries: Vec<_> = entries
            .iter()
            .map(|(a, key, b, value, c)| format!("{a}\"{key}\"{b}:{c}{value}{a}"))
            .collect();
        format!("{before}{{{}}}{after}", entries.join(","))
    })
}

proptest! {
    #[test]
    fn paths_searched_together_are_found_as_when_searched_alone(body in any_text()) {
        let paths: [&[&str]; 6] = [
            &["a"],
            &["a", "b"],
            &["a", "0"],
            &["a", "a"],
            &["b", "0", "c"],
            &["c"],
        ];
        let alone: Vec<_> = paths.iter().flat_map(|path| found(body.as_bytes(), &[path])).collect();
        prop_assert_eq!(found(body.as_bytes(), &paths), alone);
        let tree: Value = serde_json::from_str(&body).unwrap();
        let step = |value: &Value, part: &&str| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?).cloned(),
            other => other.get(part).cloned(),
        };
        for path in paths {
            let expected = path.iter().try_fold(tree.clone(), |value, part| step(&value, part));
            prop_assert_eq!(&found(body.as_bytes(), &[path])[0], &expected, "{:?}", path);
        }
    }

    #[test]
    fn an_edited_body_equals_the_old_one_with_these_values(
        body in any_text(),
        chosen in proptest::sample::subsequence(vec!["a", "b", "model", "new"], 1..=4),
    ) {
        let pairs: Vec<_> = chosen.iter().map(|key| (*key, "{\"set\":[1,2]}")).collect();
        let edited = overridden(&body, &pairs).unwrap();
        let mut expected: Value = serde_json::from_str(&body).unwrap();
        for key in &chosen {
            expected[*key] = json!({ "set": [1, 2] });
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), expected);
        // A second edit changes nothing, and all other entries are unchanged and in order.
        prop_assert_eq!(overridden(&edited, &pairs).unwrap(), edited.clone());
        let mut from = 0;
        let mut entries = Vec::new();
        each_entry(body.as_bytes(), |key, value| entries.push((key, value))).unwrap();
        let mut kept = 0;
        for (_, value) in entries.iter().filter(|(key, _)| chosen.contains(&&**key)) {
            let span = edit::span_of(body.as_bytes(), value);
            let piece = &body[kept..span.start];
            let at = edited[from..].find(piece);
            prop_assert_eq!(at, Some(0), "{:?} in {:?}", piece, edited);
            from += piece.len() + "{\"set\":[1,2]}".len();
            kept = span.end;
        }
        let ends = entries.iter();
        let last = ends.map(|(_, value)| edit::span_of(body.as_bytes(), value).end).max();
        let end = last.unwrap_or_else(|| body.find('{').unwrap() + 1);
        prop_assert!(edited[from..].starts_with(&body[kept..end]));
        prop_assert!(edited.ends_with(&body[end..]));
    }

    #[test]
    fn any_bytes_are_edited_or_refused(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let body = Bytes::from(body);
        let _ = override_params(&body, &edits(&[("a", "1")]));
        let _ = strip_model_prefix(&body, "@p/");
        let _ = (found(&body, &[&["a", "b"], &["a"]]), said(&body));
    }
}
