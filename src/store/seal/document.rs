//! Finds the sealed values of a document, checks them, seals them anew and hides them.

use serde_json::{Map, Value};

use super::{MARK, SealError, SealKeys, SealedPlace};
use crate::store::object::{Object, ObjectId};

/// Checks that every sealed value of a document can be opened at its place; tells whether there
/// is one.
pub(in crate::store) fn check(
    keys: Option<&SealKeys>,
    object: &ObjectId,
    document: &Map<String, Value>,
) -> Result<bool, SealError> {
    let sealed = sealed_values(document);
    for (pointer, value) in &sealed {
        let place = place(object, pointer);
        keys.ok_or(SealError::NoKeys)?.open(place, value)?;
    }
    Ok(!sealed.is_empty())
}

/// Seals every value with the first key that is sealed with another; returns how many.
pub(in crate::store) fn reseal(keys: &SealKeys, object: &mut Object) -> Result<usize, SealError> {
    let id = ObjectId::new(object.kind, object.id.clone());
    let mut document = Value::Object(std::mem::take(&mut object.document));
    let mut count = 0;
    for (pointer, value) in document.as_object().map(sealed_values).unwrap_or_default() {
        let place = place(&id, &pointer);
        let secret = keys.open(place, &value)?;
        if keys.is_current(&value) {
            continue;
        }
        let sealed = keys.seal(place, &secret)?;
        if let Some(value) = document.pointer_mut(&pointer) {
            *value = sealed;
            count += 1;
        }
    }
    if let Value::Object(document) = document {
        object.document = document;
    }
    Ok(count)
}

/// Whether a value claims to be sealed.
pub fn is_sealed(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|members| members.contains_key(MARK))
}

/// What stands for a sealed value wherever it is shown.
const HIDDEN: &str = "(sealed)";

/// The pointer of a value that is what is shown for a secret: whoever sends it back would put that
/// text in the secret's place.
pub fn hidden_in(document: &Value) -> Option<String> {
    match document {
        Value::String(text) => (text == HIDDEN).then(String::new),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let below = hidden_in(value)?;
            Some(format!("/{}{below}", escaped(name)))
        }),
        Value::Array(elements) => elements.iter().enumerate().find_map(|(index, value)| {
            let below = hidden_in(value)?;
            Some(format!("/{index}{below}"))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Replaces every sealed value by a fixed word, for the audit log and for responses.
pub fn hide(value: &mut Value) {
    match value {
        Value::Object(members) if members.contains_key(MARK) => *value = Value::from(HIDDEN),
        Value::Object(members) => members.values_mut().for_each(hide),
        Value::Array(elements) => elements.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn place<'a>(object: &'a ObjectId, pointer: &'a str) -> SealedPlace<'a> {
    SealedPlace {
        kind: object.kind,
        id: &object.id,
        pointer,
    }
}

/// Each sealed value with its JSON pointer.
fn sealed_values(document: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in document {
        collect(value, format!("/{}", escaped(name)), &mut found);
    }
    found
}

fn collect(value: &Value, pointer: String, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if members.contains_key(MARK) => {
            found.push((pointer, value.clone()));
        }
        Value::Object(members) => {
            for (name, value) in members {
                collect(value, format!("{pointer}/{}", escaped(name)), found);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                collect(value, format!("{pointer}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// RFC 6901, section 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
