//! Reads `Content-Length` (RFC 9110 §8.6): decimal digits only. Whether the length and the other
//! lines of a head agree is judged elsewhere.

use actix_http::header::{self, HeaderMap};
use thiserror::Error;

/// The value of a `Content-Length` line is not one decimal number of at most 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Content-Length is not one decimal number")]
pub struct NotANumber;

/// The value of the first `Content-Length` line.
///
/// # Errors
/// The value is not a number.
pub fn content_length(headers: &HeaderMap) -> Result<Option<u64>, NotANumber> {
    let value = headers.get(header::CONTENT_LENGTH);
    let length = value.map(|value| decimal(value.as_bytes()).ok_or(NotANumber));
    length.transpose()
}

/// A number in decimal digits, with white space around it at most. `None` for signs and overflows.
pub fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!digits.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_digits_are_a_length() {
        for (value, length) in [
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("+5", None),
            ("-5", None),
            ("5, 5", None),
            ("0x5", None),
            ("", None),
        ] {
            assert_eq!(decimal(value.as_bytes()), length, "{value:?}");
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static(value));
            assert_eq!(content_length(&headers).ok().flatten(), length, "{value:?}");
        }
        assert_eq!(content_length(&HeaderMap::new()), Ok(None));
    }
}
