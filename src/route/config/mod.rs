//! Parses the config object: JSON text, key spelling, validation of each value, [`Entry`]. `fields`
//! is the one table of keys; the parser, its errors and `docs/config.md` come from it.

mod credential;
mod entry;
mod fields;
mod object;
mod page;
mod strategy;
#[cfg(test)]
mod tests;
mod text;
mod values;

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use super::{
    config_types::{CacheAsked, Entry},
    limit::Limit,
};
use crate::credential::Credential;
pub use fields::{FIELDS, Field, Section};
pub use page::page;
use values::Params;

/// The longest accepted config, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;
/// The most targets in one config, groups included.
const MOST_TARGETS: usize = 64;

/// What is wrong with a config object. Never repeats a value, which may be a misplaced key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ConfigObjectError {
    /// Such as `config.targets[1].retry.attempts`.
    pub path: String,
    /// The rest of the sentence that begins with the path.
    pub reason: String,
}

impl ConfigObjectError {
    fn new(path: &str, reason: impl Into<String>) -> Self {
        ConfigObjectError {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// The parsed value of `x-gateway-config`.
pub enum Source {
    Inline(Box<Entry>),
    /// The name of a config in the settings.
    Saved(Box<str>),
}

/// The value of `x-gateway-config` before it is parsed.
pub enum Written<'t> {
    Json(Cow<'t, str>),
    /// The name of a config in the settings.
    Saved(&'t str),
}

/// Distinguishes JSON (starts with `{`), the name of a saved config, and base64 of JSON.
///
/// # Errors
/// The text is none of the three.
pub fn tell(text: &str, is_saved: impl Fn(&str) -> bool) -> Result<Written<'_>, ConfigObjectError> {
    if text.starts_with('{') {
        return Ok(Written::Json(text.into()));
    }
    if is_saved(text) {
        return Ok(Written::Saved(text));
    }
    match decoded(text) {
        Some(json) => Ok(Written::Json(json.into())),
        None => Err(ConfigObjectError::new(
            "config",
            "must be JSON, base64 of JSON, or the name of a config in the settings",
        )),
    }
}

/// Parses the header in one step.
///
/// # Errors
/// The text is none of the three, or the object is invalid.
#[cfg(test)]
pub fn read(text: &str, is_saved: impl Fn(&str) -> bool) -> Result<Source, ConfigObjectError> {
    match tell(text, is_saved)? {
        Written::Json(json) => Ok(Source::Inline(Box::new(parse(&json)?))),
        Written::Saved(name) => Ok(Source::Saved(name.into())),
    }
}

/// The config is short and has no pattern to compile, so parsing it takes little time. A backslash
/// could hide a pattern's key.
pub fn is_quick(json: &str) -> bool {
    const SHORT: usize = 4 * 1024;
    json.len() <= SHORT && !json.contains("regex") && !json.contains('\\')
}

/// Either base64 alphabet, with or without padding.
fn decoded(text: &str) -> Option<String> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines = [STANDARD, URL_SAFE].map(|alphabet| GeneralPurpose::new(&alphabet, lenient));
    let bytes = engines.iter().find_map(|engine| engine.decode(text).ok())?;
    let json = String::from_utf8(bytes).ok()?;
    json.trim_start().starts_with('{').then_some(json)
}

/// Parses inline JSON.
///
/// # Errors
/// The first problem, with its path and what is allowed.
pub fn parse(text: &str) -> Result<Entry, ConfigObjectError> {
    if text.len() > MOST_BYTES {
        let reason = format!("has more than {MOST_BYTES} bytes");
        return Err(ConfigObjectError::new("config", reason));
    }
    let value = text::parse(text).map_err(|reason| ConfigObjectError::new("config", reason))?;
    entry::Reader::new(Params::Texts).read(&value, "config")
}

/// Parses a value at `path`, such as `configs.chain` in the settings.
///
/// # Errors
/// See [`parse`].
pub fn parse_value(value: Value, path: &str) -> Result<Entry, ConfigObjectError> {
    entry::Reader::new(Params::Values).read(&value, path)
}

/// Parses a `credential` of the settings that stands elsewhere than in a config object. Files that
/// it names must have been put in.
///
/// # Errors
/// What is wrong, and where.
pub fn parse_credential(value: &Value, path: &str) -> Result<Credential, ConfigObjectError> {
    credential::read(&object::At {
        value,
        path: path.to_owned(),
    })
}

/// Parses the settings' `cache`, which has the form of `cache` in a config.
///
/// # Errors
/// What is wrong, and where.
pub fn parse_cache(value: &Value, path: &str) -> Result<CacheAsked, ConfigObjectError> {
    entry::cache(&object::At {
        value,
        path: path.to_owned(),
    })
}

/// Parses a limit, which has the form of `rate_limit` in a config; `path` is for errors.
///
/// # Errors
/// What is wrong, and where.
pub fn parse_limit(value: &Value, path: &str) -> Result<Limit, ConfigObjectError> {
    entry::limit(&object::At {
        value,
        path: path.to_owned(),
    })
}
