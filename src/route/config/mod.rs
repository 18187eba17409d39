//! Reads the config object: JSON text → names normalised → validated → [`Entry`].

use super::object::Entry;

/// What is wrong with a config object. Never repeats a value of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ConfigObjectError {
    /// Such as `config.targets[1].retry.attempts`.
    pub path: String,
    pub reason: String,
}

/// Reads inline JSON.
///
/// # Errors
/// The first thing wrong, with its key path, what was wrong and what is allowed.
pub fn parse(_text: &str) -> Result<Entry, ConfigObjectError> {
    unimplemented!()
}
