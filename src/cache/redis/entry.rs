//! The binary form of an entry in Redis: format, checksum, purge generations, response. An entry
//! that was damaged, truncated or moved fails the checksum and is never served.

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::Purges;
use crate::cache::{
    key::CacheKey,
    stored_response::{DecodeError, StoredResponse},
};

/// The first bytes of every entry; change them whenever the form changes. The form before this one
/// had no marker and started with random bytes.
const FORMAT: [u8; 4] = *b"twa2";
/// Size of the checksum, stored in network order.
const CHECKSUM: usize = size_of::<u128>();
/// Size of the purge generations.
const PURGES: usize = 24;

/// A decoded entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// The purge generations when its request was sent.
    pub asked: Purges,
    pub response: StoredResponse,
}

/// Why an entry cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Written by another version of the gateway, or by something else.
    OtherFormat,
    /// Changed since it was written, or stored under another key.
    Damaged,
}

/// Encodes a response for this key.
pub(super) fn encode(key: &CacheKey, asked: Purges, response: &StoredResponse) -> Vec<u8> {
    let encoded = response.encode();
    let mut entry = Vec::with_capacity(FORMAT.len() + CHECKSUM + PURGES + encoded.len());
    entry.extend_from_slice(&FORMAT);
    entry.extend_from_slice(&[0; CHECKSUM]);
    for purges in [asked.all, asked.namespace, asked.key] {
        entry.extend_from_slice(&purges.to_be_bytes());
    }
    entry.extend_from_slice(&encoded);
    let (front, checked) = entry.split_at_mut(FORMAT.len() + CHECKSUM);
    front[FORMAT.len()..].copy_from_slice(&checksum(key, checked));
    entry
}

impl Entry {
    /// Decodes what [`encode`] wrote for the same key.
    ///
    /// # Errors
    /// The bytes are damaged or have another format.
    pub fn decode(key: &CacheKey, entry: Vec<u8>) -> Result<Self, Unusable> {
        let Some(rest) = entry.strip_prefix(&FORMAT) else {
            return Err(Unusable::OtherFormat);
        };
        let (told, checked) = rest.split_first_chunk().ok_or(Unusable::Damaged)?;
        if checksum(key, checked) != *told {
            return Err(Unusable::Damaged);
        }
        let mut rest = Bytes::from(entry);
        let _ = rest.split_to(FORMAT.len() + CHECKSUM);
        let asked = purges(&mut rest).ok_or(Unusable::Damaged)?;
        match StoredResponse::decode(rest) {
            Ok(response) => Ok(Entry { asked, response }),
            Err(DecodeError::Version { .. }) => Err(Unusable::OtherFormat),
            Err(DecodeError::Damaged) => Err(Unusable::Damaged),
        }
    }
}

fn purges(entry: &mut Bytes) -> Option<Purges> {
    let mut number = || {
        let number = *entry.first_chunk()?;
        *entry = entry.split_off(number.len());
        Some(u64::from_be_bytes(number))
    };
    Some(Purges {
        all: number()?,
        namespace: number()?,
        key: number()?,
    })
}

/// Covers the key too, so an entry moved to another key is detected. Not a defence against anybody
/// who can write to Redis: they can compute the checksum.
fn checksum(key: &CacheKey, checked: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = Xxh3::new();
    hash.update(key.as_bytes());
    hash.update(checked);
    hash.digest128().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use actix_http::{StatusCode, header::HeaderMap};
    use proptest::prelude::*;

    use super::*;
    use crate::cache::stored_response::{StoredHead, UnixMillis};

    fn key(byte: u8) -> CacheKey {
        format!("{byte:02x}").repeat(32).parse().unwrap()
    }

    const ASKED: Purges = Purges {
        all: 1,
        namespace: 2,
        key: 3,
    };

    fn response(body: &str) -> StoredResponse {
        let mut headers = HeaderMap::new();
        for (name, value) in [("content-type", "application/json"), ("x-many", "1")] {
            headers.append(name.parse().unwrap(), value.parse().unwrap());
        }
        let head = Arc::new(StoredHead::new(StatusCode::OK, &headers));
        let (body, ttl) = (
            Bytes::copy_from_slice(body.as_bytes()),
            Duration::from_secs(60),
        );
        StoredResponse::new(head, body, UnixMillis(7), ttl)
    }

    fn decode_error(entry: Vec<u8>) -> Option<Unusable> {
        Entry::decode(&key(1), entry).err()
    }

    #[test]
    fn an_encoded_entry_decodes_to_itself() {
        let written = response("{\"choices\":[]}");
        let read = Entry::decode(&key(1), encode(&key(1), ASKED, &written)).unwrap();
        assert_eq!((read.asked, read.response), (ASKED, written));
    }

    #[test]
    fn an_entry_with_any_bit_or_length_changed_is_rejected() {
        let entry = encode(&key(1), ASKED, &response("{\"choices\":[]}"));
        for place in 0..entry.len() {
            for bit in 0..8 {
                let mut changed = entry.clone();
                changed[place] ^= 1 << bit;
                let expected = match place < FORMAT.len() {
                    true => Unusable::OtherFormat,
                    false => Unusable::Damaged,
                };
                assert_eq!(
                    decode_error(changed),
                    Some(expected),
                    "byte {place}, bit {bit}"
                );
            }
            assert!(
                decode_error(entry[..place].to_vec()).is_some(),
                "cut at {place}"
            );
            let mut without = entry.clone();
            without.remove(place);
            assert!(decode_error(without).is_some(), "without byte {place}");
        }
        let longer = [&entry[..], b"\0"].concat();
        assert_eq!(decode_error(longer), Some(Unusable::Damaged));
    }

    #[test]
    fn an_entry_of_another_key_is_rejected() {
        let entry = encode(&key(2), ASKED, &response("{}"));
        assert_eq!(decode_error(entry), Some(Unusable::Damaged));
    }

    #[test]
    fn an_entry_of_the_previous_format_is_not_counted_as_damaged() {
        let before = encode(&key(1), ASKED, &response("{}"));
        let before = before[FORMAT.len() + CHECKSUM..].to_vec();
        assert_eq!(decode_error(before), Some(Unusable::OtherFormat));
    }

    proptest! {
        #[test]
        fn random_bytes_are_rejected(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode_error(tail.clone()).is_some());
            prop_assert!(decode_error([&FORMAT[..], &tail].concat()).is_some());
        }

        #[test]
        fn an_overwritten_entry_is_rejected(
            place in 0.0..1.0_f64,
            over in proptest::collection::vec(any::<u8>(), 1..64),
        ) {
            let entry = encode(&key(1), ASKED, &response(&"token ".repeat(50)));
            let start = (place * entry.len() as f64) as usize;
            let end = (start + over.len()).min(entry.len());
            let mut changed = entry.clone();
            changed[start..end].copy_from_slice(&over[..end - start]);
            prop_assert!(changed == entry || decode_error(changed).is_some());
        }
    }
}
