//! Times and durations as people give them to `throughway keys`.

use std::time::Duration;

use jiff::Timestamp;

/// A duration in whole seconds, minutes, hours, days or weeks.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    parse(text).ok_or("must be a duration such as 30m, 12h or 90d")
}

/// When something ends: a time, or a duration from now on.
pub fn end(text: &str) -> Result<Timestamp, &'static str> {
    end_from(text, Timestamp::now())
}

fn end_from(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    const EXPECTED: &str = "must be a time with an offset such as 2027-01-31T00:00:00Z, or a \
                            duration such as 12h or 90d";
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let duration = parse(text).ok_or(EXPECTED)?;
    let end = now.checked_add(duration).map_err(|_| EXPECTED)?;
    // Nobody means a part of a second.
    Timestamp::from_second(end.as_second()).map_err(|_| EXPECTED)
}

fn parse(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return None,
    };
    let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = is_number.then(|| count.parse().ok())??;
    count.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_a_duration_from_now() {
        let now = "2026-11-22T12:00:00.75Z".parse().unwrap();
        for (text, expected) in [
            ("2027-01-31T00:00:00Z", Some("2027-01-31T00:00:00Z")),
            ("2027-01-31T01:00:00+01:00", Some("2027-01-31T00:00:00Z")),
            ("90s", Some("2026-11-22T12:01:30Z")),
            ("12h", Some("2026-11-23T00:00:00Z")),
            ("30d", Some("2026-12-22T12:00:00Z")),
            ("1w", Some("2026-11-29T12:00:00Z")),
            ("2027-01-31", None),
            ("30", None),
            ("+1h", None),
            ("1.5h", None),
            ("d", None),
            ("1é", None),
            ("99999999999999999999d", None),
            ("999999999999d", None),
            ("", None),
        ] {
            let end = end_from(text, now).ok().map(|it| it.to_string());
            assert_eq!(end.as_deref(), expected, "{text}");
        }
    }
}
