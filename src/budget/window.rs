//! When a budget begins anew: the window that contains an instant, by the calendar of a time zone.
//! Counts are stored under the start of their window, so that nothing is ever reset.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// The time that an amount is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// All time.
    Total,
    Calendar(Calendar),
}

/// Days, weeks or months of a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub period: Period,
    pub zone: TimeZone,
    pub week_start: Weekday,
}

/// How long a window of the calendar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Week,
    Month,
}

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: Timestamp,
    /// The first instant that is not in it; `None`: it has no end.
    pub end: Option<Timestamp>,
}

impl Window {
    /// The window that contains an instant.
    pub fn at(&self, instant: Timestamp) -> Span {
        match self {
            Window::Total => Span {
                start: Timestamp::UNIX_EPOCH,
                end: None,
            },
            Window::Calendar(calendar) => calendar.at(instant),
        }
    }

    /// As it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Window::Total => "total",
            Window::Calendar(calendar) => calendar.period.name(),
        }
    }

    /// An instant as the window's time zone writes it.
    pub fn shown(&self, instant: Timestamp) -> String {
        let zone = match self {
            Window::Total => return instant.to_string(),
            Window::Calendar(calendar) => &calendar.zone,
        };
        match *zone == TimeZone::UTC {
            true => instant.to_string(),
            false => {
                let offset = zone.to_offset(instant);
                instant.display_with_offset(offset).to_string()
            }
        }
    }
}

impl Period {
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }
}

impl Calendar {
    fn at(&self, instant: Timestamp) -> Span {
        let date = self.zone.to_datetime(instant).date();
        let (first, next) = self.days(date);
        let (mut start, mut end) = (self.begin_of(first), self.begin_of(next));
        if end <= instant {
            // Clocks were put back over midnight: the day after has begun once already.
            let (first, next) = self.days(next);
            (start, end) = (self.begin_of(first), self.begin_of(next));
        }
        Span {
            start: start.min(instant),
            end: Some(end),
        }
    }

    /// The first day of the window that has this day, and of the next one.
    fn days(&self, date: Date) -> (Date, Date) {
        let (first, length) = match self.period {
            Period::Day => (date, 1.day()),
            Period::Week => {
                let passed = date.weekday().since(self.week_start);
                (date.saturating_sub(i64::from(passed).days()), 1.week())
            }
            Period::Month => (date.first_of_month(), 1.month()),
        };
        (first, first.saturating_add(length))
    }

