//! The text of a gateway key: `tw-`, 32 random base62 characters, and 6 of checksum. The checksum
//! tells a key of ours from any other text without a look-up, and finds typing errors. What is
//! stored of a key is its digest and, for people, its first characters.

use std::{borrow::Cow, fmt, str::from_utf8};

use rand::{
    CryptoRng,
    distr::{Alphanumeric, Distribution as _},
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::{base62, text::Text};

pub(super) const PREFIX: &[u8] = b"tw-";
/// Random characters: 190 bits.
const RANDOM: usize = 32;
/// Base62 digits that hold any CRC-32.
const CHECKSUM: usize = 6;
const UNCHECKED: usize = PREFIX.len() + RANDOM;
/// The bytes of every key.
pub const KEY_LENGTH: usize = UNCHECKED + CHECKSUM;

/// A gateway key: a text with our prefix and a valid checksum. Whether it was ever issued is
/// another question. Cannot be printed, and is wiped when it is dropped.
#[derive(Clone)]
pub struct GatewayKey([u8; KEY_LENGTH]);

impl GatewayKey {
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut text = [0; KEY_LENGTH];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        text[PREFIX.len()..UNCHECKED].fill_with(|| Alphanumeric.sample(rng));
        let checksum = base62::encode::<CHECKSUM>(checksum(&text[..UNCHECKED]));
        text[UNCHECKED..].copy_from_slice(&checksum);
        GatewayKey(text)
    }

    /// Does not allocate. Length and prefix are compared first, since nearly every text that is
    /// not a key fails there.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; KEY_LENGTH] = text.try_into().ok()?;
        let random = text[..UNCHECKED].strip_prefix(PREFIX)?;
        let is_base62 = random.iter().all(u8::is_ascii_alphanumeric);
        let is_whole = base62::decode(&text[UNCHECKED..]) == Some(checksum(&text[..UNCHECKED]));
        (is_base62 && is_whole).then_some(GatewayKey(*text))
    }

    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.0).into())
    }

    /// What people may be shown of it.
    pub fn display_prefix(&self) -> DisplayPrefix {
        let mut shown = [0; DisplayPrefix::SHOWN];
        shown.copy_from_slice(&self.0[PREFIX.len()..][..DisplayPrefix::SHOWN]);
        DisplayPrefix(shown)
    }

    /// The text itself. Each call is a possible leak: only show it once, to whoever made the key.
    pub fn expose(&self) -> &str {
        // A key is ASCII, so that nothing is ever replaced.
        from_utf8(&self.0).unwrap_or_default()
    }

    /// Compares in constant time.
    pub fn is_same(&self, other: &GatewayKey) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Of all that the checksum covers.
fn checksum(unchecked: &[u8]) -> u128 {
    crc32fast::hash(unchecked).into()
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewayKey(hidden)")
    }
}

impl Drop for GatewayKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The SHA-256 of a key: what is stored, and what a key is found by. A slow hash would add nothing,
/// because nobody can guess 190 random bits. Written as `sha256:` and hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time. A look-up by digest takes a time that depends on digests, but
    /// that tells nothing of use: a caller chooses a key, not its digest, and so cannot approach a
    /// stored digest byte by byte.
    pub fn matches(&self, other: &Digest) -> bool {
        let [one, two] = self.halves();
        let [other_one, other_two] = other.halves();
        (one.ct_eq(&other_one) & two.ct_eq(&other_two)).into()
    }

    /// Two numbers are compared sooner than 32 bytes.
    fn halves(&self) -> [u128; 2] {
        let mut halves = [[0; 16]; 2];
        halves[0].copy_from_slice(&self.0[..16]);
        halves[1].copy_from_slice(&self.0[16..]);
        halves.map(u128::from_ne_bytes)
    }
}

impl Text for Digest {
    const EXPECTED: &'static str = "sha256: and 64 lower-case hexadecimal digits, the digest that \
                                    `throughway keys create --offline` prints";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let digits = text.strip_prefix("sha256:").map(str::as_bytes);
        let digits: Option<&[u8; 64]> = digits.and_then(|digits| digits.try_into().ok());
        digits.and_then(from_hex).ok_or_else(Self::refusal)
    }
}

