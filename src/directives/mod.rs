//! What does the caller ask of the gateway itself? Reads the `x-gateway-*` request headers, once,
//! into checked values. It does not judge hosts, look up names or parse the config object.

mod reference;
pub mod table;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use actix_http::header::{HeaderName, HeaderValue};

use crate::http::request_fields::Line;
pub use crate::route::Provider;
use crate::secret::Secret;
use table::{Lines, NAMESPACE, PORTKEY_NAMESPACE, REQUEST, REQUEST_HEADERS};

pub use reference::page;

/// What the caller says about the cache; each field overrides the config's where it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheDirectives {
    /// `x-gateway-cache`.
    pub enabled: Option<bool>,
    /// `x-gateway-cache-ttl`, 1 s to 90 days.
    pub ttl: Option<Duration>,
    /// `x-gateway-cache-namespace`.
    pub namespace: Option<String>,
    /// `x-gateway-cache-force-refresh`.
    pub force_refresh: Option<bool>,
}

/// Everything that the caller asks of the gateway in headers. Absent and empty headers leave
/// `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `x-gateway-provider`.
    pub provider: Option<Provider>,
    /// `x-gateway-custom-host`: visible ASCII, otherwise as it came.
    pub custom_host: Option<String>,
    /// `x-gateway-config`: JSON, base64 or a name, not told apart yet.
    pub config: Option<String>,
    /// `x-gateway-api-key`.
    pub api_key: Option<Secret>,
    /// `x-gateway-trace-id`: 1 to 128 of `[A-Za-z0-9._:-]`.
    pub trace_id: Option<String>,
    /// `x-gateway-metadata`: values up to 128 characters.
    pub metadata: Option<BTreeMap<String, String>>,
    /// `x-gateway-request-timeout`: until the response head, for each attempt; never zero.
    pub request_timeout: Option<Duration>,
    /// `x-gateway-cache*`.
    pub cache: CacheDirectives,
    /// `x-gateway-debug`: `Some(false)` keeps bodies out of the records.
    pub debug: Option<bool>,
    /// `x-gateway-dry-run`.
    pub dry_run: bool,
}

/// A header of ours that cannot be read. The message names the header as the caller wrote it and
/// says what is allowed; it never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    /// A header that must be single came more than once.
    #[error("{name} was given more than once; send it once")]
    Repeated {
        /// The header, lower-cased.
        name: String,
    },
    /// The value is not what the header takes.
    #[error("{name} {reason}")]
    Invalid {
        /// The header, lower-cased.
        name: String,
        /// What the value must be.
        reason: Cow<'static, str>,
    },
}

/// Whether the header belongs to the gateway's namespace, and so is never forwarded.
/// With `portkey` the namespace `x-portkey-*` is ours too.
pub fn is_ours(name: &HeaderName, portkey: bool) -> bool {
    let name = name.as_str();
    name.starts_with(NAMESPACE) || (portkey && name.starts_with(PORTKEY_NAMESPACE))
}

impl Directives {
    /// A header says where the request goes. Otherwise the model in the body or the settings do.
    pub fn names_target(&self) -> bool {
        self.provider.is_some() || self.custom_host.is_some() || self.config.is_some()
    }

    /// Reads the lines of the gateway's own namespace. A native line counts before Portkey's.
    ///
    /// # Errors
    /// The first header, in the table's order, that is repeated or cannot be read.
    pub fn parse(ours: &[Line<'_>]) -> Result<Self, DirectiveError> {
        let mut directives = Self::default();
        if ours.is_empty() {
            return Ok(directives);
        }
        let found = Found::collect(ours);
        for (row, slots) in found.0.iter().enumerate() {
            let (namespace, slot) = match slots.native {
                Slot::Empty => (PORTKEY_NAMESPACE, slots.alias),
                Slot::One(_) | Slot::Several => (NAMESPACE, slots.native),
            };
            directives.read(row, namespace, slot)?;
        }
        Ok(directives)
    }

    fn read(&mut self, row: usize, namespace: &str, slot: Slot<'_>) -> Result<(), DirectiveError> {
        let header = &REQUEST[row];
        let name = || format!("{namespace}{}", header.suffix);
        match slot {
            Slot::Empty => Ok(()),
            Slot::Several => match header.lines {
                Lines::One => Err(DirectiveError::Repeated { name: name() }),
                Lines::Many => Ok(()),
            },
            Slot::One(value) => {
                let raw = value.as_bytes().trim_ascii();
                (header.read)(self, raw).map_err(|reason| DirectiveError::Invalid {
                    name: name(),
                    reason,
                })
            }
        }
    }
}

/// The lines of one header, without empty ones.
#[derive(Clone, Copy, Default)]
enum Slot<'h> {
    #[default]
    Empty,
    One(&'h HeaderValue),
    Several,
}

impl<'h> Slot<'h> {
    fn add(&mut self, value: &'h HeaderValue) {
        if value.as_bytes().trim_ascii().is_empty() {
            return;
        }
        *self = match self {
            Self::Empty => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }
}

/// The lines of one row of the table: those of its native name, and those of Portkey's.
#[derive(Clone, Copy, Default)]
struct Slots<'h> {
    native: Slot<'h>,
    alias: Slot<'h>,
}

/// The lines by table row. Unknown names of the namespace have no row.
struct Found<'h>([Slots<'h>; REQUEST_HEADERS]);

impl<'h> Found<'h> {
    fn collect(ours: &[Line<'h>]) -> Self {
        let mut found = Found([Slots::default(); REQUEST_HEADERS]);
        for (name, value) in ours {
            let name = name.as_str();
            let native = name.strip_prefix(NAMESPACE);
            let Some(suffix) = native.or_else(|| name.strip_prefix(PORTKEY_NAMESPACE)) else {
                continue;
            };
            if let Some(row) = REQUEST.iter().position(|header| header.suffix == suffix) {
                let slots = &mut found.0[row];
                let slot = match native {
                    Some(_) => &mut slots.native,
                    None => &mut slots.alias,
                };
                slot.add(value);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
