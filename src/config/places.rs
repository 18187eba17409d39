//! Where do the settings stand? For the admin API, which shows them and cannot change them.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use super::document::{Node, Position, Value};
use super::error::{Place, place};
use super::layers::Origin;

/// The places of the settings, and of the entries under `keys`, `teams` and `endpoints`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    entries: HashMap<(&'static str, String), Place>,
    /// By key, such as `guard.preset`: a place in the file, a variable, or a flag.
    keys: BTreeMap<String, String>,
}

/// Keys of settings are at most so deep: `section.part.key`.
const DEEPEST: usize = 3;

impl Places {
    pub(super) fn of(file: &Path, root: &Node) -> Self {
        let entries = |section| {
            let entries = entries(root, section).into_iter();
            entries.map(move |(name, position)| ((section, name), place(file, position)))
        };
        let sections = ["keys", "teams", "endpoints"];
        let mut keys = BTreeMap::new();
        note_keys("", root, DEEPEST, &mut |key, position| {
            keys.insert(key, place(file, position).to_string());
        });
        Places {
            entries: sections.into_iter().flat_map(entries).collect(),
            keys,
        }
    }

    /// What a layer above the file sets.
    pub(super) fn note_layer(&mut self, set: Vec<Origin>) {
        let set = set.into_iter();
        self.keys
            .extend(set.map(|(key, origin)| (key.to_owned(), origin)));
    }

    /// Where a setting, or the first one below it, was given; `None`: it has its default.
    pub fn origin(&self, key: &str) -> Option<&str> {
        let below = format!("{key}.");
        let exact = self.keys.get(key);
        let found = exact.or_else(|| {
            let mut from = self.keys.range(below.clone()..);
            let (first, origin) = from.next()?;
            first.starts_with(&below).then_some(origin)
        });
        found.map(String::as_str)
    }

    /// Where an entry of `keys` or `teams` stands by its name, or of `endpoints` by its number.
    pub fn entry(&self, section: &'static str, name: &str) -> Option<&Place> {
        self.entries.get(&(section, name.to_owned()))
    }
}

/// Calls `note` with each key that has no keys below it, and with its position.
fn note_keys(above: &str, node: &Node, depth: usize, note: &mut impl FnMut(String, Position)) {
    let Value::Map(entries) = &node.value else {
        return;
    };
    for (key, value) in entries {
        let path = match above {
            "" => key.name.clone(),
            above => format!("{above}.{}", key.name),
        };
        match &value.value {
            Value::Map(_) if depth > 1 => note_keys(&path, value, depth - 1, note),
            _ => note(path, key.position),
        }
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
