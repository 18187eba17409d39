//! Hands the settings tree to serde, so that every error knows its key path, line and column.
//! It checks shapes only; what a value means is checked by the type that receives it.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::document::{Key, Node, Position, Value};

/// What is wrong with a node.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key is none of the allowed ones.
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

    /// The innermost place is the most exact one and stays.
    fn at(mut self, position: Position) -> Self {
        if self.position == Position::default() {
            self.position = position;
        }
        self
    }

    fn under(mut self, parent: &str) -> Self {
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
        Self::new("", Fault::Value(message.to_string()))
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

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(field, Fault::UnknownKey { allowed })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(field, Fault::Value("is missing".to_owned()))
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

impl Node {
    fn wrong<'de, V: Visitor<'de>>(&self, visitor: &V) -> TreeError {
        use de::Unexpected as U;
        let found = match &self.value {
            Value::Null => U::Unit,
            Value::Bool(value) => U::Bool(*value),
            Value::Whole(value) => U::Unsigned(*value),
            Value::Number(value) => U::Float(*value),
            Value::Text(_) | Value::Expanded(_) => U::Str(""),
            Value::List(_) => U::Seq,
            Value::Map(_) => U::Map,
        };
        TreeError::invalid_type(found, visitor)
    }

    fn any<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Whole(value) => visitor.visit_u64(*value),
            Value::Number(value) => visitor.visit_f64(*value),
            Value::Text(text) | Value::Expanded(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items::new(items)),
            Value::Map(entries) => visitor.visit_map(Entries::new(entries)),
        }
    }

    fn whole<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Expanded(text) => match text.parse() {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => Err(self.wrong(&visitor)),
            },
            _ => self.any(visitor),
        }
    }

    fn boolean<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Expanded(text) => match text.parse() {
                Ok(claim) => visitor.visit_bool(claim),
                Err(_) => Err(self.wrong(&visitor)),
            },
            _ => self.any(visitor),
        }
    }

    /// A section without content is an empty section.
    fn map<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Null => visitor.visit_map(Entries::new(&[])),
            Value::Map(_) => self.any(visitor),
            _ => Err(TreeError::custom("must be a mapping of keys to values")),
        }
    }

    fn list<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Null => visitor.visit_seq(Items::new(&[])),
            Value::List(_) => self.any(visitor),
            _ => Err(TreeError::custom("must be a list")),
        }
    }
}

/// Gives each method the position of the node it reads.
macro_rules! located {
    ($($method:ident => $read:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
            self.$read(visitor).map_err(|error| error.at(self.position))
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = TreeError;

    located! {
        deserialize_any => any,
        deserialize_bool => boolean,
        deserialize_u8 => whole, deserialize_u16 => whole,
        deserialize_u32 => whole, deserialize_u64 => whole,
        deserialize_map => map,
        deserialize_seq => list,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, TreeError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Walks a list and adds the place in it to errors.
struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> Items<'de> {
    fn new(items: &'de [Node]) -> Self {
        Self {
            items: items.iter().enumerate(),
        }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = TreeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TreeError> {
        let Some((place, node)) = self.items.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(node);
        item.map(Some)
            .map_err(|error| error.under(&format!("[{place}]")))
    }
}

/// Walks a mapping and adds the key to errors of its value.
struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    value: Option<&'de (Key, Node)>,
}

impl<'de> Entries<'de> {
    fn new(entries: &'de [(Key, Node)]) -> Self {
        Self {
            entries: entries.iter(),
            value: None,
        }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = TreeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TreeError> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, TreeError> = key.name.as_str().into_deserializer();
        let name = seed.deserialize(name);
        name.map(Some).map_err(|error| error.at(key.position))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TreeError> {
        let Some((key, node)) = self.value.take() else {
            return Err(TreeError::custom("has a value without a key"));
        };
        let value = seed.deserialize(node);
        value.map_err(|error| error.under(&key.name).at(node.position))
    }
}
