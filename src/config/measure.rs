//! The kinds of settings that measure: durations and sizes, with or without `none`.
//! Which of them a setting takes, and its default, is decided elsewhere.

use std::time::Duration;

use super::value::{Kind, read_as_kind};

read_as_kind!(
    Period,
    Delay,
    ByteSize,
    Unlimited<Period>,
    Unlimited<ByteSize>
);

/// A week: a longer wait is a slip of the keyboard.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A duration that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl Kind for Period {
    const EXPECTED: &'static str =
        "a duration such as 250ms, 5s, 1m or 2h, or whole milliseconds; above zero, at most 168h";

    fn from_text(text: &str) -> Option<Self> {
        duration(text).filter(|it| !it.is_zero()).map(Self)
    }

    fn from_whole(number: u64) -> Option<Self> {
        milliseconds(number).filter(|it| !it.is_zero()).map(Self)
    }
}

/// A duration that may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Duration);

impl Kind for Delay {
    const EXPECTED: &'static str =
        "a duration such as 250ms, 5s, 1m or 2h, or whole milliseconds; zero or more, at most 168h";

    fn from_text(text: &str) -> Option<Self> {
        duration(text).map(Self)
    }

    fn from_whole(number: u64) -> Option<Self> {
        milliseconds(number).map(Self)
    }
}

fn milliseconds(count: u64) -> Option<Duration> {
    Some(Duration::from_millis(count)).filter(|it| *it <= LONGEST)
}

/// Plain digits are milliseconds, as in the config object.
fn duration(text: &str) -> Option<Duration> {
    let (count, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        _ => return None,
    };
    milliseconds(count.checked_mul(factor)?)
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Kind for ByteSize {
    const EXPECTED: &'static str =
        "a size such as 64KiB, 32MiB, 1GiB, 500kB, 32MB or 1GB, or whole bytes; at most 1024GiB";

    fn from_text(text: &str) -> Option<Self> {
        let (count, unit) = number_and_unit(text)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "mb" => 1000 * 1000,
            "gb" => 1000 * 1000 * 1000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        };
        Self::from_whole(count.checked_mul(factor)?)
    }

    fn from_whole(number: u64) -> Option<Self> {
        (number <= 1 << 40).then_some(Self(number))
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}

/// A value, or `none` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlimited<T>(pub Option<T>);

impl<T: OrNone> Kind for Unlimited<T> {
    const EXPECTED: &'static str = T::OR_NONE;

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self(None)),
            _ => T::from_text(text).map(|it| Self(Some(it))),
        }
    }

    fn from_whole(number: u64) -> Option<Self> {
        T::from_whole(number).map(|it| Self(Some(it)))
    }
}

/// A kind that can be switched off with the word `none`.
pub trait OrNone: Kind {
    /// What is allowed, `none` included.
    const OR_NONE: &'static str;
}

impl OrNone for Period {
    const OR_NONE: &'static str =
        "none, or a duration such as 30s, 5m or 2h, or whole milliseconds above zero, at most 168h";
}

impl OrNone for ByteSize {
    const OR_NONE: &'static str =
        "none, or a size such as 64KiB, 32MiB, 1GiB or 32MB, or whole bytes; at most 1024GiB";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_a_unit_or_are_milliseconds() {
        let table = [
            ("250ms", Some(250)),
            ("5s", Some(5_000)),
            ("1m", Some(60_000)),
            ("2h", Some(7_200_000)),
            ("5 s", Some(5_000)),
            ("1500", Some(1_500)),
            ("168h", Some(604_800_000)),
            ("169h", None),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("1m30s", None),
            ("5S", None),
            ("5d", None),
            ("99999999999999999999h", None),
            ("9999999999999999999h", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|ms| Delay(Duration::from_millis(ms)));
            assert_eq!(Delay::from_text(text), expected, "{text}");
        }
        assert_eq!(Period::from_text("0s"), None);
        assert_eq!(Period::from_whole(0), None);
        assert_eq!(
            Unlimited::<Period>::from_text("none"),
            Some(Unlimited(None))
        );
    }

    #[test]
    fn sizes_tell_binary_and_decimal_units_apart() {
        let table = [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12B", Some(12)),
            ("64KiB", Some(65_536)),
            ("32MiB", Some(33_554_432)),
            ("32MB", Some(32_000_000)),
            ("32mb", Some(32_000_000)),
            ("1GiB", Some(1_073_741_824)),
            ("1024GiB", Some(1 << 40)),
            ("1025GiB", None),
            ("32M", None),
            ("MiB", None),
            ("1.5MiB", None),
        ];
        for (text, expected) in table {
            assert_eq!(ByteSize::from_text(text), expected.map(ByteSize), "{text}");
        }
    }
}
