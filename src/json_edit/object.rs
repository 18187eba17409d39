//! The top level of a JSON object, kept entry by entry: for small texts, since each entry takes
//! more memory than it is long.

use std::{borrow::Cow, ops::Range};

use super::{NotEditable, entries::each_entry};

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
        let start = text.as_ptr() as usize;
        let mut entries = Vec::new();
        each_entry(text, |key, value| {
            // The value is lent from the text, so the difference of the two addresses is its place there.
            let begin = value.as_ptr() as usize - start;
            entries.push(Entry {
                key,
                value,
                span: begin..begin + value.len(),
            });
        })?;
        Ok(Object { entries })
    }

    /// The last value of this key.
    pub fn last(&self, key: &str) -> Option<&'b str> {
        let mut from_the_end = self.entries.iter().rev();
        from_the_end
            .find(|entry| entry.key == key)
            .map(|entry| entry.value)
    }
}
