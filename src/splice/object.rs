//! The top level of a JSON object, each entry with where its value lies in the text.

use std::{borrow::Cow, fmt, ops::Range};

use serde::{
    Deserialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::NotEditable;

/// Entries in their order, duplicates included.
pub struct Object<'b> {
    pub entries: Vec<Entry<'b>>,
}

/// One key and its value, as written.
pub struct Entry<'b> {
    /// Without its escapes.
    pub key: Cow<'b, str>,
    pub value: &'b str,
    /// Where the value lies in the text.
    pub span: Range<usize>,
}

impl<'b> Object<'b> {
    /// Reads the text of one JSON object.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &'b [u8]) -> Result<Self, NotEditable> {
        let entries = serde_json::from_slice::<Entries<'b>>(text).map_err(|error| {
            match error.classify() {
                serde_json::error::Category::Data => NotEditable::NoObject,
                _ => NotEditable::NotJson {
                    line: error.line(),
                    column: error.column(),
                },
            }
        })?;
        let start = text.as_ptr() as usize;
        let entries = entries.0.into_iter().map(|(key, raw)| {
            let value = raw.get();
            // The value is lent from the text, so the difference of the two addresses is its place there.
            let begin = value.as_ptr() as usize - start;
            Entry {
                key,
                value,
                span: begin..begin + value.len(),
            }
        });
        Ok(Object {
            entries: entries.collect(),
        })
    }

    /// The last value of this key.
    pub fn last(&self, key: &str) -> Option<&'b str> {
        let mut from_the_end = self.entries.iter().rev();
        from_the_end
            .find(|entry| entry.key == key)
            .map(|entry| entry.value)
    }
}

struct Entries<'b>(Vec<(Cow<'b, str>, &'b RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            entries.push((key.0, map.next_value()?));
        }
        Ok(Entries(entries))
    }
}

/// A string, lent where it has no escapes.
#[derive(Deserialize)]
pub struct Text<'b>(#[serde(borrow)] pub Cow<'b, str>);
