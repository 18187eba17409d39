//! Reads the values of the gateway's request headers: one small pure function for each shape.
//! The reason for a refusal says what is allowed and never repeats the value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::route::Provider;
use crate::secret::Secret;

/// Why a value was refused: the end of the sentence that begins with the header's name.
pub type Reason = Cow<'static, str>;

/// The longest trace id, in characters.
const TRACE_ID_MAX: usize = 128;
/// The longest value of a metadata entry, in characters.
const METADATA_VALUE_MAX: usize = 128;
/// How much of a metadata key an error repeats, in characters.
const SHOWN_KEY_MAX: usize = 64;
/// The longest cache namespace, in characters.
const NAMESPACE_MAX: usize = 128;
/// 90 days, the longest lifetime of a stored response.
const CACHE_TTL_MAX: u64 = 90 * 24 * 3600;
/// 7 days: a longer timeout is certainly a mistake.
const REQUEST_TIMEOUT_MAX: u64 = 7 * 24 * 3600 * 1000;

/// Text in UTF-8.
pub fn utf8(raw: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(raw).map_err(|_| "must be UTF-8".into())
}

/// Text of visible ASCII characters only, without spaces.
pub fn visible(raw: &[u8]) -> Result<&str, Reason> {
    let is_visible = raw.iter().all(u8::is_ascii_graphic);
    let text = is_visible.then(|| utf8(raw).ok()).flatten();
    text.ok_or_else(|| "must consist of visible ASCII characters".into())
}

/// Whom the request is for.
pub fn provider(raw: &[u8]) -> Result<Provider, Reason> {
    let text = visible(raw).ok();
    text.and_then(Provider::parse)
        .ok_or_else(|| format!("must be {}", Provider::EXPECTED).into())
}

/// A credential.
pub fn secret(raw: &[u8]) -> Result<Secret, Reason> {
    visible(raw).map(Secret::new)
}

/// `true` or `false`; capital letters are fine, since some languages print `True`.
pub fn boolean(raw: &[u8]) -> Result<bool, Reason> {
    if raw.eq_ignore_ascii_case(b"true") {
        Ok(true)
    } else if raw.eq_ignore_ascii_case(b"false") {
        Ok(false)
    } else {
        Err("must be true or false".into())
    }
}

/// `true` or `false`, or the cache mode `simple`.
pub fn cache_mode(raw: &[u8]) -> Result<bool, Reason> {
    if raw.eq_ignore_ascii_case(b"simple") {
        return Ok(true);
    }
    boolean(raw).map_err(|_| "must be true, simple or false".into())
}

/// Whole milliseconds.
pub fn milliseconds(raw: &[u8]) -> Result<Duration, Reason> {
    match whole(raw) {
        Some(count @ 1..=REQUEST_TIMEOUT_MAX) => Ok(Duration::from_millis(count)),
        _ => Err(
            format!("must be a whole number of milliseconds, 1 to {REQUEST_TIMEOUT_MAX}").into(),
        ),
    }
}

/// Whole seconds.
pub fn cache_ttl(raw: &[u8]) -> Result<Duration, Reason> {
    match whole(raw) {
        Some(count @ 1..=CACHE_TTL_MAX) => Ok(Duration::from_secs(count)),
        _ => Err(format!("must be a whole number of seconds, 1 to {CACHE_TTL_MAX}").into()),
    }
}

/// Digits and nothing else: no sign, no fraction.
fn whole(raw: &[u8]) -> Option<u64> {
    if !raw.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// A caller's trace id.
pub fn trace_id(raw: &[u8]) -> Result<String, Reason> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    match utf8(raw) {
        Ok(text) if text.len() <= TRACE_ID_MAX && text.bytes().all(allowed) => Ok(text.to_owned()),
        _ => Err("must be 1 to 128 characters of A-Z a-z 0-9 . _ : -".into()),
    }
}

/// A caller's cache namespace.
pub fn namespace(raw: &[u8]) -> Result<String, Reason> {
    match visible(raw) {
        Ok(text) if text.len() <= NAMESPACE_MAX => Ok(text.to_owned()),
        _ => Err("must be 1 to 128 visible ASCII characters without spaces".into()),
    }
}

/// A flat JSON object of short texts.
pub fn metadata(raw: &[u8]) -> Result<BTreeMap<String, String>, Reason> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(raw)
        .map_err(|_| Reason::from(r#"must be a JSON object of strings, such as {"user":"ada"}"#))?;
    object.into_iter().map(metadata_entry).collect()
}

fn metadata_entry((key, value): (String, serde_json::Value)) -> Result<(String, String), Reason> {
    let refused = |why| {
        let shown: String = key.chars().take(SHOWN_KEY_MAX).collect();
        Err(format!("must be a flat JSON object of strings: the value of {shown:?} {why}").into())
    };
    match value {
        serde_json::Value::String(text) if text.chars().count() <= METADATA_VALUE_MAX => {
            Ok((key, text))
        }
        serde_json::Value::String(_) => refused("is longer than 128 characters"),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => refused("is not a string"),
    }
}
