//! Amounts of US dollars, counted in billionths: no sum of many small costs may drift.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

const DECIMALS: usize = 9;
const DIGITS: &[u8; 10] = b"0123456789";
const BILLION: u64 = 1_000_000_000;
/// The digits of the largest amount, with its point.
const LONGEST: usize = 21;
const EXPECTED: &str = "must be US dollars from 0 to 1000000 with at most nine decimals, such as \
                        0.25 or \"0.000015\"";

/// An amount of US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd {
    nano: u64,
}

impl Usd {
    const MOST: u64 = 1_000_000_000_000_000;

    pub const ZERO: Usd = Usd { nano: 0 };

    pub fn from_nano(nano: u64) -> Self {
        Usd { nano }
    }

    /// In billionths of a dollar.
    pub fn nano(self) -> u64 {
        self.nano
    }

    /// The sum, or the most that can be counted (18 billion dollars).
    pub fn saturating_add(self, other: Usd) -> Usd {
        Usd::from_nano(self.nano.saturating_add(other.nano))
    }

    /// The amount in decimals, without zeros at their end.
    fn written(self, place: &mut [u8; LONGEST]) -> &str {
        let (mut whole, mut nano) = (self.nano / BILLION, self.nano % BILLION);
        let point = LONGEST - DECIMALS - 1;
        for digit in place[point + 1..].iter_mut().rev() {
            *digit = DIGITS[(nano % 10) as usize];
            nano /= 10;
        }
        place[point] = b'.';
        let mut begin = point;
        loop {
            begin -= 1;
            place[begin] = DIGITS[(whole % 10) as usize];
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        let written = str::from_utf8(&place[begin..]).unwrap_or_default();
        written.trim_end_matches('0').trim_end_matches('.')
    }

    /// An amount that somebody writes: a decimal number without sign or exponent.
    fn of(text: &str) -> Option<Self> {
        Self::parse(text).filter(|usd| usd.nano <= Self::MOST)
    }

    fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
        if !are_digits(whole) || !are_digits(decimals) {
            return None;
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > DECIMALS {
            return None;
        }
        let nano = format!("{decimals:0<DECIMALS$}").parse::<u64>().ok()?;
        let whole = whole.parse::<u64>().ok()?.checked_mul(BILLION)?;
        let nano = whole.checked_add(nano)?;
        Some(Usd { nano })
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written(&mut [0; LONGEST]))
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(from)? {
            Value::String(text) => text,
            Value::Number(number) => match number.as_f64() {
                // Written out: the shortest form of a small number has an exponent.
                Some(float) if number.is_f64() => float.to_string(),
                Some(_) | None => number.to_string(),
            },
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        Usd::of(&text).ok_or_else(|| D::Error::custom(EXPECTED))
    }
}

/// Reads an amount that this program has written, however large: usage that an upstream makes up
/// can cost more than anybody would write.
///
/// # Errors
/// It is no amount.
pub fn computed<'de, D: Deserializer<'de>>(from: D) -> Result<Usd, D::Error> {
    let text = Cow::<str>::deserialize(from)?;
    Usd::parse(&text).ok_or_else(|| D::Error::custom("must be an amount of US dollars"))
}

/// The same for an amount that may be absent.
///
/// # Errors
/// It is no amount.
pub fn computed_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Usd>, D::Error> {
    #[derive(Deserialize)]
    struct Computed(#[serde(deserialize_with = "computed")] Usd);
    Ok(Option::<Computed>::deserialize(from)?.map(|it| it.0))
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.written(&mut [0; LONGEST]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_exact_to_a_billionth() {
        for (written, nano) in [
            (json!(0), Some(0)),
            (json!(12), Some(12_000_000_000)),
            (json!(12.00), Some(12_000_000_000)),
            (json!(0.1), Some(100_000_000)),
            (json!(0.000_000_001), Some(1)),
            (json!("0.000000015"), Some(15)),
            (json!("1000000"), Some(Usd::MOST)),
            (json!("1000000.1"), None),
            (json!(0.000_000_000_1), None),
            (json!(-1), None),
            (json!("1e3"), None),
            (json!("1."), None),
            (json!(".5"), None),
            (json!("$1"), None),
            (json!("99999999999999999999"), None),
            (json!(true), None),
            (json!(null), None),
        ] {
            let read = serde_json::from_value::<Usd>(written.clone()).ok();
            assert_eq!(read.map(Usd::nano), nano, "{written}");
            let shown = read.map(|it| it.to_string());
            let again = shown.and_then(|it| Usd::of(&it));
            assert_eq!(again, read, "{written}");
        }
        for (nano, written) in [
            (0, "0"),
            // More than anybody may write.
            (2_748_779_069_450_000, "2748779.06945"),
            (15_000, "0.000015"),
            (100 * BILLION, "100"),
            (12 * BILLION + 500_000_000, "12.5"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            let usd = Usd { nano };
            assert_eq!(usd.to_string(), written);
            assert_eq!(json!(usd), json!(written));
            let read = computed_option(json!(written)).expect("an amount");
            assert_eq!(read, Some(usd), "{written}");
        }
    }
}
