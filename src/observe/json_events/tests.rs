use std::collections::BTreeMap;

use super::*;
use crate::observe::kept::Kept;

/// The line that these events make.
fn logged(log: impl FnOnce()) -> String {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .event_format(JsonEvents)
        .with_writer(kept.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, log);
    kept.text()
}

/// Its keys; a key that is there twice is there twice here.
fn keys(line: &str) -> Vec<String> {
    let serde_json::Value::Object(object) = serde_json::from_str(line).expect(line) else {
        panic!("{line}");
    };
    let mut counts = BTreeMap::new();
    for key in object.keys() {
        counts.insert(key, line.matches(&format!("\"{key}\":")).count());
    }
    let keys = counts.into_iter();
    keys.flat_map(|(key, count)| std::iter::repeat_n(key.clone(), count))
        .collect()
}

#[test]
fn a_field_named_like_a_standard_key_is_left_out() {
    let line = logged(|| {
        tracing::info!(
            timestamp = 1,
            level = "x",
            module = "x",
            target = "config",
            "hello"
        );
    });
    assert_eq!(
        keys(&line),
        ["level", "message", "module", "target", "timestamp"]
    );
    assert!(line.contains(r#""level":"INFO""#), "{line}");
    assert!(line.contains(r#""target":"config""#), "{line}");
    let line = logged(|| tracing::info!(a = 1, message = "mine", a = 2, "hello"));
    assert_eq!(
        keys(&line),
        ["a", "level", "message", "module", "timestamp"]
    );
}

#[test]
fn every_kind_of_value_reads_back_as_it_was() {
    let text = "\"quoted\\\" \u{1}\u{1f}\r\n\t \u{7f} ü € \u{2028}";
    let none: Option<&str> = None;
    let line = logged(|| {
        tracing::warn!(
            text,
            none,
            shown = %text,
            debug = ?text,
            float = 1.0,
            large = 1e300,
            nan = f64::NAN,
            unsigned = u64::MAX,
            signed = i64::MIN,
            wide = u128::MAX,
            wider = i128::MIN,
            yes = true,
            "\u{0}{}",
            text
        );
    });
    assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
    let value: serde_json::Value = serde_json::from_str(&line).expect(&line);
    assert_eq!(value["text"], text);
    assert_eq!(value.get("none"), None);
    assert_eq!(value["shown"], text);
    assert_eq!(value["debug"], format!("{text:?}"));
    assert_eq!(value["message"], format!("\u{0}{text}"));
    assert_eq!(value["nan"], serde_json::Value::Null);
    assert_eq!(
        (&value["float"], &value["large"]),
        (&1.0.into(), &1e300.into())
    );
    assert_eq!(
        (&value["unsigned"], &value["signed"]),
        (&u64::MAX.into(), &i64::MIN.into())
    );
    assert_eq!(value["yes"], true);
    assert!(line.contains(&format!("\"wide\":{},", u128::MAX)), "{line}");
    assert!(
        line.contains(&format!("\"wider\":{},", i128::MIN)),
        "{line}"
    );
    assert_eq!(
        (&value["level"], &value["module"]),
        (&"WARN".into(), &module_path!().into())
    );
}

#[test]
fn the_report_of_lost_lines_is_a_line_like_any_other() {
    let value: serde_json::Value = serde_json::from_str(&lost_lines(7)).expect("an object");
    assert_eq!(
        (&value["lost"], &value["level"]),
        (&7.into(), &"WARN".into())
    );
    assert_eq!(keys(&lost_lines(7)).len(), 5);
}
