//! What do the first bytes of a body say as JSON: is it all there, and does it look like an answer
//! of its route?

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::generates::{Generates, Value};

/// How far the bytes are JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// There is nothing but white space.
    Nothing,
    /// One value or several, each complete.
    Whole,
    /// Well so far, and there is more to come.
    Cut,
    /// No JSON.
    Broken,
}

/// What was found at the top of the first value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// A mark of an answer.
    pub mark: bool,
    /// What errors have.
    pub error: bool,
    /// Something that is only read with difficulty, such as half a surrogate pair: good JSON for
    /// whoever takes it.
    pub odd: bool,
    /// An object with a member.
    pub member: bool,
}

/// Without what stands before the JSON.
pub fn trimmed(body: &[u8]) -> &[u8] {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    body.strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(body)
        .trim_ascii_start()
}

/// Whether all of it is JSON.
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

/// Looks at the top of the first value, as far as it goes.
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

/// The value at the top, or the first item of the array there.
struct Top<'f> {
    route: Generates,
    found: &'f mut Found,
    is_item: bool,
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
            // A row of numbers, as embeddings are.
            self.found.mark = true;
        } else if self.route.takes_array() {
            let first = Top {
                route: self.route,
                found: &mut *self.found,
                is_item: true,
            };
            items.next_element_seed(first)?;
            // Rankings and embeddings have other members here than they have in an object.
            let is_plain = self.found.member && !self.found.error;
            self.found.mark |= is_plain && self.route != Generates::Content;
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
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

/// The value of one member. Noted when it begins: the rest of it may not be there.
struct Member<'f> {
    route: Generates,
    key: &'f str,
    found: &'f mut Found,
}

impl Member<'_> {
    fn note(&mut self, value: Value<'_>) {
        let names_error = matches!(self.key, "error" | "errors" | "detail" | "fault");
        self.found.error |= names_error && value != Value::Null;
        self.found.mark |= self.route.is_mark(self.key, value);
    }

    fn noted<E>(mut self, value: Value<'_>) -> Result<(), E> {
        self.note(value);
        Ok(())
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
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut items: S) -> Result<(), S::Error> {
        self.note(Value::Array);
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.noted(Value::Text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.noted(Value::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.noted(Value::Scalar)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.noted(Value::Scalar)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.noted(Value::Scalar)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.noted(Value::Scalar)
    }
}
