//! The kinds of settings with a unit: counts, durations and sizes. The field of a setting says
//! which kind it takes, and its default.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value as Json;

use super::kind::{Kind, Shown, described};

described!({const MOST: usize} Count<MOST>, {const ZERO: bool} Span<ZERO>, Retention, ByteSize, Share);

/// A whole number from 1 to `MOST`.
pub struct Count<const MOST: usize>;

impl<const MOST: usize> Kind for Count<MOST> {
    type Value = usize;
    const TYPES: &'static [&'static str] = &["integer", "string"];
    const NAME: &'static str = "whole number";
    const EXPECTED: &'static str = "a whole number";

    fn name() -> Cow<'static, str> {
        format!("1 to {MOST}").into()
    }

    fn expected() -> Cow<'static, str> {
        format!("a whole number from 1 to {MOST}").into()
    }

    fn from_text(text: &str) -> Option<usize> {
        text.parse().ok().and_then(Self::from_whole)
    }

    fn from_whole(number: u64) -> Option<usize> {
        let number = usize::try_from(number).ok()?;
        (1..=MOST).contains(&number).then_some(number)
    }
}

impl Shown for usize {
    fn shown(&self) -> Json {
        (*self).into()
    }
}

/// A week: a longer time is certainly a mistake.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A duration that is not zero.
pub type Period = Span<false>;
/// A duration that may be zero.
pub type Delay = Span<true>;

/// A duration; `ZERO`: it may be zero.
pub struct Span<const ZERO: bool>;

impl<const ZERO: bool> Kind for Span<ZERO> {
    type Value = Duration;
    const TYPES: &'static [&'static str] = &["string", "integer"];
    const NAME: &'static str = match ZERO {
        true => "duration",
        false => "duration above zero",
    };
    const EXPECTED: &'static str = match ZERO {
        true => {
            "a duration such as 250ms, 5s, 1m or 2h, or whole milliseconds; zero or more, at \
             most 168h"
        }
        false => {
            "a duration such as 250ms, 5s, 1m or 2h, or whole milliseconds; above zero, at most \
             168h"
        }
    };

    fn from_text(text: &str) -> Option<Duration> {
        duration(text).filter(|it| ZERO || !it.is_zero())
    }

    fn from_whole(number: u64) -> Option<Duration> {
        milliseconds(number).filter(|it| ZERO || !it.is_zero())
    }
}

/// How long something is kept that grows without bound: at least a day, which is what replicas that
/// follow a store may be behind.
pub struct Retention;

const DAY: Duration = Duration::from_secs(24 * 3600);
const LONGEST_RETENTION: Duration = Duration::from_secs(3650 * 24 * 3600);

impl Kind for Retention {
    type Value = Duration;
    const NAME: &'static str = "duration of a day or more";
    const EXPECTED: &'static str = "a duration such as 30d or 720h, from 1d to 3650d";

    fn from_text(text: &str) -> Option<Duration> {
        let (count, unit) = number_and_unit(text)?;
        let seconds = match unit {
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return None,
        };
        let retention = Duration::from_secs(count.checked_mul(seconds)?);
        (DAY..=LONGEST_RETENTION)
            .contains(&retention)
            .then_some(retention)
    }
}

fn milliseconds(count: u64) -> Option<Duration> {
    Some(Duration::from_millis(count)).filter(|it| *it <= LONGEST)
}

