//! Edits as tables, and what holds for any body.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn edits(pairs: &[(&str, &str)]) -> Vec<BodyEdit> {
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
fn what_is_no_object_is_refused() {
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
fn the_prefix_is_taken_off_however_it_is_spelled() {
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

#[test]
fn values_are_found_at_any_depth() {
    let body = br#"{"a":{"b":[10,{"c":"x"}]},"a":{"b":[11,{"c":"y"}]},"k.l":1,"stream":true}"#;
    for (path, expected) in [
        (&["a", "b", "0"][..], Some(json!(11))),
        (&["a", "b", "1", "c"], Some(json!("y"))),
        (&["a", "b", "2"], None),
        (&["a", "x"], None),
        (&["k.l"], Some(json!(1))),
        (&["stream", "x"], None),
        (&["a"], Some(json!({ "b": [11, { "c": "y" }] }))),
    ] {
        assert_eq!(find(body, path), expected, "{path:?}");
    }
    assert!(asks_for_stream(body));
    assert!(!asks_for_stream(br#"{"stream":"true"}"#) && !asks_for_stream(b"[]"));
    assert!(!asks_for_stream(br#"{"x":{"stream":true}}"#));
    assert_eq!(
        model(br#"{"model":"a","model":"\u0062"}"#).as_deref(),
        Some("b")
    );
    assert_eq!(model(br#"{"model":1}"#), None);
}

/// JSON text in all its ways of writing.
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
    fn an_edited_body_is_the_old_one_with_these_values(
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
        // Once more changes nothing, and what was not named lies in it unchanged, in its order.
        prop_assert_eq!(overridden(&edited, &pairs).unwrap(), edited.clone());
        let mut from = 0;
        let object = object::Object::parse(body.as_bytes()).unwrap();
        let mut kept = 0;
        for entry in object.entries.iter().filter(|entry| chosen.contains(&&*entry.key)) {
            let piece = &body[kept..entry.span.start];
            let at = edited[from..].find(piece);
            prop_assert_eq!(at, Some(0), "{:?} in {:?}", piece, edited);
            from += piece.len() + "{\"set\":[1,2]}".len();
            kept = entry.span.end;
        }
        let last = object.entries.iter().map(|entry| entry.span.end).max();
        let end = last.unwrap_or_else(|| body.find('{').unwrap() + 1);
        prop_assert!(edited[from..].starts_with(&body[kept..end]));
        prop_assert!(edited.ends_with(&body[end..]));
    }

    #[test]
    fn no_body_is_too_odd(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let body = Bytes::from(body);
        let _ = override_params(&body, &edits(&[("a", "1")]));
        let _ = strip_model_prefix(&body, "@p/");
        let _ = (find(&body, &["a", "b"]), model(&body), asks_for_stream(&body));
    }
}
