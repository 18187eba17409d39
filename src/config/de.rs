//! Hands the settings tree to serde, so that every error knows its key path, line and column.
//! It checks shapes only; the type that receives a value checks its meaning.

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::{Key, Node, Value};
use super::fault::{Fault, TreeError};

/// Reads the text of a flag that is one of a few words.
///
/// # Errors
/// The sentence that says what is allowed.
pub fn word_from_flag<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let node = Node::given(text);
    T::deserialize(&node).map_err(|error| match error.fault {
        Fault::Value(reason) => reason,
        Fault::UnknownKey { .. } => "is not a single word".to_owned(),
    })
}

impl Node {
    fn any<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Whole(value) => visitor.visit_u64(*value),
            Value::Number(value) => visitor.visit_f64(*value),
            Value::Text(text) | Value::Expanded(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items::new(items)),
            Value::Map(entries) => visitor.visit_map(Entries::new(entries, &[])),
        }
    }

    fn boolean<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Expanded(text) => match text.as_str() {
                "true" | "1" => visitor.visit_bool(true),
                "false" | "0" => visitor.visit_bool(false),
                _ => Err(TreeError::custom("must be true or false")),
            },
            _ => self.any(visitor),
        }
    }

    /// A section without content is an empty section.
    fn map<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, TreeError> {
        self.section(&[], visitor)
    }

    /// A known key without a value counts as left out.
    fn section<'de, V: Visitor<'de>>(
        &'de self,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Null => visitor.visit_map(Entries::new(&[], keys)),
            Value::Map(entries) => visitor.visit_map(Entries::new(entries, keys)),
            _ => Err(TreeError::custom("must be a mapping of keys to values")),
        }
    }

    fn word<'de, V: Visitor<'de>>(
        &'de self,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        match &self.value {
            Value::Text(text) | Value::Expanded(text) => {
                let text: StrDeserializer<'_, TreeError> = text.as_str().into_deserializer();
                visitor.visit_enum(text)
            }
            _ => Err(TreeError::unknown_variant("", words)),
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
            self.$read(visitor).map_err(|error| error.at(self))
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = TreeError;

    located! {
        deserialize_any => any,
        deserialize_bool => boolean,
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
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        let read = self.section(keys, visitor);
        read.map_err(|error| error.at(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        let read = self.word(words, visitor);
        read.map_err(|error| error.at(self))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct newtype_struct tuple tuple_struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, TreeError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Walks a list and adds the index of the item to errors.
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
            .map_err(|error| error.at(node).under(&format!("[{place}]")))
    }
}

/// Walks a mapping and adds the key to errors of its value.
struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    /// Keys that count as left out if they have no value.
    may_be_empty: &'static [&'static str],
    value: Option<&'de (Key, Node)>,
}

impl<'de> Entries<'de> {
    fn new(entries: &'de [(Key, Node)], may_be_empty: &'static [&'static str]) -> Self {
        Self {
            entries: entries.iter(),
            may_be_empty,
            value: None,
        }
    }

    fn is_left_out(&self, (key, node): &(Key, Node)) -> bool {
        matches!(node.value, Value::Null) && self.may_be_empty.contains(&key.name.as_str())
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = TreeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TreeError> {
        self.value = loop {
            match self.entries.next() {
                Some(entry) if self.is_left_out(entry) => {}
                next => break next,
            }
        };
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, TreeError> = key.name.as_str().into_deserializer();
        let name = seed.deserialize(name);
        name.map(Some).map_err(|mut error| {
            error.position = key.position;
            error
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TreeError> {
        let Some((key, node)) = self.value.take() else {
            return Err(TreeError::custom("has a value without a key"));
        };
        let value = seed.deserialize(node);
        value.map_err(|error| error.at(node).under(&key.name))
    }
}
