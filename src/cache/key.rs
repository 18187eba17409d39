//! The cache key: SHA-256 over every field of a request that can change its response. Each field is
//! prefixed with its length, so different requests never have the same encoding. What is not a
//! field here does not affect the key.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use actix_http::header::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::noise::{Noise, Readers};
use crate::{
    guard::{BaseUrl, NamedBy},
    route::policy::{BodyEdit, HeaderEdit},
};

/// Change this whenever the fields or their order change: entries under the old format are then
/// never found.
const FORMAT: &[u8] = b"throughway cache key 5";

/// The key of a stored response. A one-way digest: it reveals neither the request nor a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CacheKey([u8; 32]);

/// The key is already a uniform digest, so its first eight bytes serve as the hash.
impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(first) = self.0.first_chunk() {
            state.write_u64(u64::from_ne_bytes(*first));
        }
    }
}

impl CacheKey {
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

/// The text is not a cache key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cache key has 64 hexadecimal digits")]
pub struct NoKey;

impl FromStr for CacheKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return Err(NoKey);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = digits
                .iter()
                .try_fold(0, |high, digit| Some(high << 4 | nibble(*digit)?))
                .ok_or(NoKey)?;
        }
        Ok(CacheKey(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Separates entries into groups that can be purged together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Namespace {
    #[default]
    None,
    /// Named by a caller; its entries are still separate for each caller.
    Caller(Box<str>),
    /// Named by the settings; its entries are shared by all callers.
    Settings(Box<str>),
}

impl Namespace {
    /// Entries are shared by all callers.
    pub fn is_shared(&self) -> bool {
        matches!(self, Namespace::Settings(_))
    }
}

/// A target and the changes made to the request for it. Has no `Debug`: edits may contain keys.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub base: &'a BaseUrl,
    /// Decides which certificate roots and addresses are accepted, so it is part of the key.
    pub named_by: NamedBy,
    /// The caller's own credentials are sent to the target.
    pub gets_credentials: bool,
    pub edits: &'a [HeaderEdit],
    /// The fingerprint of a credential of the operator's.
    pub credential: Option<&'a [u8; 32]>,
    pub override_params: &'a [BodyEdit],
    /// The prefix that is removed from the body's `model`.
    pub model_prefix: Option<&'a str>,
}

/// All fields of a request that enter the key. Has no `Debug`: it contains credentials.
#[derive(Clone)]
pub struct Request<'a> {
    pub namespace: &'a Namespace,
    /// The caller: a digest of all credentials of the request, or `None` if it has none. Not part
    /// of the key where callers share entries.
    pub caller: Option<&'a [u8; 32]>,
    /// The targets whose conditions match, in the order of the plan.
    pub targets: &'a [Target<'a>],
    pub method: &'a str,
    /// Raw, not percent-decoded.
    pub path: &'a str,
    /// Raw; where callers share entries, without the parameters that carry credentials.
    pub query: Option<&'a str>,
    /// The headers that are forwarded, without those that carry the caller's credentials.
    pub headers: Vec<(&'a HeaderName, &'a HeaderValue)>,
    /// The headers among them that the key leaves out.
    pub noise: &'a Noise,
    pub body: &'a BodyDigest,
}

/// A digest of a body. Costly for long bodies.
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    pub fn of(body: &[u8]) -> Self {
        BodyDigest(Sha256::digest(body).into())
    }
}

