//! Visits the entries of a JSON object or list in one pass. Each is lent as written, and nothing is
//! stored.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer as _,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::NotEditable;

/// Calls `see` with each key, unescaped, and its value as written, including duplicates, in order.
///
/// # Errors
/// The text is not a JSON object; some entries may have been visited before this was found.
pub fn each_entry<'b>(
    text: &'b [u8],
    see: impl FnMut(Cow<'b, str>, &'b str),
) -> Result<(), NotEditable> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = json.deserialize_map(Entries {
        see,
        lent: PhantomData,
    });
    read.and_then(|()| json.end()).map_err(not_editable)
}

/// Calls `see` with the index of each item and the item as written.
///
/// # Errors
/// The text is not a JSON list; some items may have been visited before this was found.
pub fn each_item<'b>(text: &'b str, see: impl FnMut(usize, &'b str)) -> Result<(), NotEditable> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_seq(Items {
        see,
        lent: PhantomData,
    });
    read.and_then(|()| json.end()).map_err(not_editable)
}

fn not_editable(error: serde_json::Error) -> NotEditable {
    match error.classify() {
        serde_json::error::Category::Data => NotEditable::NoObject,
        _ => NotEditable::NotJson {
            line: error.line(),
            column: error.column(),
        },
    }
}

struct Entries<'b, F> {
    see: F,
    lent: PhantomData<&'b ()>,
}

impl<'b, F: FnMut(Cow<'b, str>, &'b str)> Visitor<'b> for Entries<'b, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'b>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'b>>()? {
            (self.see)(key.0, map.next_value::<&'b RawValue>()?.get());
        }
        Ok(())
    }
}

struct Items<'b, F> {
    see: F,
    lent: PhantomData<&'b ()>,
}

impl<'b, F: FnMut(usize, &'b str)> Visitor<'b> for Items<'b, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'b>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut place = 0;
        while let Some(item) = items.next_element::<&'b RawValue>()? {
            (self.see)(place, item.get());
            place += 1;
        }
        Ok(())
    }
}

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
pub struct Text<'b>(#[serde(borrow)] pub Cow<'b, str>);
