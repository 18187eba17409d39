//! Hands a JSON value to serde, so that every error knows the path of its field. It checks shapes
//! only; the type that receives a value checks its meaning.

use serde::{
    de::{
        self, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, Visitor,
        value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::{FieldError, fields};

/// A value for serde.
#[derive(Clone, Copy)]
pub(super) struct Document<'de>(pub &'de Value);

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
