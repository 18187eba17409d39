//! What can be done with keys, whoever does it: a running gateway or the store of a stopped one.
//! Keys are the documents of the admin API.

use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;

/// Where keys are listed and changed.
pub trait Backend {
    /// All keys.
    fn list(&self) -> Result<Vec<Value>, Failure>;
    fn get(&self, id: &str) -> Result<Value, Failure>;
    /// The new key, with its secret as `key`.
    fn create(&self, request: &Value) -> Result<Value, Failure>;
    /// The key after a merge patch.
    fn patch(&self, id: &str, patch: &Value) -> Result<Value, Failure>;
    /// The key with its new secret as `key`.
    fn rotate(&self, id: &str, grace: Option<Duration>) -> Result<Value, Failure>;
    fn delete(&self, id: &str) -> Result<(), Failure>;
}

/// Finds a key by its name or id.
///
/// # Errors
/// There is none, or the keys cannot be read.
pub fn find(backend: &dyn Backend, written: &str) -> Result<Value, Failure> {
    // No name begins like an id.
    if written.starts_with("key_") {
        return backend.get(written);
    }
    let mut keys = backend.list()?;
    match keys.iter().position(|key| field(key, "name") == written) {
        Some(place) => Ok(keys.swap_remove(place)),
        None => Err(Failure::unknown(
            written,
            keys.iter().map(|key| field(key, "name")),
        )),
    }
}

/// A text of a document; empty if there is none.
pub fn field<'v>(document: &'v Value, name: &str) -> &'v str {
    document
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
