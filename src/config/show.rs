//! Shows checked settings as text, one line each, for `check`, the docs and tests. Of secrets it
//! shows only that they are set, since each field's `serialize` hides the value.

use serde_json::Value as Json;

use super::settings::Settings;

impl Settings {
    /// Every setting by its key, in the order of the reference page, as it takes effect.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        flatten("", &value(self), &value(&Settings::default()), &mut lines);
        lines
    }
}

/// The settings as JSON. Does not fail, since all settings can be written as JSON.
fn value(settings: &Settings) -> Json {
    serde_json::to_value(settings).unwrap_or_default()
}

/// A section is a mapping that has keys by default.
fn flatten(key: &str, value: &Json, default: &Json, lines: &mut Vec<(String, String)>) {
    match default.as_object() {
        Some(fields) if !fields.is_empty() => {
            let dot = if key.is_empty() { "" } else { "." };
            for (name, default) in fields {
                flatten(&format!("{key}{dot}{name}"), &value[name], default, lines);
            }
        }
        _ => lines.push((key.to_owned(), flow(value, Quotes::Never))),
    }
}

/// Whether texts are quoted.
#[derive(Clone, Copy)]
pub(super) enum Quotes {
    /// Never: the text is for people.
    Never,
    /// Where YAML would read the text as something else.
    WhereNeeded,
}

/// A value as YAML in one line; for keys without values, only the keys.
pub(super) fn flow(value: &Json, quotes: Quotes) -> String {
    match value {
        Json::Null => "none".to_owned(),
        Json::Bool(_) | Json::Number(_) => value.to_string(),
        Json::String(text) => match quotes {
            Quotes::WhereNeeded if needs_quotes(text) => value.to_string(),
            Quotes::WhereNeeded | Quotes::Never => text.clone(),
        },
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, quotes)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) if entries.values().all(Json::is_null) => {
            let keys: Vec<&str> = entries.keys().map(String::as_str).collect();
            format!("{{{}}}", keys.join(", "))
        }
        Json::Object(entries) => {
            let entry = |(key, value)| format!("{key}: {}", flow(value, quotes));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// The text needs no quotes: it has plain characters only and YAML reads it as text.
fn needs_quotes(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    !text.bytes().all(plain) || serde_json::from_str::<Json>(text).is_ok()
}
