//! Where do the keys, teams and endpoints of the settings file stand? For the errors of the admin
//! API, which cannot change them.

use std::{collections::HashMap, path::Path};

use super::document::{Node, Position, Value};
use super::error::{Place, place};

/// The places of the entries under `keys`, `teams` and `endpoints`.
#[derive(Clone, Debug, Default)]
pub struct Places(HashMap<(&'static str, String), Place>);

impl Places {
    pub(super) fn of(file: &Path, root: &Node) -> Self {
        let entries = |section| {
            let entries = entries(root, section).into_iter();
            entries.map(move |(name, position)| ((section, name), place(file, position)))
        };
        let sections = ["keys", "teams", "endpoints"];
        Places(sections.into_iter().flat_map(entries).collect())
    }

    /// Where an entry of `keys` or `teams` stands by its name, or of `endpoints` by its number.
    pub fn entry(&self, section: &'static str, name: &str) -> Option<&Place> {
        self.0.get(&(section, name.to_owned()))
    }
}

/// The names in a section, or the numbers in a list, each with its place.
fn entries(root: &Node, section: &str) -> Vec<(String, Position)> {
    let in_section = |node: &Node| match &node.value {
        Value::Map(entries) => {
            let entries = entries.iter();
            entries
                .map(|(key, _)| (key.name.clone(), key.position))
                .collect()
        }
        Value::List(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(place, item)| (place.to_string(), item.position))
                .collect()
        }
        Value::Null
        | Value::Bool(_)
        | Value::Whole(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Expanded(_) => Vec::new(),
    };
    let found = root.nearest(section);
    match std::ptr::eq(found, root) {
        true => Vec::new(),
        false => in_section(found),
    }
}

/// Places follow from the text of the file: settings that differ in nothing else are the same.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Places {}
