//! The settings file as a tree of values with their line and column. It knows YAML, but not the
//! meaning of keys; `de` passes the tree to serde.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A place in the settings file, both numbers counted from 1. The default means unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl From<serde_saphyr::Location> for Position {
    fn from(location: serde_saphyr::Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// A value and its place. It has no `Debug`, since it may be a secret.
pub struct Node {
    /// Where the value begins.
    pub position: Position,
    /// The value.
    pub value: Value,
}

/// A value by YAML's core schema.
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false` and no other words.
    Bool(bool),
    /// A whole number that is not negative.
    Whole(u64),
    /// Any other number.
    Number(f64),
    /// Text as it stands in the file.
    Text(String),
    /// Text with a variable inserted; it may become a number or a bool where one is wanted.
    Expanded(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in its order; keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
pub struct Key {
    /// Where the key begins.
    pub position: Position,
    /// The key.
    pub name: String,
}

/// YAML that could not be read. The message never repeats a value.
#[derive(Debug)]
pub struct SyntaxError {
    /// Where the fault was noticed.
    pub position: Position,
    /// What is wrong.
    pub message: String,
}

impl Node {
    /// Reads one YAML document; an empty one is [`Value::Null`].
    ///
    /// # Errors
    /// Bad syntax, a key given twice, a second document, tags, or a file over the limits: a
    /// million nodes, 32 levels, 16 MiB of text.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::parse_within(text, 1 << 20)
    }

    /// The same with at most so many nodes.
    ///
    /// # Errors
    /// See [`parse`](Self::parse).
    pub fn parse_within(text: &str, nodes: usize) -> Result<Self, SyntaxError> {
        let parsed = serde_saphyr::from_str_with_options(text, options(nodes));
        parsed.map_err(|error| SyntaxError {
            position: error.location().map(Position::from).unwrap_or_default(),
            message: message(&error),
        })
    }

    /// Text from outside the file; it may become a number or a bool where one is wanted.
    pub fn given(text: impl Into<String>) -> Self {
        Self {
            position: Position::default(),
            value: Value::Expanded(text.into()),
        }
    }

    /// The file or a layer over it gives a value to the key at `path`.
    pub fn gives(&self, path: &str) -> bool {
        let found = path
            .split('.')
            .try_fold(self, |node, part| node.child(part));
        found.is_some_and(|node| !matches!(node.value, Value::Null))
    }

    /// The innermost existing node on a path such as `upstream.tls[0].host`.
    pub fn nearest(&self, path: &str) -> &Self {
        let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
        let mut node = self;
        for part in parts {
            match node.child(part.trim_end_matches(']')) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    /// Config objects take keys in several spellings; the exact one takes precedence.
    fn child(&self, part: &str) -> Option<&Self> {
        let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
        match &self.value {
            Value::Map(entries) => {
                let exact = entries.iter().find(|(key, _)| key.name == part);
                let alike = || {
                    let mut entries = entries.iter();
                    entries.find(|(key, _)| plain(&key.name) == plain(part))
                };
                exact.or_else(alike).map(|(_, value)| value)
            }
            Value::List(items) => items.get(part.parse::<usize>().ok()?),
            Value::Null
            | Value::Bool(_)
            | Value::Whole(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Expanded(_) => None,
        }
    }

    /// Sets the value at a path such as `guard.preset`, and makes missing sections around it.
    pub fn set(&mut self, path: &str, value: Self) {
        let (name, rest) = match path.split_once('.') {
            Some((section, rest)) => (section, Some(rest)),
            None => (path, None),
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else {
            return;
        };
        let old = entries.iter().position(|(key, _)| key.name == name);
        let old = old.map(|place| entries.swap_remove(place));
        let (key, mut node) = old.unwrap_or_else(|| (Key::new(name), Self::given("")));
        match rest {
            Some(rest) => node.set(rest, value),
            None => node = value,
        }
        entries.push((key, node));
    }
}

impl Key {
    fn new(name: &str) -> Self {
        Self {
            position: Position::default(),
            name: name.to_owned(),
        }
    }
}

/// YAML 1.2 words, no duplicates, and limits that leave room for 100 000 keys or endpoints.
fn options(nodes: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: nodes,
            max_events: 4 * nodes,
            max_total_scalar_bytes: 16 << 20,
        },
    }
}

/// The reader's message in one line, without the place it appends.
fn message(error: &serde_saphyr::Error) -> String {
    let error = error.without_snippet();
    if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or("a key");
        return format!("{key} is given twice");
    }
    if let serde_saphyr::Error::MultipleDocuments { .. } = error {
        return "a second document begins here; the settings are one document".to_owned();
    }
    let text = error.to_string();
    let place = error.location().map_or(String::new(), |location| {
        format!(" at line {}, column {}", location.line(), location.column())
    });
    text.replace(&place, "").replace('\n', " ")
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned {
            value, referenced, ..
        } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            position: referenced.into(),
            value,
        })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned {
            value, referenced, ..
        } = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self {
            position: referenced.into(),
            name: value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        // Precision does not matter: a negative number is refused everywhere.
        Ok(u64::try_from(value).map_or(Value::Number(value as f64), Value::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
