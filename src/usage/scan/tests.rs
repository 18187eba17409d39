//! The scanner lends what is asked for, and nothing else, whatever the pieces.

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;

use super::*;
use crate::dialect::samples::cut;

/// Follows the members `a` and all items, lends `b`, and writes down what it is told.
#[derive(Default)]
struct Told(String);

impl Visitor for Told {
    type Node = ();
    type Place = ();

    const ROOT: () = ();

    fn step(&mut self, (): (), key: Key<'_>) -> Step<(), ()> {
        match key {
            Key::Name(b"a") | Key::Index(_) => Step::follow(()),
            Key::Name(b"b") => Step::capture(()),
            Key::Name(b"ab") => Step {
                follow: Some(()),
                capture: Some(()),
            },
            Key::Name(_) => Step::SKIP,
        }
    }

    fn captured(&mut self, (): (), json: &[u8]) {
        self.0 += &format!("{} ", String::from_utf8_lossy(json));
    }

    fn measured(&mut self, (): (), bytes: u64) {
        self.0 += &format!("#{bytes} ");
    }

    fn closed(&mut self, (): (), items: usize) {
        self.0 += &format!("<{items} ");
    }

    fn ended(&mut self) {
        self.0 += "end ";
    }

    fn flawed(&mut self, flaw: UsageFlaw) {
        self.0 += &format!("{flaw:?} ");
    }
}

fn told(pieces: &[&[u8]]) -> String {
    let mut told = Told::default();
    let mut scanner = Scanner::new(8);
    for piece in pieces {
        scanner.feed(piece, &mut told);
    }
    scanner.reset(&mut told);
    told.0.trim_end().to_owned()
}

#[test]
fn values_at_known_places_are_lent() {
    for (json, expected) in [
        (r#"{"b":1}"#, "1 <0 end"),
        (r#" { "b" : 1 , "c" : 2 } "#, "1 <0 end"),
        (r#"{"b":"x\"}","a":{"b":null}}"#, r#""x\"}" null <0 <0 end"#),
        (r#"{"c":{"b":1},"d":[{"b":2}],"b":3}"#, "3 <0 end"),
        (
            r#"{"a":[{"b":1},[{"b":2}],3,"xy"]}"#,
            "1 <0 2 <0 <1 #2 <4 <0 end",
        ),
        (r#"{"a":"h\u00e9\n\\"}"#, "#6 <0 end"),
        (r#"{"b":{"b":[1]},"b":[{}]}"#, "{ [ <0 end"),
        (r#"{"ab":"x","ab":{"b":1},"ab":2}"#, r#""x" 1 <0 2 <0 end"#),
        (
            r#"{"b":12345678,"b":123456789}"#,
            "12345678 TooLarge <0 end",
        ),
        (r#"{"\u0062":1,"\b":2}"#, "1 <0 end"),
        (r#"{"b":1}{"b":2}"#, "1 <0 end 2 <0 end"),
        (r#"[{"b":1},{"b":2}]"#, "1 <0 end 2 <0 end"),
        ("{\"c\":\"}\\\\\",\"b\":1}", "1 <0 end"),
        ("{}", "<0 end"),
        ("[DONE]", ""),
        ("7", ""),
    ] {
        assert_eq!(told(&[json.as_bytes()]), expected, "{json}");
    }
}

#[test]
fn broken_texts_are_told_once() {
    for (json, expected) in [
        (r#"{"b":1]"#, "1 Malformed end"),
        (r#"{"b" 1}"#, "Malformed end"),
        (r#"{b:1}"#, "Malformed end"),
        (r#"{"a":[1}"#, "Malformed end"),
        (r#"{"b":x}{"b":1}"#, "Malformed end"),
        (r#"{"b":1"#, "end"),
    ] {
        assert_eq!(told(&[json.as_bytes()]), expected, "{json}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|[\"\\\\{}]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[abc]|ab|\\PC{0,3}", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// What the visitor is told of a value that it follows, taken from the parsed text.
fn expected(value: &Value, to: &mut String) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                member(key, value, to);
            }
            *to += "<0 ";
        }
        Value::Array(items) => {
            items.iter().for_each(|item| expected(item, to));
            *to += &format!("<{} ", items.len());
        }
        Value::String(_) => *to += "# ",
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn member(key: &str, value: &Value, to: &mut String) {
    let is_container = value.is_object() || value.is_array();
    match key {
        "a" => expected(value, to),
        "ab" if is_container => expected(value, to),
        "b" if is_container => *to += &format!("{} ", &value.to_string()[..1]),
        "b" | "ab" => {
            let json = value.to_string();
            match json.len() > 8 {
                true => *to += "TooLarge ",
                false => *to += &format!("{json} "),
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_in_any_pieces_gives_what_a_parser_finds(
        value in any_json(),
        is_pretty in any::<bool>(),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let value = serde_json::json!({ "a": value });
        let json = match is_pretty {
            true => serde_json::to_string_pretty(&value).unwrap(),
            false => value.to_string(),
        };
        let mut wanted = String::new();
        expected(&value, &mut wanted);
        wanted += "end";
        let at_once = told(&[json.as_bytes()]);
        prop_assert_eq!(without_lengths(&at_once), wanted, "{}", json);
        prop_assert_eq!(told(&cut(json.as_bytes(), &cuts)), at_once);
    }
}

/// Lengths of strings are about right only.
fn without_lengths(told: &str) -> String {
    let words = told.split(' ').map(|word| match word.strip_prefix('#') {
        Some(digits) if digits.parse::<u64>().is_ok() => "#",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
