//! Reads a JSON document into a checked type, so that every error knows the path of the field it is
//! about and says what is allowed there. No error repeats a value, which may be a secret in the
//! wrong place.

mod de;

use std::fmt;

use serde::{
    Deserialize,
    de::{Error, Expected, Unexpected},
};
use serde_json::{Map, Value};

use self::de::Document;
use crate::route::suggest;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Such as `allow.models[1]`; empty for the document itself.
    pub path: String,
    /// The end of the sentence that begins with the path.
    pub reason: String,
}

impl FieldError {
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        FieldError {
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// Puts the key or index of what encloses the value in front of the path.
    fn under(mut self, parent: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => parent.to_owned(),
            inner if inner.starts_with('[') => format!("{parent}{inner}"),
            inner => format!("{parent}.{inner}"),
        };
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path.as_str() {
            "" => "the document",
            path => path,
        };
        write!(f, "{path} {}", self.reason)
    }
}

impl std::error::Error for FieldError {}

/// Reads a document.
///
/// # Errors
/// The first problem.
pub fn read<'de, T: Deserialize<'de>>(document: &'de Value) -> Result<T, FieldError> {
    T::deserialize(Document(document))
}

/// The fields of a document or a patch.
///
/// # Errors
/// It is not an object.
pub fn fields(document: &Value) -> Result<&Map<String, Value>, FieldError> {
    let not_an_object = || FieldError::new("", "must be an object");
    document.as_object().ok_or_else(not_an_object)
}

/// Between path and reason in what [`within`] makes.
const SEPARATOR: char = '\u{1f}';

/// The error of a parser that is handed a whole value and finds fault with a part of it, for
/// `serde::de::Error::custom`: serde's errors are texts, and this one brings its path along.
pub fn within(path: &str, reason: &str) -> String {
    format!("{}{SEPARATOR}{reason}", path.trim_start_matches('.'))
}

/// The parts of what [`within`] makes; any other text is a reason without a path.
pub fn path_and_reason(message: &str) -> (&str, &str) {
    message.split_once(SEPARATOR).unwrap_or(("", message))
}

impl Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (path, reason) = path_and_reason(&message);
        FieldError::new(path, reason)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!(
            "must be {expected}, and this is {}",
            kind(found)
        ))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("must be {expected}"))
    }

    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::custom(format_args!("must be one of {}", allowed.join(", ")))
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        let most = (field.len() / 3).max(1);
        let meant = suggest::nearest(field, allowed.iter().copied(), most);
        let meant = meant.map_or_else(String::new, |name| format!(" Did you mean {name}?"));
        let reason = format!(
            "is not a field here.{meant} Allowed: {}",
            allowed.join(", ")
        );
        FieldError::new(field, reason)
    }

    fn missing_field(field: &'static str) -> Self {
        FieldError::new(field, "is missing")
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    use Unexpected as U;
    match found {
        U::Bool(_) => "true or false",
        U::Unsigned(_) | U::Signed(_) | U::Float(_) => "a number",
        U::Char(_) | U::Str(_) => "text",
        U::Unit | U::Option => "null",
        U::Seq => "a list",
        U::Map => "an object",
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Sample {
        count: Option<u8>,
        words: Vec<Word>,
        inner: Option<Box<Sample>>,
        names: std::collections::BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    #[test]
    fn an_error_names_the_field_and_what_is_allowed() {
        for (document, expected) in [
            (json!([]), "the document must be an object"),
            (
                json!({ "count": "s" }),
                "count must be u8, and this is text",
            ),
            (json!({ "count": -1 }), "count must be u8"),
            (json!({ "words": {} }), "words must be a list"),
            (
                json!({ "words": ["one", "three"] }),
                "words[1] must be one of one, two",
            ),
            (
                json!({ "words": ["one", 3] }),
                "words[1] must be one of one, two",
            ),
            (
                json!({ "inner": { "inner": { "words": [null] } } }),
                "inner.inner.words[0] must be one of one, two",
            ),
            (
                json!({ "names": { "a": 1 } }),
                "names.a must be a string, and this is a number",
            ),
            (
                json!({ "inner": { "cuont": 1 } }),
                "inner.cuont is not a field here. Did you mean count? \
                 Allowed: count, words, inner, names",
            ),
            (
                json!({ "zebra": null }),
                "zebra is not a field here. Allowed: count, words, inner, names",
            ),
        ] {
            let error = read::<Sample>(&document).unwrap_err().to_string();
            assert_eq!(error, expected, "{document}");
        }
    }

    #[test]
    fn a_known_field_that_is_null_is_left_out() {
        let document = json!({ "count": null, "words": null, "inner": null, "names": null });
        assert_eq!(read(&document), Ok(Sample::default()));
    }

    #[test]
    fn the_path_of_an_inner_parser_is_appended() {
        let error = FieldError::custom(within(".window", "must be a duration"));
        let error = error.under("[1]").under("limits");
        assert_eq!(
            error,
            FieldError::new("limits[1].window", "must be a duration")
        );
    }
}