fn from_hex(digits: &[u8; 64]) -> Option<Digest> {
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let is_lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let pair = from_utf8(pair).ok().filter(|_| pair.iter().all(is_lower))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(Digest(digest))
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first random characters of a key, by which people tell keys apart: `tw-AbCd…`. The other
/// 166 bits stay unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DisplayPrefix([u8; Self::SHOWN]);

impl DisplayPrefix {
    const SHOWN: usize = 4;
}

impl Text for DisplayPrefix {
    const EXPECTED: &'static str = "tw-, the key's first 4 characters and …, such as tw-AbCd…";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let shown = text.strip_prefix("tw-").map(|it| it.trim_end_matches('…'));
        let shown = shown.and_then(|it| it.as_bytes().try_into().ok());
        let shown = shown.filter(|it: &[u8; Self::SHOWN]| it.iter().all(u8::is_ascii_alphanumeric));
        shown.map(DisplayPrefix).ok_or_else(Self::refusal)
    }
}

impl fmt::Display for DisplayPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tw-{}…", self.0.escape_ascii())
    }
}

impl fmt::Debug for DisplayPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn key(seed: u64) -> GatewayKey {
        GatewayKey::generate(&mut StdRng::seed_from_u64(seed))
    }

    proptest! {
        #[test]
        fn a_generated_key_parses_and_one_with_a_changed_byte_does_not(
            seed: u64,
            place in 0..KEY_LENGTH,
            byte: u8,
        ) {
            let key = key(seed);
            let parsed = GatewayKey::parse(key.expose().as_bytes());
            prop_assert!(parsed.is_some_and(|parsed| parsed.is_same(&key)));
            let mut changed = key.0;
            changed[place] = byte;
            prop_assert_eq!(GatewayKey::parse(&changed).is_some(), changed == key.0);
        }

        #[test]
        fn texts_that_were_not_generated_are_refused(text: Vec<u8>, tail in "[0-9A-Za-z]{38}") {
            prop_assert!(GatewayKey::parse(&text).is_none());
            // One in 2^32 of these is a key.
            let like_a_key = format!("tw-{tail}");
            prop_assert!(GatewayKey::parse(like_a_key.as_bytes()).is_none());
        }

        #[test]
        fn digests_and_prefixes_come_back_from_their_texts(seed: u64) {
            let (digest, prefix) = (key(seed).digest(), key(seed).display_prefix());
            prop_assert_eq!(Digest::from_text(&digest.to_string()), Ok(digest));
            prop_assert_eq!(DisplayPrefix::from_text(&prefix.to_string()), Ok(prefix));
        }
    }

    #[test]
    fn the_format_never_changes() {
        // Made by other means: Python's secrets, zlib.crc32 and hashlib.sha256.
        const TEXT: &str = "tw-YUiMX152Rwwp8auouG9VlWA67SL2mdg91WqzbE";
        let key = GatewayKey::parse(TEXT.as_bytes()).unwrap();
        let digest = "sha256:4fd0bf82532279de27ada6fcb785eecc\
                      6adfb5a6d49426887d559c3332f5a91b";
        assert_eq!(key.digest().to_string(), digest);
        assert_eq!(key.display_prefix().to_string(), "tw-YUiM…");
        for length in [0, 2, 3, KEY_LENGTH - 1] {
            assert!(GatewayKey::parse(&TEXT.as_bytes()[..length]).is_none());
        }
    }

    #[test]
    fn a_key_is_not_printed_and_a_digest_is_read_strictly() {
        let key = key(1);
        assert_eq!(format!("{key:?}"), "GatewayKey(hidden)");
        let digest = key.digest().to_string();
        let upper = format!("sha256:{}", digest["sha256:".len()..].to_uppercase());
        let without_prefix = &digest["sha256:".len()..];
        for refused in [
            &upper[..],
            without_prefix,
            &digest[..70],
            &format!("{digest}0"),
            "",
        ] {
            assert!(Digest::from_text(refused).is_err(), "{refused}");
        }
        for refused in ["tw-abc…", "tw-abcde…", "AbCd…", "tw-ab d…", ""] {
            assert!(DisplayPrefix::from_text(refused).is_err(), "{refused}");
        }
    }
}
