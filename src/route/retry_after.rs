//! How long an upstream asks to wait: `Retry-After` (RFC 9110 §10.2.3) and the millisecond headers
//! of OpenAI and Azure.

use std::time::{Duration, SystemTime};

use actix_http::header::{HeaderMap, HeaderName, RETRY_AFTER};

const MILLISECONDS: [HeaderName; 2] = [
    HeaderName::from_static("retry-after-ms"),
    HeaderName::from_static("x-ms-retry-after-ms"),
];

/// The requested wait: the millisecond headers first, then `Retry-After` in seconds or as a date.
/// Invalid values count as absent, dates in the past as zero.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let fine = MILLISECONDS
        .iter()
        .find_map(|name| seconds(text(name)?, 1e-3));
    fine.or_else(|| {
        let text = text(&RETRY_AFTER)?;
        seconds(text, 1.0).or_else(|| date(text, now))
    })
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let wait = Duration::try_from_secs_f64((number * unit).max(0.0));
    Some(wait.unwrap_or(Duration::MAX))
}

fn date(text: &str, now: SystemTime) -> Option<Duration> {
    let then = httpdate::parse_http_date(text).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_parsed_and_the_most_precise_wins() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let date = "Sun, 06 Nov 1994 08:49:40 GMT";
        let earlier = "Sun, 06 Nov 1994 08:49:30 GMT";
        for (lines, expected) in [
            (&[("retry-after", "7")][..], Some(7000)),
            (&[("retry-after", "1.5")], Some(1500)),
            (&[("retry-after", "-3")], Some(0)),
            (&[("retry-after", date)], Some(3000)),
            (&[("retry-after", earlier)], Some(0)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after-ms", "20")], Some(20)),
            (&[("x-ms-retry-after-ms", "30.5")], Some(30)),
            (&[("retry-after", "7"), ("retry-after-ms", "20")], Some(20)),
            (
                &[("retry-after", "7"), ("retry-after-ms", "soon")],
                Some(7000),
            ),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name.parse().unwrap(), value.parse().unwrap());
            }
            let wait = retry_after(&headers, now).map(|wait| wait.as_millis());
            assert_eq!(wait, expected, "{lines:?}");
        }
        let mut headers = HeaderMap::new();
        headers.append(RETRY_AFTER, "1e300".parse().unwrap());
        assert_eq!(retry_after(&headers, now), Some(Duration::MAX));
    }
}
