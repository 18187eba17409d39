//! Rows of the fault matrix: no answer at all. A fallback moves on for network failures and timeouts (5.4); a retry tries
//! connect failures again, and the gateway's own 502 and 504, which are among its default codes (5.3); the codes are those of
//! section 10. Of a plain request nothing is tried twice (5).

use crate::{
    matrix::{Cell, moves_on, own, rows, stays, theirs},
    matrix_faults as faults,
};

rows! {
    // A connect failure is tried again whatever the method: nothing was sent (5.3).
    refused: Row {
        fault: faults::refused,
        plain: stays(own(502, "upstream_unreachable")),
        retry: Cell(own(502, "upstream_unreachable"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_unreachable"), 1, 1, "0"),
    };

    // A name that does not resolve is a connection that cannot be made: `upstream_unreachable (dns, connect, tls)` (10).
    unknown_name: Row {
        fault: faults::unknown_name,
        plain: stays(own(502, "upstream_unreachable")),
        retry: Cell(own(502, "upstream_unreachable"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_unreachable"), 1, 1, "0"),
    };

    // So is one whose certificate cannot be trusted; here each try is a connection that is seen.
    untrusted_certificate: Row {
        fault: faults::untrusted,
        plain: stays(own(502, "upstream_unreachable")),
        retry: Cell(own(502, "upstream_unreachable"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_unreachable"), 1, 1, "0"),
    };

    // `timeouts.connect` expires: 504 `connect_timeout` (10); a connect failure too. The hedge may come before the expiry or
    // after: the second target is called once either way.
    connect_timeout: Row {
        fault: faults::connect_timeout,
        plain: stays(own(504, "connect_timeout")),
        retry: Cell(own(504, "connect_timeout"), 3, 0, "-1"),
        retry_takes: (1200, 6500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(504, "connect_timeout"), 1, 1, "0"),
    };

    // `timeouts.head` expires: 504 `upstream_timeout`, which is among the codes that are tried again (5.3).
    silent_before_head: Row {
        fault: faults::silent_before_head,
        plain: stays(own(504, "upstream_timeout")),
        retry: Cell(own(504, "upstream_timeout"), 3, 0, "-1"),
        retry_takes: (2100, 8500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(504, "upstream_timeout"), 1, 1, "0"),
    };

    // A connection that was new and broke before the head: 502 `upstream_closed`, not the transparent retry of pooled ones
    // (5.3).
    reset_before_head: Row {
        fault: faults::reset_before_head,
        plain: stays(own(502, "upstream_closed")),
        retry: Cell(own(502, "upstream_closed"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_closed"), 1, 1, "0"),
    };

    // The same, closed in peace.
    closed_before_head: Row {
        fault: faults::closed_before_head,
        plain: stays(own(502, "upstream_closed")),
        retry: Cell(own(502, "upstream_closed"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_closed"), 1, 1, "0"),
    };

    // An answer that is no HTTP: 502 `upstream_invalid` (4.11, 10), one of the codes that are tried again.
    malformed_head: Row {
        fault: faults::malformed_head,
        plain: stays(own(502, "upstream_invalid")),
        retry: Cell(own(502, "upstream_invalid"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_invalid"), 1, 1, "0"),
    };

    // Slow, but within every limit: only a hedge asks elsewhere meanwhile, and the first answer is the client's (5, `hedge`).
    slow_head: Row {
        fault: faults::slow_head,
        plain: stays(theirs(200, r#"{"id":"slow","choices":[]}"#)),
        retry: stays(theirs(200, r#"{"id":"slow","choices":[]}"#)),
        retry_takes: (1200, 3500),
        fallback: stays(theirs(200, r#"{"id":"slow","choices":[]}"#)),
        nested: stays(theirs(200, r#"{"id":"slow","choices":[]}"#)),
        hedge: moves_on(),
        exhausted: stays(theirs(200, r#"{"id":"slow","choices":[]}"#)),
    };
}
