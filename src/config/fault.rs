//! What is wrong with a value of the settings file, and where: serde's error for `de`. Messages
//! never repeat a value, which may be a secret in the wrong place.

use std::fmt;

use serde::de;

use super::document::{Node, Position};
use crate::identity::document::path_and_reason;

/// What is wrong with a node.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key is not one of the allowed keys.
    UnknownKey {
        /// The keys allowed at this place.
        allowed: &'static [&'static str],
    },
    /// The value cannot be used; the end of the sentence that begins with the key.
    Value(String),
}

/// A fault and where it is. It never repeats a value.
#[derive(Debug, PartialEq, Eq)]
pub struct TreeError {
    /// Keys and list places from the root, such as `upstream.tls[0].host`; for an unknown key
    /// the key itself is the last part.
    pub path: String,
    /// Where it stands in the file.
    pub position: Position,
    /// What is wrong.
    pub fault: Fault,
}

impl TreeError {
    fn new(path: impl Into<String>, fault: Fault) -> Self {
        Self {
            path: path.into(),
            position: Position::default(),
            fault,
        }
    }

    /// Finds the place by the path from `node`, unless it is known.
    pub(super) fn at(mut self, node: &Node) -> Self {
        if self.position == Position::default() {
            self.position = node.nearest(&self.path).position;
        }
        self
    }

    /// Puts the key or index of the enclosing node in front of the path.
    pub(super) fn under(mut self, parent: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => parent.to_owned(),
            inner if inner.starts_with('[') => format!("{parent}{inner}"),
            inner => format!("{parent}.{inner}"),
        };
        self
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path, self.fault)
    }
}

impl std::error::Error for TreeError {}

impl de::Error for TreeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (path, reason) = path_and_reason(&message);
        Self::new(path, Fault::Value(reason.to_owned()))
    }

    /// Without the value: it may be a secret in the wrong place.
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = found_kind(found);
        let expected = expected.to_string();
        let hint = match (expected.as_str(), found) {
            ("a string", "a number" | "a bool") => "; put it in quotes",
            _ => "",
        };
        Self::custom(format_args!(
            "must be {expected}, and this is {found}{hint}"
        ))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("must be {expected}"))
    }

    /// Without the word, for the same reason.
    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::custom(format_args!("must be {}", any_of(allowed)))
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(field, Fault::UnknownKey { allowed })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(field, Fault::Value("is missing".to_owned()))
    }
}

fn any_of(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn found_kind(found: de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as U;
    match found {
        U::Bool(_) => "a bool",
        U::Signed(_) => "a negative number",
        U::Float(number) if number < 0.0 => "a negative number",
        U::Float(number) if number.fract() != 0.0 => "a fraction",
        U::Unsigned(_) | U::Float(_) => "a number",
        U::Char(_) | U::Str(_) => "text",
        U::Unit | U::Option => "nothing",
        U::Seq => "a list",
        U::Map => "a mapping",
        U::Bytes(_)
        | U::NewtypeStruct
        | U::Enum
        | U::UnitVariant
        | U::NewtypeVariant
        | U::TupleVariant
        | U::StructVariant
        | U::Other(_) => "something else",
    }
}
