//! Under which key is an answer kept? SHA-256 over everything that makes the request what it is to whoever gets it, each field
//! behind its length, so that no two requests can be spelled alike. Whatever is no field here is ignored by the cache.

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

/// Another beginning for another order of fields: answers kept under the old one are not found any more.
const FORMAT: &[u8] = b"throughway cache key 4";

/// The name of an answer in a store. It holds no secret, and nobody gets from it to what was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CacheKey([u8; 32]);

/// A digest needs little hashing: its first bytes are as good as any.
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

/// The text is no key.
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

/// What sets entries apart, and by what they are purged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Namespace {
    #[default]
    None,
    /// A caller's word for some of its own entries.
    Caller(Box<str>),
    /// The settings' word: all callers share the entries.
    Settings(Box<str>),
}

impl Namespace {
    /// Callers share the entries.
    pub fn is_shared(&self) -> bool {
        matches!(self, Namespace::Settings(_))
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// The name of the gateway key.
    Key(&'a str),
    /// A digest of every credential that came with the request. None at all is a caller, too.
    Credentials(Option<&'a [u8; 32]>),
}

/// A target, and what becomes of the request on the way to it. Cannot be printed: edits hold keys.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub base: &'a BaseUrl,
    /// What is dialled, and with which certificate, follows from it, too.
    pub named_by: NamedBy,
    /// The caller's own credentials cross.
    pub gets_credentials: bool,
    pub edits: &'a [HeaderEdit],
    pub override_params: &'a [BodyEdit],
    /// What is taken off the front of the body's `model`.
    pub model_prefix: Option<&'a str>,
}

/// Everything that makes a request what it is. Cannot be printed: it holds credentials.
#[derive(Clone)]
pub struct Request<'a> {
    pub namespace: &'a Namespace,
    /// Left out where callers share.
    pub caller: Caller<'a>,
    /// Those that may answer, conditions already decided, in the order of the plan.
    pub targets: &'a [Target<'a>],
    pub method: &'a str,
    /// As it came, not decoded.
    pub path: &'a str,
    /// As it came; where callers share, without the parameters that carry their credentials.
    pub query: Option<&'a str>,
    /// The lines that cross, those of one name in their order, without those that carry the caller's credentials.
    pub headers: Vec<(&'a HeaderName, &'a HeaderValue)>,
    /// Those of them that are left out.
    pub noise: &'a Noise,
    pub body: &'a BodyDigest,
}

/// A digest of a body. Of a long one it takes long.
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    pub fn of(body: &[u8]) -> Self {
        BodyDigest(Sha256::digest(body).into())
    }
}

impl Request<'_> {
    pub fn key(mut self) -> CacheKey {
        let mut fields = Fields::new(FORMAT);
        self.put_whose(&mut fields);
        let mut long = LongTexts::default();
        fields.list(self.targets, |fields, target| target.put(fields, &mut long));
        fields.field(self.method.as_bytes());
        fields.field(self.path.as_bytes());
        fields.option(self.query.map(str::as_bytes));
        self.put_headers(&mut fields);
        fields.field(&self.body.0);
        fields.key()
    }

    fn put_whose(&self, fields: &mut Fields) {
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
        match self.caller {
            Caller::Key(name) => {
                fields.field(b"key");
                fields.field(name.as_bytes());
            }
            Caller::Credentials(digest) => {
                fields.field(b"credentials");
                fields.option(digest.map(|it| &it[..]));
            }
        }
    }

    /// Callers without a credential are all one.
    fn readers(&self) -> Readers {
        match (self.namespace.is_shared(), self.caller) {
            (true, _) | (false, Caller::Credentials(None)) => Readers::Others,
            (false, Caller::Key(_) | Caller::Credentials(Some(_))) => Readers::Caller,
        }
    }

    /// Sorted by name: nobody promises an order across names.
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

/// Digests of long texts, each made once however many targets share the text.
#[derive(Default)]
struct LongTexts(HashMap<*const u8, [u8; 32]>);

impl LongTexts {
    /// A text that is longer than its digest is put as that.
    fn put(&mut self, text: &Arc<str>, fields: &mut Fields) {
        let is_long = text.len() > 32;
        fields.flag(is_long);
        if !is_long {
            return fields.field(text.as_bytes());
        }
        // Shared texts have one address, and no two texts that live at once have the same.
        let digest = self
            .0
            .entry(text.as_ptr())
            .or_insert_with(|| Sha256::digest(text.as_bytes()).into());
        fields.field(&digest[..]);
    }
}

/// Bytes that the fields of most requests take, the body aside.
const USUAL_SIZE: usize = 2048;

/// Fields of which none can be taken for a part of another, to be hashed in one go.
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

    /// Four bytes, and eight more where they are not enough.
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
