//! Sealed secrets: values inside documents that only a holder of the `secret_key` can read. A
//! sealed value is bound to its place, so that moving its text elsewhere makes it unreadable.
//!
//! A sealed value is the JSON object `{"$sealed": "v1.KEY_ID.BASE64"}`; the base64 text holds a
//! nonce of 96 bits, the ciphertext and its tag (ChaCha20-Poly1305, RFC 8439).

pub(super) mod document;
mod secret_key;

pub use self::document::{hidden_in, hide as hide_sealed, is_sealed};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    aead::{Aad, LessSafeKey, NONCE_LEN, Nonce},
    rand::{SecureRandom as _, SystemRandom},
};
use serde_json::{Value, json};

use self::secret_key::SealKey;
pub use self::secret_key::WeakKey;
use super::object::{Kind, ObjectId};
use crate::secret::Secret;

/// The member that marks a sealed value.
const MARK: &str = "$sealed";
const VERSION: &str = "v1";

/// Why a value cannot be sealed or opened. No variant holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("`secret_key` {0}")]
    WeakKey(#[from] WeakKey),
    #[error(
        "secrets need a `secret_key` in the settings; {}",
        secret_key::HOW_TO_MAKE
    )]
    NoKeys,
    #[error(
        "the store was sealed with another `secret_key`. Set that one; to replace it, name the \
         new one first and the old one second, then run `throughway secrets rotate`"
    )]
    WrongKeys,
    #[error("{object}, {pointer}: is sealed with the key {key_id}, which is not in `secret_key`")]
    UnknownKey {
        object: ObjectId,
        pointer: String,
        key_id: String,
    },
    #[error("{object}, {pointer}: the sealed value was changed, or belongs elsewhere")]
    Forged { object: ObjectId, pointer: String },
    #[error("{object}, {pointer}: is no sealed value")]
    Malformed { object: ObjectId, pointer: String },
    #[error("the system gave no random numbers")]
    NoRandomness,
}

/// Where a sealed value stands.
#[derive(Clone, Copy, Debug)]
pub struct SealedPlace<'a> {
    pub kind: Kind,
    pub id: &'a str,
    /// The JSON pointer (RFC 6901) inside the document. Elements of an array change theirs when
    /// one before them is removed, so sealed values belong into objects.
    pub pointer: &'a str,
}

/// The keys that seal and open: the first seals, all open.
#[derive(Clone)]
pub struct SealKeys {
    first: SealKey,
    others: Vec<SealKey>,
}

impl std::fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids = self.all().map(|key| &*key.id);
        f.write_str("SealKeys")?;
        f.debug_list().entries(ids).finish()
    }
}

impl SealKeys {
    /// Keys from the settings' `secret_key`: the first seals, all open.
    ///
    /// # Errors
    /// A key is too short or not random, or there is none.
    pub fn new(secret_keys: &[Secret]) -> Result<Self, SealError> {
        let keys = secret_keys.iter().map(SealKey::derive);
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = keys.next().ok_or(SealError::NoKeys)?;
        Ok(Self {
            first,
            others: keys.collect(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &SealKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Seals a secret for its place in a document.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, place: SealedPlace<'_>, secret: &Secret) -> Result<Value, SealError> {
        let text = seal(&self.first, place.bound_to(), secret.expose())?;
        Ok(json!({ MARK: text }))
    }

    /// Opens a sealed value that stands at `place`.
    ///
    /// # Errors
    /// It is not a sealed value, is sealed with an unknown key, or stands elsewhere.
    pub fn open(&self, place: SealedPlace<'_>, value: &Value) -> Result<Secret, SealError> {
        let envelope = envelope_of(value).ok_or_else(|| place.malformed())?;
        let mut same = self.all().filter(|key| *key.id == *envelope.key_id);
        let Some(key) = same.next() else {
            return Err(SealError::UnknownKey {
                object: place.object(),
                pointer: place.pointer.to_owned(),
                key_id: envelope.key_id.to_owned(),
            });
        };
        let opened = open(&key.key, place.bound_to(), envelope.bytes);
        opened.ok_or_else(|| SealError::Forged {
            object: place.object(),
            pointer: place.pointer.to_owned(),
        })
    }

    /// Whether the value is sealed with the first key.
    pub(super) fn is_current(&self, value: &Value) -> bool {
        envelope_of(value).is_some_and(|envelope| *envelope.key_id == *self.first.id)
    }

    /// A text by which a later start recognizes its keys.
    pub(super) fn canary(&self) -> Result<String, SealError> {
        seal(&self.first, CANARY.to_owned(), CANARY)
    }

    /// Whether one of the keys made the canary, and which: `true` for the first.
    pub(super) fn check_canary(&self, canary: &str) -> Result<bool, SealError> {
        let envelope = split(canary).ok_or(SealError::WrongKeys)?;
        let mut same = self.all().filter(|key| *key.id == *envelope.key_id);
        let key = same.next().ok_or(SealError::WrongKeys)?;
        match open(&key.key, CANARY.to_owned(), envelope.bytes) {
            Some(text) if text.matches(CANARY.as_bytes()) => Ok(*key.id == *self.first.id),
            Some(_) | None => Err(SealError::WrongKeys),
        }
    }
}

const CANARY: &str = "throughway canary";

impl SealedPlace<'_> {
    /// What the ciphertext is bound to. No part holds a NUL, so no two places are the same text.
    fn bound_to(&self) -> String {
        let (kind, id, pointer) = (self.kind.name(), self.id, self.pointer);
        format!("object\0{kind}\0{id}\0{pointer}")
    }

    fn object(&self) -> ObjectId {
        ObjectId::new(self.kind, self.id)
    }

    fn malformed(&self) -> SealError {
        SealError::Malformed {
            object: self.object(),
            pointer: self.pointer.to_owned(),
        }
    }
}

struct Envelope<'a> {
    key_id: &'a str,
    /// Nonce, ciphertext and tag.
    bytes: Vec<u8>,
}

fn envelope_of(value: &Value) -> Option<Envelope<'_>> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    split(object.get(MARK)?.as_str()?)
}

fn split(text: &str) -> Option<Envelope<'_>> {
    let (version, rest) = text.split_once('.')?;
    let (key_id, base64) = rest.split_once('.')?;
    let bytes = STANDARD_NO_PAD.decode(base64).ok()?;
    (version == VERSION).then_some(Envelope { key_id, bytes })
}

fn seal(key: &SealKey, bound_to: String, plain: &str) -> Result<String, SealError> {
    let mut nonce = [0; NONCE_LEN];
    let filled = SystemRandom::new().fill(&mut nonce);
    filled.map_err(|_| SealError::NoRandomness)?;
    let mut text = plain.as_bytes().to_vec();
    let aad = Aad::from(bound_to);
    let once = Nonce::assume_unique_for_key(nonce);
    let sealed = key.key.seal_in_place_append_tag(once, aad, &mut text);
    // Only a text of 256 GiB fails here.
    sealed.map_err(|_| SealError::NoRandomness)?;
    let base64 = STANDARD_NO_PAD.encode([&nonce[..], &text].concat());
    Ok(format!("{VERSION}.{}.{base64}", key.id))
}

fn open(key: &LessSafeKey, bound_to: String, mut bytes: Vec<u8>) -> Option<Secret> {
    let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let plain = key.open_in_place(nonce, Aad::from(bound_to), text).ok()?;
    Some(Secret::new(std::str::from_utf8(plain).ok()?))
}

#[cfg(test)]
mod tests;
