//! Finding values in a JSON body, at any depth, without a tree of all of it.

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

use super::object::{Object, Text};

/// The value at a path: keys of objects, or places in lists. Of duplicate keys the last counts.
pub fn find(body: &[u8], path: &[&str]) -> Option<Value> {
    let mut text = std::str::from_utf8(body).ok()?;
    for part in path {
        text = step(text, part)?;
    }
    serde_json::from_str(text).ok()
}

fn step<'b>(text: &'b str, part: &str) -> Option<&'b str> {
    match text.trim_start().as_bytes().first()? {
        b'{' => Object::parse(text.as_bytes()).ok()?.last(part),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let place: usize = part.parse().ok()?;
            items.get(place).map(|item| item.get())
        }
        _ => None,
    }
}

/// The top-level `model`, if it is a text.
pub fn model(body: &[u8]) -> Option<Cow<'_, str>> {
    let value = Object::parse(body).ok()?.last("model")?;
    let text: Text<'_> = serde_json::from_str(value).ok()?;
    Some(text.0)
}

/// The body has a top-level `"stream": true`.
pub fn asks_for_stream(body: &[u8]) -> bool {
    let object = Object::parse(body).ok();
    object.is_some_and(|object| object.last("stream") == Some("true"))
}
