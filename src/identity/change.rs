//! How documents are made and changed: what the gateway itself sets is refused by name in requests,
//! all else is merged in, and the result is read anew, so that there is one path of checks.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    document::{FieldError, fields, read},
    merge_patch,
};

/// A field that only the gateway sets, and the end of the sentence that refuses it.
pub type OwnField = (&'static str, &'static str);

/// A key's or a team's document.
pub trait Object: Serialize + DeserializeOwned {
    const OWN_FIELDS: &'static [OwnField];

    /// The whole document, as settings and store have it.
    fn document(&self) -> Value {
        // Cannot fail, since every field's name is text. An empty document would be refused.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The object that a request asks for, with the fields that the gateway adds.
///
/// # Errors
/// The first problem of the request.
pub fn create<O: Object, const N: usize>(
    request: &Value,
    own: [(&str, Value); N],
) -> Result<O, FieldError> {
    let mut document = checked::<O>(request)?.clone();
    document.extend(own.map(|(name, value)| (name.to_owned(), value)));
    read(&document.into())
}

/// The object after a merge patch.
///
/// # Errors
/// The first problem of the patch, or of what it would make of the object.
pub fn patch<O: Object>(object: &O, patch: &Value) -> Result<O, FieldError> {
    checked::<O>(patch)?;
    let mut document = object.document();
    merge_patch::apply(&mut document, patch);
    read(&document)
}

/// The fields of a request, if it gives none of the gateway's own.
fn checked<O: Object>(request: &Value) -> Result<&Map<String, Value>, FieldError> {
    let fields = fields(request)?;
    let refused = O::OWN_FIELDS
        .iter()
        .find(|(name, _)| fields.contains_key(*name));
    match refused {
        Some((name, reason)) => Err(FieldError::new(*name, *reason)),
        None => Ok(fields),
    }
}