    /// The first instant of a day. Where midnight is skipped, the first one after it.
    fn begin_of(&self, date: Date) -> Timestamp {
        let midnight = date.to_zoned(self.zone.clone());
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(period: Period, zone: &str, week_start: Weekday) -> Window {
        Window::Calendar(Calendar {
            period,
            zone: TimeZone::get(zone).expect("a bundled zone"),
            week_start,
        })
    }

    fn day(zone: &str) -> Window {
        calendar(Period::Day, zone, Weekday::Monday)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_window_is_one_of_the_calendar() {
        use Period::{Month, Week};
        use Weekday::{Monday, Saturday, Sunday};
        let month = |zone| calendar(Month, zone, Monday);
        for (window, instant, start, end, hours) in [
            // Berlin: clocks go forward on 29 March 2026 and back on 25 October.
            (
                day("Europe/Berlin"),
                "2026-03-29T12:00:00+02:00",
                "2026-03-29T00:00:00+01:00",
                "2026-03-30T00:00:00+02:00",
                23,
            ),
            (
                day("Europe/Berlin"),
                "2026-10-25T02:30:00+01:00",
                "2026-10-25T00:00:00+02:00",
                "2026-10-26T00:00:00+01:00",
                25,
            ),
            (
                month("Europe/Berlin"),
                "2026-03-31T23:59:59+02:00",
                "2026-03-01T00:00:00+01:00",
                "2026-04-01T00:00:00+02:00",
                743,
            ),
            // Sao Paulo skipped midnight when its clocks went forward, and at their return had the
            // last hour of 17 February 2018 twice.
            (
                day("America/Sao_Paulo"),
                "2018-11-04T09:00:00-02:00",
                "2018-11-04T01:00:00-02:00",
                "2018-11-05T00:00:00-02:00",
                23,
            ),
            (
                day("America/Sao_Paulo"),
                "2018-02-17T23:30:00-03:00",
                "2018-02-17T00:00:00-02:00",
                "2018-02-18T00:00:00-03:00",
                25,
            ),
            (
                day("Asia/Tokyo"),
                "2026-11-22T14:59:59Z",
                "2026-11-22T00:00:00+09:00",
                "2026-11-23T00:00:00+09:00",
                24,
            ),
            // Apia had no 30 December 2011.
            (
                day("Pacific/Apia"),
                "2011-12-29T23:59:59-10:00",
                "2011-12-29T00:00:00-10:00",
                "2011-12-31T00:00:00+14:00",
                24,
            ),
            (
                day("Pacific/Apia"),
                "2011-12-31T00:00:00+14:00",
                "2011-12-31T00:00:00+14:00",
                "2012-01-01T00:00:00+14:00",
                24,
            ),
            // St. John's put its clocks back at one minute past midnight: 29 October began twice,
            // and the first time counts.
            (
                day("America/St_Johns"),
                "2006-10-28T23:30:00-03:30",
                "2006-10-29T00:00:00-02:30",
                "2006-10-30T00:00:00-03:30",
                25,
            ),
            (
                day("UTC"),
                "2028-02-29T00:00:00Z",
                "2028-02-29T00:00:00Z",
                "2028-03-01T00:00:00Z",
                24,
            ),
            (
                month("UTC"),
                "2028-02-29T23:59:59Z",
                "2028-02-01T00:00:00Z",
                "2028-03-01T00:00:00Z",
                29 * 24,
            ),
            (
                month("UTC"),
                "2026-12-31T12:00:00Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
                31 * 24,
            ),
            // 22 November 2026 is a Sunday.
            (
                calendar(Week, "UTC", Monday),
                "2026-11-22T23:59:59Z",
                "2026-11-16T00:00:00Z",
                "2026-11-23T00:00:00Z",
                168,
            ),
            (
                calendar(Week, "UTC", Sunday),
                "2026-11-22T00:00:00Z",
                "2026-11-22T00:00:00Z",
                "2026-11-29T00:00:00Z",
                168,
            ),
            (
                calendar(Week, "Europe/Berlin", Saturday),
                "2026-03-28T00:00:00+01:00",
                "2026-03-28T00:00:00+01:00",
                "2026-04-04T00:00:00+02:00",
                167,
            ),
        ] {
            let span = window.at(at(instant));
            assert_eq!(span.start, at(start), "{window:?} {instant}");
            assert_eq!(span.end, Some(at(end)), "{window:?} {instant}");
            let length = at(end).duration_since(at(start)).as_hours();
            assert_eq!(length, hours, "{window:?} {instant}");
        }
        let total = Window::Total.at(at("2026-11-22T00:00:00Z"));
        assert_eq!((total.start, total.end), (Timestamp::UNIX_EPOCH, None));
    }

    #[test]
    fn an_instant_is_shown_in_the_windows_zone() {
        let instant = at("2026-11-22T23:00:00Z");
        let shown = day("Europe/Berlin").shown(instant);
        assert_eq!(shown, "2026-11-23T00:00:00+01:00");
        assert_eq!(day("UTC").shown(instant), "2026-11-22T23:00:00Z");
    }

    proptest! {
        /// Windows cover all time without gap or overlap, whatever the clocks did.
        #[test]
        fn every_instant_is_in_one_window(
            second in 0_i64..4_000_000_000,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo", "Pacific/Apia",
                "America/St_Johns", "Africa/Casablanca", "Asia/Gaza", "America/Havana",
                "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu",
            ]),
            period in prop::sample::select(vec![Period::Day, Period::Week, Period::Month]),
        ) {
            let window = calendar(period, zone, Weekday::Monday);
            let instant = Timestamp::from_second(second).unwrap();
            let span = window.at(instant);
            let end = span.end.unwrap();
            prop_assert!(span.start <= instant && instant < end);
            prop_assert_eq!(window.at(span.start), span);
            prop_assert_eq!(window.at(end - 1.second()), span);
            prop_assert_eq!(window.at(end).start, end);
        }
    }
}
