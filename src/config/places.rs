//! Where do the keys and teams of the settings file stand? For the errors of the admin API, which
//! cannot change them.

use std::{collections::HashMap, path::Path};

use super::document::{Node, Value};
use super::error::{Place, place};

/// The places of the entries under `keys` and `teams`.
#[derive(Clone, Debug, Default)]
pub struct Places(HashMap<(&'static str, String), Place>);

impl Places {
    pub(super) fn of(file: &Path, root: &Node) -> Self {
        let entries = |section| {
            let entries = entries(root, section).into_iter();
            entries.map(move |(name, position)| ((section, name), place(file, position)))
        };
        Places(entries("keys").chain(entries("teams")).collect())
    }

    /// Where an entry of `keys` or `teams` stands.
    pub fn entry(&self, section: &'static str, name: &str) -> Option<&Place> {
        self.0.get(&(section, name.to_owned()))
    }
}

/// The names in a section, each with its place.
fn entries(root: &Node, section: &str) -> Vec<(String, super::document::Position)> {
    let in_map = |node: &Node| match &node.value {
        Value::Map(entries) => {
            let entries = entries.iter();
            entries
                .map(|(key, _)| (key.name.clone(), key.position))
                .collect()
        }
        Value::Null
        | Value::Bool(_)
        | Value::Whole(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Expanded(_)
        | Value::List(_) => Vec::new(),
    };
    let found = root.nearest(section);
    match std::ptr::eq(found, root) {
        true => Vec::new(),
        false => in_map(found),
    }
}

/// Places follow from the text of the file: settings that differ in nothing else are the same.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Places {}
