//! How does an answer lie in Redis? Behind a format, a checksum, and the purges that it was asked
//! after. What was damaged, cut or moved there is found by the checksum, and never given.

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::Purges;
use crate::cache::{
    key::CacheKey,
    stored_response::{NoAnswer, StoredResponse},
};

/// The first bytes of every entry; others for another form. The form before had none, and began
/// with half a random number.
const FORMAT: [u8; 4] = *b"twa2";
/// Bytes of the checksum, in network order.
const CHECKSUM: usize = size_of::<u128>();
/// Bytes of the purges.
const PURGES: usize = 24;

/// An entry that can be read.
#[derive(Debug)]
pub(super) struct Entry {
    /// What was known when its request was sent.
    pub asked: Purges,
    pub answer: StoredResponse,
}

/// Why an entry cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Another version of the gateway wrote it, or something else did.
    OtherFormat,
    /// It is not as it was written, or not where.
    Damaged,
}

/// The entry of an answer under this key.
pub(super) fn encode(key: &CacheKey, asked: Purges, answer: &StoredResponse) -> Vec<u8> {
    let answer = answer.encode();
    let mut entry = Vec::with_capacity(FORMAT.len() + CHECKSUM + PURGES + answer.len());
    entry.extend_from_slice(&FORMAT);
    entry.extend_from_slice(&[0; CHECKSUM]);
    for purges in [asked.all, asked.namespace, asked.key] {
        entry.extend_from_slice(&purges.to_be_bytes());
    }
    entry.extend_from_slice(&answer);
    let (front, checked) = entry.split_at_mut(FORMAT.len() + CHECKSUM);
    front[FORMAT.len()..].copy_from_slice(&checksum(key, checked));
    entry
}

impl Entry {
    /// Reads what [`encode`] wrote under the same key.
    ///
    /// # Errors
    /// Anything else.
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
            Ok(answer) => Ok(Entry { asked, answer }),
            Err(NoAnswer::Version { .. }) => Err(Unusable::OtherFormat),
            Err(NoAnswer::Damaged) => Err(Unusable::Damaged),
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

/// Over the key, too, so that an entry under another name is told. No defence against who may write
/// to Redis: who writes an entry can write its checksum.
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

    fn answer(body: &str) -> StoredResponse {
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

    fn why_not(entry: Vec<u8>) -> Option<Unusable> {
        Entry::decode(&key(1), entry).err()
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let written = answer("{\"choices\":[]}");
        let read = Entry::decode(&key(1), encode(&key(1), ASKED, &written)).unwrap();
        assert_eq!((read.asked, read.answer), (ASKED, written));
    }

    #[test]
    fn an_entry_with_any_bit_changed_or_any_byte_less_or_more_is_not_read() {
        let entry = encode(&key(1), ASKED, &answer("{\"choices\":[]}"));
        for place in 0..entry.len() {
            for bit in 0..8 {
                let mut changed = entry.clone();
                changed[place] ^= 1 << bit;
                let expected = match place < FORMAT.len() {
                    true => Unusable::OtherFormat,
                    false => Unusable::Damaged,
                };
                assert_eq!(why_not(changed), Some(expected), "byte {place}, bit {bit}");
            }
            assert!(why_not(entry[..place].to_vec()).is_some(), "cut at {place}");
            let mut without = entry.clone();
            without.remove(place);
            assert!(why_not(without).is_some(), "without byte {place}");
        }
        let longer = [&entry[..], b"\0"].concat();
        assert_eq!(why_not(longer), Some(Unusable::Damaged));
    }

    #[test]
    fn an_entry_of_another_key_is_not_read() {
        let entry = encode(&key(2), ASKED, &answer("{}"));
        assert_eq!(why_not(entry), Some(Unusable::Damaged));
    }

    #[test]
    fn an_entry_of_the_form_before_is_told_from_a_damaged_one() {
        let before = encode(&key(1), ASKED, &answer("{}"));
        let before = before[FORMAT.len() + CHECKSUM..].to_vec();
        assert_eq!(why_not(before), Some(Unusable::OtherFormat));
    }

    proptest! {
        #[test]
        fn no_bytes_are_taken_for_an_entry(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(why_not(tail.clone()).is_some());
            prop_assert!(why_not([&FORMAT[..], &tail].concat()).is_some());
        }

        #[test]
        fn what_is_overwritten_is_not_read(
            place in 0.0..1.0_f64,
            over in proptest::collection::vec(any::<u8>(), 1..64),
        ) {
            let entry = encode(&key(1), ASKED, &answer(&"token ".repeat(50)));
            let start = (place * entry.len() as f64) as usize;
            let end = (start + over.len()).min(entry.len());
            let mut changed = entry.clone();
            changed[start..end].copy_from_slice(&over[..end - start]);
            prop_assert!(changed == entry || why_not(changed).is_some());
        }
    }
}
