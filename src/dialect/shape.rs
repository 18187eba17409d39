//! Inspects a body, or its beginning, as JSON: whether it is complete, and whether it looks like a
//! response of its route.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    event::is_failed_choice,
    generates::{Generates, Value},
};

/// How much of the bytes is valid JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Only white space.
    Nothing,
    /// One or more complete values.
    Whole,
    /// Valid so far, but incomplete.
    Cut,
    /// Invalid.
    Broken,
}

/// What was found at the top level of the first value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// A member that marks a response.
    pub mark: bool,
    /// That member has content: it is not only a label or an empty list.
    pub content: bool,
    /// A member that errors have.
    pub error: bool,
    /// That member is not empty.
    pub reason: bool,
    /// Each choice reports a failure.
    pub failed: bool,
    /// The first item of an array is complete.
    pub item: bool,
    /// Something that this parser rejects but other parsers accept, such as half a surrogate pair.
    pub odd: bool,
    /// An object with at least one member.
    pub member: bool,
}

/// Without white space and byte order marks before the JSON, however many: a body that comes in
/// pieces loses them piece by piece.
pub fn trimmed(mut body: &[u8]) -> &[u8] {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    loop {
        let before = body.len();
        body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        body = body.trim_ascii_start();
        if body.len() == before {
            return body;
        }
    }
}

/// How much of the body is valid JSON.
pub fn extent(body: &[u8]) -> Extent {
    let body = trimmed(body);
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    let mut extent = Extent::Nothing;
    loop {
        match values.next() {
            None => return extent,
            Some(Ok(_)) => extent = Extent::Whole,
            Some(Err(error)) if error.is_eof() => return Extent::Cut,
            Some(Err(_)) => return Extent::Broken,
        }
    }
}

/// Inspects the top level of the first value, as far as it has arrived.
pub fn found(route: Generates, body: &[u8]) -> Found {
    let mut found = Found::default();
    let top = Top {
        route,
        found: &mut found,
        is_item: false,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(trimmed(body));
    let read = top.deserialize(&mut deserializer);
    found.odd = read.is_err_and(|error| !error.is_eof());
    found
}

/// The top-level value, or the first item of a top-level array.
struct Top<'f> {
    route: Generates,
    found: &'f mut Found,
    is_item: bool,
}

impl Top<'_> {
    /// A single embedding is an array of numbers.
    fn note_number(self) {
        self.found.mark |= self.is_item && self.route == Generates::Embedding;
    }
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            self.found.member = true;
            let member = Member {
                route: self.route,
                key: &key,
                found: self.found,
            };
            map.next_value_seed(member)?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        if self.is_item {
            // An array of numbers is an embedding.
            self.found.mark = true;
        } else if self.route.takes_array() {
            let first = Top {
                route: self.route,
                found: &mut *self.found,
                is_item: true,
            };
            self.found.item = items.next_element_seed(first)?.is_some();
            let is_plain = self.found.member && !self.found.error;
            self.found.mark |= is_plain && self.route.takes_rows();
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.found.mark |= self.route == Generates::Transcription && !self.is_item;
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.note_number();
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.note_number();
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.note_number();
        Ok(())
    }
}

/// The value of one member. Noted when it begins, since the rest of it may be missing.
struct Member<'f> {
    route: Generates,
    key: &'f str,
    found: &'f mut Found,
}

impl Member<'_> {
    fn note(&mut self, value: Value<'_>) {
        self.found.mark |= self.route.is_mark(self.key, value);
    }

    /// The value has content.
    fn note_content(&mut self, value: Value<'_>) {
        let is_label = matches!(self.key, "object" | "type");
        self.found.content |= !is_label && self.route.is_mark(self.key, value);
        self.found.reason |= self.names_error();
        self.note_error();
    }

    fn note_error(&mut self) {
        self.found.error |= self.names_error();
    }

    fn names_error(&self) -> bool {
        matches!(self.key, "error" | "errors" | "detail" | "fault")
    }

    fn noted<E>(mut self, value: Value<'_>, is_something: bool) -> Result<(), E> {
        self.note(value);
        if is_something {
            self.note_content(value);
        }
        Ok(())
    }

    /// Whether there are choices and all of them report a failure.
    fn read_choices<'de, S: SeqAccess<'de>>(&mut self, mut choices: S) -> Result<(), S::Error> {
        let mut failed = None;
        while let Some(choice) = self.next_item::<serde_json::Value, S>(&mut choices)? {
            failed = Some(failed.unwrap_or(true) && is_failed_choice(&choice));
        }
        self.found.failed |= failed == Some(true);
        Ok(())
    }

    /// A truncated item counts as content.
    fn next_item<'de, T: Deserialize<'de>, S: SeqAccess<'de>>(
        &mut self,
        items: &mut S,
    ) -> Result<Option<T>, S::Error> {
        let item = items.next_element();
        if !matches!(item, Ok(None)) {
            self.note_content(Value::Array);
        }
        item
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        self.note(Value::Object);
        self.note_error();
        while map.next_key::<IgnoredAny>()?.is_some() {
            self.note_content(Value::Object);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut items: S) -> Result<(), S::Error> {
        self.note(Value::Array);
        if (self.route, self.key) == (Generates::Completion, "choices") {
            return self.read_choices(items);
        }
        while self.next_item::<IgnoredAny, S>(&mut items)?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.noted(Value::Text(text), !text.is_empty())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.noted(Value::Null, false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.noted(Value::Scalar, value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.noted(Value::Scalar, value != 0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.noted(Value::Scalar, true)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.noted(Value::Scalar, true)
    }
}
