//! Restores the values of `override_params` as they were written. Parsing may change numbers, and
//! these values go into request bodies byte by byte.

use serde_json::value::RawValue;

use super::fields::Section;
use crate::{json_edit::Object, route::config_types::Entry};

/// Replaces the parsed values in an entry, and those inside it, by their text in `text`, the JSON
/// that it was parsed from.
pub fn restore(entry: &mut Entry, text: &str) {
    let Ok(object) = Object::parse(text.as_bytes()) else {
        return;
    };
    for written in &object.entries {
        match Section::Target.find(&written.key) {
            Some("override_params") => restore_params(entry, written.value),
            Some("targets") => restore_targets(entry, written.value),
            Some(_) | None => {}
        }
    }
}

fn restore_params(entry: &mut Entry, text: &str) {
    let Ok(object) = Object::parse(text.as_bytes()) else {
        return;
    };
    for (key, value) in &mut entry.override_params {
        if let Some(written) = object.last(key) {
            *value = written.into();
        }
    }
}

fn restore_targets(entry: &mut Entry, text: &str) {
    let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    for (target, item) in entry.targets.iter_mut().zip(items) {
        restore(target, item.get());
    }
}
