//! How are the times and durations of log lines written?

use std::{
    fmt::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Timestamp, tz::TimeZone};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The format of a line's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Date and time in UTC: `2026-11-21T12:49:01.123456Z` (RFC 3339).
    Utc,
    /// The time of day in the machine's time zone: `12:49:01`. For a person at its terminal.
    Local,
}

impl Clock {
    /// Writes a time.
    pub fn write<W: Write + ?Sized>(self, out: &mut W, time: SystemTime) -> fmt::Result {
        match self {
            Clock::Utc => utc(out, time),
            Clock::Local => time_of_day(out, time, &TimeZone::system()),
        }
    }
}

fn time_of_day<W: Write + ?Sized>(out: &mut W, time: SystemTime, zone: &TimeZone) -> fmt::Result {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    let time = zone.to_datetime(time);
    two_digits(out, time.hour().unsigned_abs().into())?;
    for part in [time.minute(), time.second()] {
        out.write_char(':')?;
        two_digits(out, part.unsigned_abs().into())?;
    }
    Ok(())
}

fn utc<W: Write + ?Sized>(out: &mut W, time: SystemTime) -> fmt::Result {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (year, month, day) = date(seconds / DAY);
    two_digits(out, year / 100)?;
    two_digits(out, year % 100)?;
    for (separator, part) in [
        ('-', month),
        ('-', day),
        ('T', seconds % DAY / HOUR),
        (':', seconds % HOUR / MINUTE),
        (':', seconds % MINUTE),
    ] {
        out.write_char(separator)?;
        two_digits(out, part)?;
    }
    out.write_char('.')?;
    let microseconds = u64::from(since.subsec_micros());
    for part in [
        microseconds / 10_000,
        microseconds / 100 % 100,
        microseconds % 100,
    ] {
        two_digits(out, part)?;
    }
    out.write_char('Z')
}

/// Year, month and day of a day after 1970-01-01. Years are counted from March, so that the leap
/// day is the last one of a year.
fn date(days_since_epoch: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    const FROM_YEAR_0_TO_EPOCH: u64 = 719_468;
    let days = days_since_epoch + FROM_YEAR_0_TO_EPOCH;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let leap_days = day_of_era / 1460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    (year_of_era + era * 400 + next_year, month, day)
}

fn two_digits<W: Write + ?Sized>(out: &mut W, number: u64) -> fmt::Result {
    const DIGITS: &str = "00010203040506070809\
                          10111213141516171819\
                          20212223242526272829\
                          30313233343536373839\
                          40414243444546474849\
                          50515253545556575859\
                          60616263646566676869\
                          70717273747576777879\
                          80818283848586878889\
                          90919293949596979899";
    let at = (number % 100) as usize * 2;
    out.write_str(&DIGITS[at..at + 2])
}

/// A duration as a number of milliseconds, to the microsecond: `180.25`.
#[derive(Debug, Clone, Copy)]
pub struct Milliseconds(pub Duration);

impl Milliseconds {
    /// Whole milliseconds, and the microseconds beyond them; rounded.
    pub fn parts(self) -> (u64, u64) {
        let microseconds = (self.0.as_nanos() + 500) / 1000;
        let microseconds = u64::try_from(microseconds).unwrap_or(u64::MAX);
        (microseconds / 1000, microseconds % 1000)
    }
}

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.parts();
        write!(f, "{whole}")?;
        match fraction {
            0 => Ok(()),
            _ if fraction.is_multiple_of(100) => write!(f, ".{}", fraction / 100),
            _ if fraction.is_multiple_of(10) => write!(f, ".{:02}", fraction / 10),
            _ => write!(f, ".{fraction:03}"),
        }
    }
}

/// A duration for people, in the unit that suits it: `0.4 ms`, `180 ms`, `1.2 s`, `3 min 20 s`.
#[derive(Debug, Clone, Copy)]
pub struct ForPeople(pub Duration);

impl fmt::Display for ForPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0;
        let tenths_of_milliseconds = (time.as_micros() + 50) / 100;
        let tenths_of_seconds = (time.as_millis() + 50) / 100;
        if tenths_of_milliseconds < 100 {
            let tenths = tenths_of_milliseconds;
            return write!(f, "{}.{} ms", tenths / 10, tenths % 10);
        }
        let milliseconds = (time.as_micros() + 500) / 1000;
        if milliseconds < 1000 {
            return write!(f, "{milliseconds} ms");
        }
        if tenths_of_seconds < 600 {
            let tenths = tenths_of_seconds;
            return write!(f, "{}.{} s", tenths / 10, tenths % 10);
        }
        let seconds = tenths_of_seconds / 10;
        match seconds / 3600 {
            0 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            hours => write!(f, "{hours} h {} min", seconds % 3600 / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(time: SystemTime) -> String {
        let mut out = String::new();
        Clock::Utc.write(&mut out, time).unwrap();
        out
    }

    #[test]
    fn utc_has_date_and_microseconds() {
        for (nanoseconds, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000000Z"),
            (1_795_265_341_000_012_999, "2026-11-21T12:49:01.000012Z"),
            (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_nanos(nanoseconds);
            assert_eq!(shown(time), expected);
        }
    }

    #[test]
    fn the_time_of_day_is_that_of_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let mut out = String::new();
        let time = UNIX_EPOCH + Duration::from_secs(1_795_265_341);
        time_of_day(&mut out, time, &zone).unwrap();
        assert_eq!(out, "14:49:01");
    }

    #[test]
    fn durations_are_written_to_the_microsecond() {
        for (nanoseconds, expected) in [
            (0, "0"),
            (499, "0"),
            (500, "0.001"),
            (1_000_000, "1"),
            (1_234_567, "1.235"),
            (1_500_000, "1.5"),
            (180_250_000, "180.25"),
        ] {
            let time = Duration::from_nanos(nanoseconds);
            assert_eq!(Milliseconds(time).to_string(), expected);
        }
    }

    #[test]
    fn durations_for_people_have_a_suitable_unit() {
        for (microseconds, expected) in [
            (40, "0.0 ms"),
            (1_449, "1.4 ms"),
            (9_949, "9.9 ms"),
            (9_950, "10 ms"),
            (180_250, "180 ms"),
            (999_499, "999 ms"),
            (999_500, "1.0 s"),
            (1_000_000, "1.0 s"),
            (1_249_000, "1.2 s"),
            (59_949_000, "59.9 s"),
            (59_950_000, "1 min 0 s"),
            (200_000_000, "3 min 20 s"),
            (3_599_940_000, "59 min 59 s"),
            (3_599_950_000, "1 h 0 min"),
            (9_000_000_000, "2 h 30 min"),
        ] {
            let time = Duration::from_micros(microseconds);
            assert_eq!(ForPeople(time).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(seconds in 0..253_402_300_800_u64) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let expected = Timestamp::from_second(seconds.cast_signed()).unwrap();
            let expected = expected.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
            prop_assert_eq!(shown(time), expected);
        }
    }
}
