//! Which keys does a config object have, and which faults does the mock produce? The console's
//! playground suggests them, from the same tables that the program documents.

use serde_json::{Map, Value, json};

use crate::route::config::{FIELDS, Field, Section};

/// The path of the file that is made here, beneath the console's.
pub const FILE: &str = "playground/tables.json";

/// Keys of config objects by section, and faults, as lists of texts.
pub fn json() -> String {
    let sections = Section::ALL.into_iter().filter(|it| it.is_for_requests());
    let config: Map<String, Value> = sections
        .map(|section| (section.path().to_owned(), keys(section)))
        .collect();
    let faults: Vec<Value> = throughway_mock::faults()
        .map(|[name, takes, meaning]| json!([name, plain(takes), summary(meaning)]))
        .collect();
    json!({ "config": config, "faults": faults }).to_string()
}

fn keys(section: Section) -> Value {
    let of_section = |it: &&Field| it.section == section && it.name != "credential";
    let fields = FIELDS.iter().filter(of_section);
    let rows = fields.map(|it| json!([it.name, plain(it.kind), summary(it.meaning), it.example]));
    rows.collect()
}

/// The first sentence, which is enough in a list of suggestions.
fn summary(markdown: &str) -> String {
    let text = plain(markdown);
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

/// Markdown as the text that a reader sees: no marks of code, and of links their texts.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(shown, target)| {
            let (_, after) = target.split_once(')')?;
            Some((shown, after))
        });
        let (shown, after) = link.unwrap_or(("[", after));
        text.push_str(before);
        text.push_str(shown);
        rest = after;
    }
    text.push_str(rest);
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_request_is_listed_in_its_section_and_no_credential() {
        let tables: Value = serde_json::from_str(&json()).unwrap();
        let listed = tables["config"].as_object().unwrap();
        let has = |section: &str, name: &str| {
            let rows = listed[section].as_array().unwrap();
            rows.iter().any(|row| row[0] == name)
        };
        for field in FIELDS.iter().filter(|it| it.section.is_for_requests()) {
            let shown = has(field.section.path(), field.name);
            assert_eq!(shown, field.name != "credential", "{}", field.name);
        }
        assert!(!listed.keys().any(|it| it.starts_with("credential")));
        let faults = tables["faults"].as_array().unwrap();
        assert!(
            faults
                .iter()
                .any(|row| row[0] == "status" && row[1] == "CODE")
        );
    }

    #[test]
    fn markdown_becomes_the_text_that_a_reader_sees() {
        for (markdown, expected) in [
            ("`a`, or a [provider](x.md), or b", "a, or a provider, or b"),
            ("a list [1, 2] of `x`", "a list [1, 2] of x"),
            ("[a](b) and [c](d", "a and [c](d"),
        ] {
            assert_eq!(plain(markdown), expected);
        }
        assert_eq!(summary("One `thing`. Two."), "One thing.");
    }
}
