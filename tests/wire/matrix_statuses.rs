//! Rows of the fault matrix: a response with an error status. Without a config it is relayed as it
//! is. A retry tries 429, 500, 502, 503 and 504 again; a fallback without codes moves on
//! for any status from 400. When all targets have failed, the last response is relayed.

use crate::{
    matrix_faults::{self as faults, ERROR},
    matrix_rows::{failing, not_retried, rows, theirs},
};

rows! {
    throttled: failing(|| faults::throttled(""), theirs(429, ERROR));

    // Two waits of exactly what was asked for. Back-offs would be over before.
    throttled_for_seconds: Row {
        retry_takes: Some((4000, 5500)),
        ..failing(|| faults::throttled("Retry-After: 2\r\n"), theirs(429, ERROR))
    };

    // Each date is more than 1.5 s ahead.
    throttled_until_a_date: Row {
        retry_takes: Some((3000, 6500)),
        ..failing(faults::throttled_until_a_date, theirs(429, ERROR))
    };

    throttled_for_milliseconds: Row {
        retry_takes: Some((3200, 4700)),
        ..failing(|| faults::throttled("retry-after-ms: 1600\r\n"), theirs(429, ERROR))
    };

    throttled_for_milliseconds_as_azure_says_it: Row {
        retry_takes: Some((3200, 4700)),
        ..failing(|| faults::throttled("x-ms-retry-after-ms: 1600\r\n"), theirs(429, ERROR))
    };

    // Being asked to wait for more than 60 s ends retrying.
    throttled_for_too_long: not_retried(
        || faults::throttled("Retry-After: 61\r\n"),
        theirs(429, ERROR),
    );

    // Honoured on 503 as on 429.
    unavailable_for_milliseconds: Row {
        retry_takes: Some((3200, 4700)),
        ..failing(
            || faults::status("503 Service Unavailable", "retry-after-ms: 1600\r\n"),
            theirs(503, ERROR),
        )
    };

    // Not honoured on a 500: that would take 20 s.
    retry_after_on_a_500: Row {
        retry_takes: Some((0, 4500)),
        ..failing(
            || faults::status("500 Internal Server Error", "Retry-After: 10\r\n"),
            theirs(500, ERROR),
        )
    };

    // Not among the default codes of a retry.
    overloaded: not_retried(|| faults::status("529 Site Overloaded", ""), theirs(529, ERROR));

    bad_request: not_retried(|| faults::status("400 Bad Request", ""), theirs(400, ERROR));
}
