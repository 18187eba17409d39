//! Rows of the fault matrix: no response at all. A fallback moves on for network failures and
//! timeouts. A retry tries connect failures again, and the gateway's own 502 and 504, which
//! are among its default codes. Without a config nothing is tried twice.

use crate::{
    matrix_faults as faults,
    matrix_rows::{failing, moves_on, own, relayed, rows, theirs},
};

const SLOW: &str = r#"{"id":"slow","choices":[]}"#;

rows! {
    // A connect failure is tried again whatever the method, because nothing was sent.
    connection_refused: failing(faults::refused, own(502, "upstream_unreachable"));

    // A name that does not resolve is a connect failure too.
    name_does_not_resolve: failing(faults::unknown_name, own(502, "upstream_unreachable"));

    // So is a certificate that cannot be trusted.
    untrusted_certificate: failing(faults::untrusted, own(502, "upstream_unreachable"));

    // Three times `timeouts.connect`, which ends before the hedge would begin.
    connect_timeout: Row {
        retry_takes: Some((1200, 5500)),
        ..failing(faults::connect_timeout, own(504, "connect_timeout"))
    };

    // Three times `timeouts.head`.
    silent_before_head: Row {
        retry_takes: Some((2100, 8500)),
        ..failing(faults::silent_before_head, own(504, "upstream_timeout"))
    };

    // A new connection breaks. Only pooled ones are replaced without asking the config.
    reset_before_head: failing(faults::reset_before_head, own(502, "upstream_closed"));

    closed_before_head: failing(faults::closed_before_head, own(502, "upstream_closed"));

    // What the upstream sends is not HTTP.
    malformed_head: failing(faults::malformed_head, own(502, "upstream_invalid"));

    // Slow, but within every limit: only a hedge asks another target meanwhile, and the response
    // that comes first is the client's.
    slow_head: Row {
        retry_takes: Some((2000, 4500)),
        hedge: moves_on(),
        ..relayed(faults::slow_head, theirs(200, SLOW))
    };
}
