//! Reads a JSON document into a checked type, so that every error knows the path of the field it is
//! about and says what is allowed there. No error repeats a value, which may be a secret in the
//! wrong place.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, Error as _, IntoDeserializer as _, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

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

/// Between path and reason in what [`within`] makes; the settings' reader knows the same sign.
const SEPARATOR: char = '\u{1f}';

/// The error of a parser that is handed a whole value and finds fault with a part of it, for
/// `serde::de::Error::custom`: serde's errors are texts, and this one brings its path along.
pub fn within(path: &str, reason: &str) -> String {
    format!("{}{SEPARATOR}{reason}", path.trim_start_matches('.'))
}

impl de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (path, reason) = message
            .split_once(SEPARATOR)
            .unwrap_or(("", message.as_str()));
        FieldError::new(path, reason)
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!(
            "must be {expected}, and this is {}",
            kind(found)
        ))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
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

fn kind(found: de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as U;
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

/// A value for serde.
#[derive(Clone, Copy)]
struct Document<'de>(&'de Value);

impl<'de> Document<'de> {
    fn fields(self, known: &'static [&'static str]) -> Result<Fields<'de>, FieldError> {
        let fields = fields(self.0)?.iter();
        let value = None;
        Ok(Fields {
            fields,
            known,
            value,
        })
    }
}

impl<'de> Deserializer<'de> for Document<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(claim) => visitor.visit_bool(*claim),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Value::Object(_) => visitor.visit_map(self.fields(&[])?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Array(_) => self.deserialize_any(visitor),
            _ => Err(FieldError::custom("must be a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_map(self.fields(&[])?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_map(self.fields(known)?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let word = self.0.as_str();
        let word = word.ok_or_else(|| FieldError::unknown_variant("", words))?;
        visitor.visit_enum(StrDeserializer::<FieldError>::new(word))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// Walks a list and adds the index of the item to errors.
struct Items<'de>(std::iter::Enumerate<std::slice::Iter<'de, Value>>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, FieldError> {
        let Some((place, item)) = self.0.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(Document(item));
        item.map(Some)
            .map_err(|error| error.under(&format!("[{place}]")))
    }
}

/// Walks an object and adds the key to errors of its value. A known field whose value is null is
/// left out.
struct Fields<'de> {
    fields: serde_json::map::Iter<'de>,
    known: &'static [&'static str],
    /// The last field, until its value has been read.
    value: Option<(&'de String, &'de Value)>,
}

impl<'de> de::MapAccess<'de> for Fields<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FieldError> {
        let known = self.known;
        let is_given =
            |(key, value): &(&String, &Value)| !(value.is_null() && known.contains(&key.as_str()));
        self.value = self.fields.find(is_given);
        let key = self.value.map(|(key, _)| key.as_str().into_deserializer());
        key.map(|key: StrDeserializer<'_, FieldError>| seed.deserialize(key))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, FieldError> {
        let Some((key, value)) = self.value.take() else {
            return Err(FieldError::custom("has a value without a key"));
        };
        let value = seed.deserialize(Document(value));
        value.map_err(|error| error.under(key))
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
