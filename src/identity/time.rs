//! Points in time as documents write them: RFC 3339.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;

use super::text::Text;

/// A point in time in whole microseconds, as databases have it: half as large as a [`Timestamp`].
/// Written in UTC, whatever offset it was given with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    microseconds: i64,
}

impl Time {
    /// What ends at this time is over at `now`.
    pub fn is_past(self, now: Timestamp) -> bool {
        self <= Time::from(now)
    }
}

impl From<Timestamp> for Time {
    /// Rounds to zero.
    fn from(timestamp: Timestamp) -> Self {
        let microseconds = timestamp.as_microsecond();
        Time { microseconds }
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        // Never out of range, since it was made from a timestamp.
        Timestamp::from_microsecond(time.microseconds).unwrap_or(Timestamp::MAX)
    }
}

impl Text for Time {
    const EXPECTED: &'static str = "a date and time with an offset by RFC 3339, such as \
                                    2027-01-31T00:00:00Z";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let timestamp = text.parse::<Timestamp>();
        timestamp.map(Time::from).map_err(|_| Self::refusal())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset_and_written_in_utc() {
        for (text, expected) in [
            ("2027-01-31T00:00:00Z", Some("2027-01-31T00:00:00Z")),
            (
                "2027-01-31T01:30:00.5+01:30",
                Some("2027-01-31T00:00:00.5Z"),
            ),
            ("2027-01-31T00:00:00", None),
            ("2027-01-31", None),
            ("2027-02-30T00:00:00Z", None),
            ("tomorrow", None),
            ("", None),
        ] {
            let time = Time::from_text(text).ok().map(|it| it.to_string());
            assert_eq!(time.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_ends_at_a_time_is_over_at_that_time() {
        let end = Time::from_text("2027-01-31T00:00:00Z").unwrap();
        let (now, microsecond) = (end.into(), jiff::SignedDuration::from_micros(1));
        let at = |now: Timestamp| end.is_past(now);
        assert!(!at(now - microsecond));
        assert!(at(now) && at(now + microsecond));
    }
}
