//! Rows of the fault matrix: an answer with a status that says no. Without a config it is an answer like any other (10: an
//! upstream's own error is relayed raw). A retry tries 429, 500, 502, 503 and 504 again (5.3); a fallback without codes moves on
//! for any status from 400 (5). When all have failed the last answer is returned as it is (5.4).

use crate::{
    matrix::{Cell, moves_on, rows, stays, theirs},
    matrix_faults::{self as faults, ERROR},
};

rows! {
    // Nothing asked for: back-off with full jitter, up to 1 s and then up to 2 s (5.3).
    throttled: Row {
        fault: || faults::throttled(""),
        plain: stays(theirs(429, ERROR)),
        retry: Cell(theirs(429, ERROR), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(429, ERROR), 1, 1, "0"),
    };

    // Two waits of exactly what was asked for (5.3).
    throttled_for_a_second: Row {
        fault: || faults::throttled("Retry-After: 1\r\n"),
        plain: stays(theirs(429, ERROR)),
        retry: Cell(theirs(429, ERROR), 3, 0, "-1"),
        retry_takes: (2000, 3500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(429, ERROR), 1, 1, "0"),
    };

    // The date lies half a second to one and a half ahead.
    throttled_until_a_date: Row {
        fault: faults::throttled_until_a_date,
        plain: stays(theirs(429, ERROR)),
        retry: Cell(theirs(429, ERROR), 3, 0, "-1"),
        retry_takes: (950, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(429, ERROR), 1, 1, "0"),
    };

    // 5.3 names this form; a back-off drawn instead would not be at the place by chance in both forms.
    throttled_for_milliseconds: Row {
        fault: || faults::throttled("retry-after-ms: 700\r\n"),
        plain: stays(theirs(429, ERROR)),
        retry: Cell(theirs(429, ERROR), 3, 0, "-1"),
        retry_takes: (1400, 2600),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(429, ERROR), 1, 1, "0"),
    };

    throttled_for_milliseconds_in_azure_s_form: Row {
        fault: || faults::throttled("x-ms-retry-after-ms: 50\r\n"),
        plain: stays(theirs(429, ERROR)),
        retry: Cell(theirs(429, ERROR), 3, 0, "-1"),
        retry_takes: (100, 1100),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(429, ERROR), 1, 1, "0"),
    };

    // A wait over 60 s ends retrying (5.3): none was used, and the client learns how long to wait.
    throttled_for_too_long: Row {
        fault: || faults::throttled("Retry-After: 61\r\n"),
        plain: stays(theirs(429, ERROR)),
        retry: stays(theirs(429, ERROR)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(429, ERROR), 1, 1, "0"),
    };

    // Honoured on 503 as on 429 (5.3).
    unavailable_for_milliseconds: Row {
        fault: || faults::status("503 Service Unavailable", "retry-after-ms: 50\r\n"),
        plain: stays(theirs(503, ERROR)),
        retry: Cell(theirs(503, ERROR), 3, 0, "-1"),
        retry_takes: (100, 1100),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(503, ERROR), 1, 1, "0"),
    };

    // On a 500 it means nothing (5.3: on 429 and 503): two waits of 10 s would show.
    failing: Row {
        fault: || faults::status("500 Internal Server Error", "Retry-After: 10\r\n"),
        plain: stays(theirs(500, ERROR)),
        retry: Cell(theirs(500, ERROR), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(500, ERROR), 1, 1, "0"),
    };

    // 529 is not among the default codes of a retry, and above 400 for a fallback.
    overloaded: Row {
        fault: || faults::status("529 Site Overloaded", ""),
        plain: stays(theirs(529, ERROR)),
        retry: stays(theirs(529, ERROR)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(529, ERROR), 1, 1, "0"),
    };

    // The same for a fault of the caller's: absent codes mean any status from 400 (5).
    bad_request: Row {
        fault: || faults::status("400 Bad Request", ""),
        plain: stays(theirs(400, ERROR)),
        retry: stays(theirs(400, ERROR)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(400, ERROR), 1, 1, "0"),
    };
}
