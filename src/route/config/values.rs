//! Parsers for the kinds of single values, each with its error text.

use std::time::Duration;

use actix_http::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::{ConfigObjectError, object::At};
use crate::{
    route::condition::WorkBudget,
    route::policy::{BodyEdit, HeaderEdit, MOST_BODY_EDITS, MOST_HEADER_EDITS, StatusCodes},
    secret::Secret,
};

/// A week; longer times are likely mistakes.
const LONGEST_MS: u64 = 7 * 24 * 3600 * 1000;
/// 90 days.
const LONGEST_SECONDS: u64 = 90 * 24 * 3600;

type Read<T> = Result<T, ConfigObjectError>;

/// What the values of `override_params` are in the parsed JSON.
#[derive(Clone, Copy)]
pub enum Params {
    Values,
    /// Strings, each holding the JSON text of a value; see [`super::text`].
    Texts,
}

impl<'v> At<'v> {
    pub fn text(&self) -> Read<&'v str> {
        match self.value.as_str() {
            Some(text) if !text.is_empty() => Ok(text),
            _ => self.refuse("must be a text that is not empty"),
        }
    }

    pub fn boolean(&self) -> Read<bool> {
        match self.value.as_bool() {
            Some(claim) => Ok(claim),
            None => self.refuse("must be true or false"),
        }
    }

    pub fn whole(&self, from: u64, to: u64) -> Read<u64> {
        match self
            .value
            .as_u64()
            .filter(|number| (from..=to).contains(number))
        {
            Some(number) => Ok(number),
            None => self.refuse(format!("must be a whole number from {from} to {to}")),
        }
    }

    pub fn number(&self, allowed: &str, fits: impl Fn(f64) -> bool) -> Read<f64> {
        match self.value.as_f64().filter(|number| fits(*number)) {
            Some(number) => Ok(number),
            None => self.refuse(format!("must be {allowed}")),
        }
    }

    pub fn milliseconds(&self) -> Read<Duration> {
        match self.value.as_u64() {
            Some(ms) if (1..=LONGEST_MS).contains(&ms) => Ok(Duration::from_millis(ms)),
            _ => self.refuse(format!(
                "must be milliseconds, a whole number from 1 to {LONGEST_MS}"
            )),
        }
    }

    pub fn seconds(&self) -> Read<Duration> {
        match self.value.as_u64() {
            Some(seconds) if (1..=LONGEST_SECONDS).contains(&seconds) => {
                Ok(Duration::from_secs(seconds))
            }
            _ => self.refuse(format!(
                "must be seconds, a whole number from 1 to {LONGEST_SECONDS}"
            )),
        }
    }

    pub fn codes(&self) -> Read<StatusCodes> {
        let code = |at: &At<'_>| at.whole(100, 599).map(|code| code as u16);
        self.items()?.iter().map(code).collect()
    }

    pub fn secret(&self) -> Read<Secret> {
        let text = self.text()?;
        match text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        {
            true => Ok(Secret::new(text)),
            false => self.refuse("must consist of visible ASCII characters"),
        }
    }

    pub fn header_name(&self) -> Read<HeaderName> {
        header_name(self.text()?, self)
    }

    /// Headers to set, or with null to remove.
    pub fn headers(&self) -> Read<Vec<HeaderEdit>> {
        let map = self.map()?;
        if map.len() > MOST_HEADER_EDITS {
            return self.refuse(format!("names more than {MOST_HEADER_EDITS} headers"));
        }
        let edit = |(name, value): (&String, &Value)| {
            let at = At {
                value,
                path: format!("{}.{name}", self.path),
            };
            let name = header_name(name, &at)?;
            match value {
                Value::Null => Ok((name, None)),
                Value::String(text) => match HeaderValue::from_str(text) {
                    Ok(line) => Ok((name, Some(line))),
                    Err(_) => at.refuse("must be a line of visible characters"),
                },
                _ => at.refuse("must be a text, or null to remove the header"),
            }
        };
        map.iter().map(edit).collect()
    }

    /// Counts the keys of an object against the config's budget.
    pub fn take_keys(&self, budget: &mut WorkBudget) -> Read<()> {
        let taken = budget.take_items(self.map()?.len());
        taken.or_else(|reason| self.refuse(reason))
    }

    /// Keys with the JSON text of their values, in order.
    pub fn params(&self, params: Params) -> Read<Vec<BodyEdit>> {
        let map = self.map()?;
        if map.len() > MOST_BODY_EDITS {
            return self.refuse(format!("sets more than {MOST_BODY_EDITS} values"));
        }
        let edit = |(key, value): (&String, &Value)| {
            let text = match (params, value.as_str()) {
                (Params::Texts, Some(text)) => text.into(),
                (Params::Texts | Params::Values, _) => value.to_string().into(),
            };
            (key.as_str().into(), text)
        };
        Ok(map.iter().map(edit).collect())
    }
}

/// Names that concern framing, one connection, or the gateway itself.
const REFUSED: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

pub fn header_name(text: &str, at: &At<'_>) -> Read<HeaderName> {
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        return at.refuse("must be the name of a header");
    };
    let ours = ["x-gateway-", "x-portkey-"];
    let is_ours = ours.iter().any(|prefix| name.as_str().starts_with(prefix));
    match is_ours || REFUSED.contains(&name.as_str()) {
        true => at.refuse(
            "may not be named: framing headers, hop-by-hop headers, host and x-gateway-* belong to \
                the gateway",
        ),
        false => Ok(name),
    }
}
