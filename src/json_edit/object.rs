//! The top-level entries of a JSON object. For small texts only, since an entry takes more memory
//! than its text.

use std::borrow::Cow;

use super::{NotEditable, entries::each_entry};

/// The entries in order, including duplicates.
pub struct Object<'b> {
    pub entries: Vec<Entry<'b>>,
}

/// A key and its value as written.
pub struct Entry<'b> {
    /// Unescaped.
    pub key: Cow<'b, str>,
    pub value: &'b str,
}

impl<'b> Object<'b> {
    /// Parses a JSON object.
    ///
    /// # Errors
    /// The text is not a JSON object.
    pub fn parse(text: &'b [u8]) -> Result<Self, NotEditable> {
        let mut entries = Vec::new();
        each_entry(text, |key, value| {
            entries.push(Entry { key, value });
        })?;
        Ok(Object { entries })
    }

    /// The value of the last occurrence of the key.
    pub fn last(&self, key: &str) -> Option<&'b str> {
        let mut from_the_end = self.entries.iter().rev();
        from_the_end
            .find(|entry| entry.key == key)
            .map(|entry| entry.value)
    }
}
