//! What `override_params` asks for goes into bodies as it was written, number by number: values of the checked tree are replaced
//! by the bytes they were read from.

use serde_json::value::RawValue;

use super::fields::Section;
use crate::{json_edit::Object, route::config_types::Entry};

/// Gives an entry, and those inside it, the written text of its parameters. `text` is the JSON it was read from.
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
