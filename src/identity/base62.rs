//! Numbers as base62 text of a fixed width. The digits stand in ASCII order, so that texts of one
//! width sort as their numbers do.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The width in which every `u128` fits.
pub(super) const WIDTH_OF_128_BITS: usize = 22;

/// The last `N` digits of a number, with leading zeros.
pub(super) fn encode<const N: usize>(mut number: u128) -> [u8; N] {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text
}

/// `None`: a character is not a digit, or the number has more than 128 bits.
pub(super) fn decode(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0_u128, |number, byte| {
        let value = value(*byte)?;
        number.checked_mul(62)?.checked_add(value.into())
    })
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'Z' => Some(digit - b'A' + 10),
        b'a'..=b'z' => Some(digit - b'a' + 36),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back_and_sort_as_their_texts(one: u128, other: u128) {
            let texts = [one, other].map(encode::<WIDTH_OF_128_BITS>);
            prop_assert_eq!(decode(&texts[0]), Some(one));
            prop_assert_eq!(texts[0].cmp(&texts[1]), one.cmp(&other));
        }
    }

    #[test]
    fn other_characters_and_larger_numbers_are_refused() {
        assert_eq!(encode::<4>(61 * 62 + 10), *b"00zA");
        assert_eq!(decode(b""), Some(0));
        for refused in [&b"a-b"[..], b"\xff", b"zzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(decode(refused), None, "{refused:?}");
        }
    }
}