impl Request<'_> {
    pub fn key(mut self) -> CacheKey {
        let mut fields = Fields::new(FORMAT);
        self.put_caller(&mut fields);
        let mut long = LongTexts::default();
        fields.list(self.targets, |fields, target| target.put(fields, &mut long));
        fields.field(self.method.as_bytes());
        fields.field(self.path.as_bytes());
        fields.option(self.query.map(str::as_bytes));
        self.put_headers(&mut fields);
        fields.field(&self.body.0);
        fields.key()
    }

    fn put_caller(&self, fields: &mut Fields) {
        let (kind, name): (&[u8], &str) = match self.namespace {
            Namespace::None => (b"none", ""),
            Namespace::Caller(name) => (b"caller", name),
            Namespace::Settings(name) => (b"settings", name),
        };
        fields.field(kind);
        fields.field(name.as_bytes());
        if self.namespace.is_shared() {
            return;
        }
        fields.field(b"credentials");
        fields.option(self.caller.map(|digest| &digest[..]));
    }

    /// Callers without a credential share their entries.
    fn readers(&self) -> Readers {
        match (self.namespace.is_shared(), self.caller) {
            (true, _) | (false, None) => Readers::Others,
            (false, Some(_)) => Readers::Caller,
        }
    }

    /// Sorted by name, since the order of different names has no meaning. Lines with the same name
    /// keep their order.
    fn put_headers(&mut self, fields: &mut Fields) {
        let readers = self.readers();
        let lines = &mut self.headers;
        self.noise.strip(lines, readers);
        lines.sort_by_key(|(name, _)| name.as_str());
        fields.list(lines, |fields, (name, value)| {
            fields.field(name.as_str().as_bytes());
            fields.field(value.as_bytes());
        });
    }
}

impl Target<'_> {
    fn put(&self, fields: &mut Fields, long: &mut LongTexts) {
        fields.field(self.base.origin().as_bytes());
        fields.field(self.base.raw_path().as_bytes());
        fields.option(self.base.raw_query().map(str::as_bytes));
        fields.flag(self.named_by == NamedBy::Settings);
        fields.flag(self.gets_credentials);
        fields.option(self.credential.map(|it| &it[..]));
        fields.list(self.edits, |fields, (name, value)| {
            fields.field(name.as_str().as_bytes());
            fields.option(value.as_ref().map(HeaderValue::as_bytes));
        });
        fields.list(self.override_params, |fields, (name, value)| {
            long.put(name, fields);
            long.put(value, fields);
        });
        fields.option(self.model_prefix.map(str::as_bytes));
    }
}

/// Digests of long texts. A text that several targets share is hashed once.
#[derive(Default)]
struct LongTexts(HashMap<*const u8, [u8; 32]>);

impl LongTexts {
    /// Texts longer than a digest are replaced by their digest.
    fn put(&mut self, text: &Arc<str>, fields: &mut Fields) {
        let is_long = text.len() > 32;
        fields.flag(is_long);
        if !is_long {
            return fields.field(text.as_bytes());
        }
        // Equal addresses mean the same text: all texts are alive during this call.
        let digest = self
            .0
            .entry(text.as_ptr())
            .or_insert_with(|| Sha256::digest(text.as_bytes()).into());
        fields.field(&digest[..]);
    }
}

/// Usual size in bytes of all fields together.
const USUAL_SIZE: usize = 2048;

/// An unambiguous encoding of a list of fields, hashed at the end.
struct Fields(Vec<u8>);

impl Fields {
    fn new(format: &[u8]) -> Self {
        let mut fields = Fields(Vec::with_capacity(USUAL_SIZE));
        fields.field(format);
        fields
    }

    fn field(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn option(&mut self, bytes: Option<&[u8]>) {
        self.flag(bytes.is_some());
        if let Some(bytes) = bytes {
            self.field(bytes);
        }
    }

    fn list<T>(&mut self, items: &[T], mut put: impl FnMut(&mut Self, &T)) {
        self.number(items.len());
        items.iter().for_each(|item| put(self, item));
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    /// Four bytes; twelve for a number that does not fit into them.
    fn number(&mut self, number: usize) {
        match u32::try_from(number) {
            Ok(number) if number < u32::MAX => self.0.extend_from_slice(&number.to_be_bytes()),
            _ => {
                self.0.extend_from_slice(&u32::MAX.to_be_bytes());
                self.0.extend_from_slice(&(number as u64).to_be_bytes());
            }
        }
    }

    fn key(self) -> CacheKey {
        CacheKey(Sha256::digest(&self.0).into())
    }
}

#[cfg(test)]
mod tests;
