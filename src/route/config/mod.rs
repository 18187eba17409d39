//! Reads the config object: JSON text → names normalised → each value checked → [`Entry`]. Only what was checked is used.
//! `fields` is the one table of keys: the reader, its errors and `docs/config.md` come from it.

mod entry;
mod fields;
mod object;
mod page;
mod raw;
mod strategy;
mod strict;
#[cfg(test)]
mod tests;
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
pub use page::page;

/// Longest config taken, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;
/// Most targets in one config, groups counted.
pub const MOST_TARGETS: usize = 64;

/// What is wrong with a config object. Never repeats a value: it may be a key in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ConfigObjectError {
    /// Such as `config.targets[1].retry.attempts`.
    pub path: String,
    /// The end of the sentence that begins with the path.
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

/// What `x-gateway-config` holds.
pub enum Source {
    Inline(Box<Entry>),
    /// The name of one in the settings.
    Saved(Box<str>),
}

/// What `x-gateway-config` turns out to be, before it is parsed.
pub enum Written<'t> {
    Json(Cow<'t, str>),
    /// The name of one in the settings.
    Saved(&'t str),
}

/// Tells JSON, which starts with `{`, from the name of a saved config, and that from base64 of
/// JSON.
///
/// # Errors
/// What is none of the three.
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
            "must be JSON, base64 of JSON, or the name of a config in the settings, and is none of them",
        )),
    }
}

/// Reads the header at once.
///
/// # Errors
/// What is none of the three, and what is wrong with the object.
#[cfg(test)]
pub fn read(text: &str, is_saved: impl Fn(&str) -> bool) -> Result<Source, ConfigObjectError> {
    match tell(text, is_saved)? {
        Written::Json(json) => Ok(Source::Inline(Box::new(parse(&json)?))),
        Written::Saved(name) => Ok(Source::Saved(name.into())),
    }
}

/// It is short, and has no pattern to compile: reading it takes a moment. An escape may hide a
/// pattern.
pub fn is_quick(json: &str) -> bool {
    const SHORT: usize = 4 * 1024;
    json.len() <= SHORT && !json.contains("regex") && !json.contains('\\')
}

/// Either alphabet, with or without padding.
fn decoded(text: &str) -> Option<String> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines = [STANDARD, URL_SAFE].map(|alphabet| GeneralPurpose::new(&alphabet, lenient));
    let bytes = engines.iter().find_map(|engine| engine.decode(text).ok())?;
    let json = String::from_utf8(bytes).ok()?;
    json.trim_start().starts_with('{').then_some(json)
}

/// Reads inline JSON.
///
/// # Errors
/// The first thing wrong, with its key path, what was wrong and what is allowed.
pub fn parse(text: &str) -> Result<Entry, ConfigObjectError> {
    if text.len() > MOST_BYTES {
        let reason = format!("has more than {MOST_BYTES} bytes");
        return Err(ConfigObjectError::new("config", reason));
    }
    let value = strict::parse(text).map_err(|reason| ConfigObjectError::new("config", reason))?;
    let mut entry = parse_value(value, "config")?;
    raw::restore(&mut entry, text);
    Ok(entry)
}

/// Reads a value that stands at `path`, such as `configs.chain` in the settings.
///
/// # Errors
/// See [`parse`].
pub fn parse_value(value: Value, path: &str) -> Result<Entry, ConfigObjectError> {
    entry::Reader::default().read(&value, path)
}

/// Reads what the settings say of the cache, as `cache` in a config.
///
/// # Errors
/// What is wrong, and where.
pub fn parse_cache(value: &Value, path: &str) -> Result<CacheAsked, ConfigObjectError> {
    entry::cache(&object::At {
        value,
        path: path.to_owned(),
    })
}

/// Reads a limit, as `rate_limit` in a config; `path` is where it stands, for errors.
///
/// # Errors
/// What is wrong, and where.
pub fn parse_limit(value: &Value, path: &str) -> Result<Limit, ConfigObjectError> {
    entry::limit(&object::At {
        value,
        path: path.to_owned(),
    })
}
