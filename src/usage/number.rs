//! Reads counts and amounts from JSON scalars. What is no count is told, never guessed.

use super::UsageFlaw;

/// The largest count that is believed: beyond it a sum could not be trusted either.
const MOST: u64 = 1 << 40;

/// Billionths of a dollar, up to a million dollars for one response.
const MOST_NANO: f64 = 1e15;

/// A number of things; `None` for null, which is no report.
///
/// # Errors
/// It is negative, fractional, no number, or larger than anything possible.
pub fn count(json: &[u8]) -> Result<Option<u64>, UsageFlaw> {
    if json == b"null" {
        return Ok(None);
    }
    match digits(json) {
        Some(count) if count <= MOST => Ok(Some(count)),
        Some(_) => Err(UsageFlaw::NotACount),
        // Cohere and some servers in Lua or JavaScript write `12.0`.
        None => scaled(json, 1.0, MOST as f64)?
            .filter(|it| it.fract() == 0.0)
            .map(|it| Some(it as u64))
            .ok_or(UsageFlaw::NotACount),
    }
}

/// Seconds, in milliseconds.
///
/// # Errors
/// It is negative, no number, or larger than anything possible.
pub fn milliseconds(json: &[u8]) -> Result<Option<u64>, UsageFlaw> {
    rounded(json, 1e3, MOST as f64)
}

/// Dollars, in billionths.
///
/// # Errors
/// It is negative, no number, or larger than anything possible.
pub fn nano_dollars(json: &[u8]) -> Result<Option<u64>, UsageFlaw> {
    rounded(json, 1e9, MOST_NANO)
}

/// xAI's ticks, ten billion to a dollar, in billionths of a dollar.
///
/// # Errors
/// It is negative, no number, or larger than anything possible.
pub fn ticks(json: &[u8]) -> Result<Option<u64>, UsageFlaw> {
    rounded(json, 0.1, MOST_NANO)
}

fn rounded(json: &[u8], factor: f64, most: f64) -> Result<Option<u64>, UsageFlaw> {
    let number = scaled(json, factor, most)?;
    Ok(number.map(|it| it.round() as u64))
}

fn scaled(json: &[u8], factor: f64, most: f64) -> Result<Option<f64>, UsageFlaw> {
    if json == b"null" {
        return Ok(None);
    }
    // What Rust reads as a number beyond JSON's: infinities, and signs in front.
    let is_number = json.first().is_some_and(u8::is_ascii_digit);
    let text = std::str::from_utf8(json).ok().filter(|_| is_number);
    let number = text.and_then(|text| text.parse::<f64>().ok());
    let scaled = number.map(|number| number * factor);
    match scaled.filter(|it| (0.0..=most).contains(it)) {
        Some(scaled) => Ok(Some(scaled)),
        None => Err(UsageFlaw::NotACount),
    }
}

fn digits(json: &[u8]) -> Option<u64> {
    let is_short = (1..=19).contains(&json.len());
    let add = |sum: u64, byte: &u8| match byte {
        b'0'..=b'9' => Some(sum * 10 + u64::from(byte - b'0')),
        _ => None,
    };
    is_short.then(|| json.iter().try_fold(0, add)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_are_counts() {
        for (json, expected) in [
            ("0", Ok(Some(0))),
            ("1099511627776", Ok(Some(1 << 40))),
            ("12.0", Ok(Some(12))),
            ("1e3", Ok(Some(1000))),
            ("null", Ok(None)),
            ("1099511627777", Err(UsageFlaw::NotACount)),
            ("99999999999999999999999", Err(UsageFlaw::NotACount)),
            ("-1", Err(UsageFlaw::NotACount)),
            ("-0.0", Err(UsageFlaw::NotACount)),
            ("1.5", Err(UsageFlaw::NotACount)),
            ("1e999", Err(UsageFlaw::NotACount)),
            ("\"12\"", Err(UsageFlaw::NotACount)),
            ("true", Err(UsageFlaw::NotACount)),
            ("{", Err(UsageFlaw::NotACount)),
            ("nan", Err(UsageFlaw::NotACount)),
            ("12abc", Err(UsageFlaw::NotACount)),
            ("", Err(UsageFlaw::NotACount)),
        ] {
            assert_eq!(count(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn amounts_are_rounded_to_their_unit() {
        assert_eq!(milliseconds(b"12.3456"), Ok(Some(12_346)));
        assert_eq!(nano_dollars(b"0.000015"), Ok(Some(15_000)));
        assert_eq!(nano_dollars(b"1.5e-05"), Ok(Some(15_000)));
        assert_eq!(nano_dollars(b"0"), Ok(Some(0)));
        assert_eq!(nano_dollars(b"1000001"), Err(UsageFlaw::NotACount));
        assert_eq!(nano_dollars(b"-1"), Err(UsageFlaw::NotACount));
        assert_eq!(nano_dollars(b"inf"), Err(UsageFlaw::NotACount));
        assert_eq!(ticks(b"158500"), Ok(Some(15_850)));
    }
}
