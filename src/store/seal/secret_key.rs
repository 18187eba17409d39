//! The setting `secret_key`: which texts are good enough, and the keys derived from them.

use std::sync::Arc;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::{
    aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
};

use crate::secret::Secret;

pub(super) const HOW_TO_MAKE: &str = "make one with `openssl rand -base64 32`";
/// The least number of bytes.
const LENGTH: usize = 32;
/// Random bytes repeat less: of 32, fewer than this many different ones never happen.
const DIFFERENT: usize = 16;
/// How many bytes of the key's id; it is only compared with the ids of the other keys.
const ID_LENGTH: usize = 8;

/// Why a text cannot be a `secret_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    #[error("must be base64 or hexadecimal; {HOW_TO_MAKE}")]
    Encoding,
    #[error("must hold at least {LENGTH} bytes; {HOW_TO_MAKE}")]
    Short,
    #[error("must be random, not a text or a pattern; {HOW_TO_MAKE}")]
    NotRandom,
    #[error("cannot be made into a key")]
    Unusable,
}

/// A key derived from a `secret_key`.
#[derive(Clone)]
pub(super) struct SealKey {
    /// Tells nothing of the key.
    pub(super) id: Arc<str>,
    pub(super) key: Arc<LessSafeKey>,
}

impl SealKey {
    pub(super) fn derive(secret_key: &Secret) -> Result<Self, WeakKey> {
        let bytes = decode(secret_key.expose().trim())?;
        if bytes.len() < LENGTH {
            return Err(WeakKey::Short);
        }
        if !looks_random(&bytes) {
            return Err(WeakKey::NotRandom);
        }
        let root = Salt::new(HKDF_SHA256, b"throughway").extract(&bytes);
        Self::expand(&root).map_err(|_| WeakKey::Unusable)
    }

    /// Expands the id and the key, which tell nothing of each other.
    fn expand(root: &Prk) -> Result<Self, Unspecified> {
        let mut id = [0; ID_LENGTH];
        root.expand(&[b"key id"], IdLength)?.fill(&mut id)?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = UnboundKey::from(root.expand(&[b"seal"], &CHACHA20_POLY1305)?);
        Ok(Self {
            id: id.into(),
            key: Arc::new(LessSafeKey::new(key)),
        })
    }
}

struct IdLength;

impl KeyType for IdLength {
    fn len(&self) -> usize {
        ID_LENGTH
    }
}

/// Hexadecimal, if all digits are; else base64 in either alphabet, padded or not.
fn decode(text: &str) -> Result<Vec<u8>, WeakKey> {
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hex(text.as_bytes()));
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = match text.contains(['-', '_']) {
        true => &alphabet::URL_SAFE,
        false => &alphabet::STANDARD,
    };
    let decoded = GeneralPurpose::new(alphabet, config).decode(text);
    let decoded = decoded.map_err(|_| WeakKey::Encoding)?;
    // Words are valid base64, too. Of 43 random characters, both cases are always among them.
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    match is_mixed || decoded.len() < LENGTH {
        true => Ok(decoded),
        false => Err(WeakKey::NotRandom),
    }
}

fn hex(digits: &[u8]) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default();
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, &digit| byte << 4 | value(digit));
    let bytes = digits.chunks(2).map(byte);
    bytes.map(|byte| byte.to_le_bytes()[0]).collect()
}

/// Refuses what a person typed or a script repeated. It cannot know that a key is random.
fn looks_random(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes
        .iter()
        .for_each(|&byte| seen[usize::from(byte)] = true);
    let different = seen.iter().filter(|&&seen| seen).count();
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    different >= DIFFERENT && !is_text
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::{SealKey, WeakKey};
    use crate::secret::Secret;

    /// 32 bytes, as `openssl rand -base64 32` and `-hex 32` print them.
    const BASE64: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=";

    fn id(text: &str) -> Result<String, WeakKey> {
        SealKey::derive(&Secret::new(text)).map(|key| key.id.to_string())
    }

    #[test]
    fn weak_keys_are_refused() {
        let table = [
            ("", WeakKey::Short),
            ("hunter2", WeakKey::Short),
            ("hunter-two!", WeakKey::Encoding),
            (
                "correct horse battery staple, correct horse",
                WeakKey::Encoding,
            ),
            ("deadbeef", WeakKey::Short),
            ("yQj4nY0rXk3v9tq1mJt0Qw==", WeakKey::Short),
            (&"0".repeat(64), WeakKey::NotRandom),
            (&"0123456789abcdef".repeat(4), WeakKey::NotRandom),
            (&"zZ".repeat(22), WeakKey::NotRandom),
            (&"zy".repeat(22), WeakKey::NotRandom),
            // A passphrase, itself and in base64.
            (
                "thisismysupersecretpasswordthatislongenough1",
                WeakKey::NotRandom,
            ),
            (
                "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSBhbmQgbW9yZSB3b3Jkcw==",
                WeakKey::NotRandom,
            ),
        ];
        for (text, weakness) in table {
            assert_eq!(id(text), Err(weakness), "{text}");
        }
    }

    #[test]
    fn one_key_in_every_encoding_is_the_same_key() {
        let expected = id(BASE64).expect("a good key");
        let url_safe = BASE64.replace('+', "-").replace('/', "_");
        let bytes = STANDARD.decode(BASE64).expect("base64");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        for text in [
            url_safe,
            hex,
            BASE64.trim_end_matches('=').to_owned(),
            format!(" {BASE64}\n"),
        ] {
            assert_eq!(id(&text).as_ref(), Ok(&expected), "{text}");
        }
        assert_eq!(expected.len(), 16);
        assert!(!BASE64.contains(&expected));
    }
}
