//! A foreign YAML file as values with key path and line, read as leniently as Python reads it.

use std::borrow::Cow;

use crate::config::{Node, Value};

/// Longer keys are cut where they are shown, in characters.
const LONGEST_SHOWN: usize = 64;

/// A value of the file.
#[derive(Clone)]
pub struct Item<'n> {
    /// Such as `model_list[0].litellm_params`.
    pub path: String,
    /// The line of its key, or of itself in a list.
    pub line: u64,
    node: &'n Node,
}

impl<'n> Item<'n> {
    pub fn root(node: &'n Node) -> Self {
        Item {
            path: String::new(),
            line: node.position.line,
            node,
        }
    }

    /// The keys and values of a mapping.
    pub fn entries(&self) -> Option<Vec<(&'n str, Item<'n>)>> {
        let Value::Map(entries) = &self.node.value else {
            return None;
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        let item = |(key, node): &'n (crate::config::Key, Node)| {
            let path = format!("{}{dot}{}", self.path, shown(&key.name, LONGEST_SHOWN));
            let line = key.position.line;
            (key.name.as_str(), Item { path, line, node })
        };
        Some(entries.iter().map(item).collect())
    }

    /// The items of a list.
    pub fn items(&self) -> Option<Vec<Item<'n>>> {
        let Value::List(items) = &self.node.value else {
            return None;
        };
        let item = |(place, node): (usize, &'n Node)| Item {
            path: format!("{}[{place}]", self.path),
            line: node.position.line,
            node,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// A text; a number or bool counts as the text it is written as.
    pub fn text(&self) -> Option<Cow<'n, str>> {
        match &self.node.value {
            Value::Text(text) | Value::Expanded(text) => Some(text.into()),
            Value::Whole(number) => Some(number.to_string().into()),
            Value::Bool(value) => Some(value.to_string().into()),
            Value::Number(number) => Some(number.to_string().into()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A bool, in any of the words that YAML 1.1 has for it.
    pub fn flag(&self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(true),
                "false" | "no" | "off" => Some(false),
                _ => None,
            },
            Value::Null
            | Value::Whole(_)
            | Value::Number(_)
            | Value::Expanded(_)
            | Value::List(_)
            | Value::Map(_) => None,
        }
    }

    /// A number from 0.
    pub fn number(&self) -> Option<f64> {
        let number = match &self.node.value {
            Value::Whole(number) => *number as f64,
            Value::Number(number) => *number,
            Value::Text(text) => text.parse().ok()?,
            Value::Null | Value::Bool(_) | Value::Expanded(_) | Value::List(_) | Value::Map(_) => {
                return None;
            }
        };
        (number.is_finite() && number >= 0.0).then_some(number)
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }
}

/// A key for a terminal: without control characters, and cut after so many others.
pub fn shown(key: &str, longest: usize) -> String {
    let plain = |sign: char| if sign.is_control() { '?' } else { sign };
    key.chars().take(longest).map(plain).collect()
}