/// Plain digits are milliseconds, as in the config object.
pub fn duration(text: &str) -> Option<Duration> {
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

/// The duration in the largest unit in which it is a whole number.
impl Shown for Duration {
    fn shown(&self) -> Json {
        let ms = self.as_millis();
        let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
        let whole = units
            .iter()
            .find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
        whole.map_or_else(
            || "0s".into(),
            |(unit, name)| format!("{}{name}", ms / unit).into(),
        )
    }
}

/// A share, in millionths.
pub struct Share;

impl Share {
    pub const WHOLE: u32 = 1_000_000;
    /// Millionths in a hundredth.
    const PERCENT: u32 = 10_000;
}

impl Kind for Share {
    type Value = u32;
    const NAME: &'static str = "share";
    const EXPECTED: &'static str =
        "a share from 0% to 100% with at most four decimals, such as 10% or 0.5%";

    fn from_text(text: &str) -> Option<u32> {
        let (whole, decimals) = match text.strip_suffix('%')?.split_once('.') {
            Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
            Some(_) => return None,
            None => (text.strip_suffix('%')?, "0"),
        };
        let are_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
        if !are_digits(whole) || !are_digits(decimals) || decimals.len() > 4 {
            return None;
        }
        let decimals: u32 = format!("{decimals:0<4}").parse().ok()?;
        let whole = whole.parse::<u32>().ok()?.checked_mul(Self::PERCENT)?;
        let share = whole.checked_add(decimals)?;
        (share <= Self::WHOLE).then_some(share)
    }
}

/// The share in percent.
impl Shown for u32 {
    fn shown(&self) -> Json {
        let (whole, rest) = (self / Share::PERCENT, self % Share::PERCENT);
        let decimals = format!("{rest:04}");
        match decimals.trim_end_matches('0') {
            "" => format!("{whole}%").into(),
            decimals => format!("{whole}.{decimals}%").into(),
        }
    }
}

/// A size in bytes.
pub struct ByteSize;

impl Kind for ByteSize {
    type Value = u64;
    const TYPES: &'static [&'static str] = &["string", "integer"];
    const NAME: &'static str = "size";
    const EXPECTED: &'static str =
        "a size such as 64KiB, 32MiB, 1GiB, 500kB, 32MB or 1GB, or whole bytes; at most 1024GiB";

    fn from_text(text: &str) -> Option<u64> {
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

    fn from_whole(number: u64) -> Option<u64> {
        (number <= 1 << 40).then_some(number)
    }
}

/// The size in the largest binary unit in which it is a whole number.
impl Shown for u64 {
    fn shown(&self) -> Json {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let whole = units
            .iter()
            .find(|(unit, _)| self >= unit && self.is_multiple_of(*unit));
        whole.map_or_else(
            || (*self).into(),
            |(unit, name)| format!("{}{name}", self / unit).into(),
        )
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kind::OrNone;

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
            let expected = expected.map(Duration::from_millis);
            assert_eq!(Delay::from_text(text), expected, "{text}");
        }
        assert_eq!(Period::from_text("0s"), None);
        assert_eq!(Period::from_whole(0), None);
        assert_eq!(OrNone::<Period>::from_text("none"), Some(None));
    }

    #[test]
    fn a_retention_takes_days_or_hours() {
        let table = [
            ("24h", Some(24)),
            ("1d", Some(24)),
            ("365d", Some(8760)),
            ("3650d", Some(87_600)),
            ("23h", None),
            ("0d", None),
            ("3651d", None),
            ("86400s", None),
            ("30", None),
            ("", None),
            ("9999999999999999999d", None),
        ];
        for (text, hours) in table {
            let expected = hours.map(|it| Duration::from_secs(it * 3600));
            assert_eq!(Retention::from_text(text), expected, "{text}");
        }
    }

    #[test]
    fn shares_are_percentages() {
        for (text, expected) in [
            ("0%", Some(0)),
            ("100%", Some(1_000_000)),
            ("10%", Some(100_000)),
            ("0.5%", Some(5_000)),
            ("0.0001%", Some(1)),
            ("0.00001%", None),
            ("100.1%", None),
            ("10", None),
            ("0.1", None),
            (".5%", None),
            ("5.%", None),
            ("-1%", None),
            ("%", None),
        ] {
            assert_eq!(Share::from_text(text), expected, "{text}");
            if let Some(share) = expected {
                assert_eq!(share.shown(), text);
            }
        }
    }

    #[test]
    fn sizes_distinguish_binary_and_decimal_units() {
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
            assert_eq!(ByteSize::from_text(text), expected, "{text}");
        }
    }
}
