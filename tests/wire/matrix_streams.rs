//! Rows of the fault matrix: a response that begins with 200. While another target remains, a
//! fallback holds back the head and the first bytes, and moves on if they show a failure. On the
//! last target nothing is held back. Once a byte went to the client nothing is tried again, and a
//! cut stream ends as an aborted transfer. A 200 is never retried.

use crate::{
    matrix_faults::{self as faults, COMMENT, ERROR, ERROR_EVENT, HTML},
    matrix_rows::{cut, failing, not_retried, own, relayed, rows, stays, theirs},
    support::routing::{token, tokens},
};

const PARTIAL: &str = r#"{"error":{"message":"partial"},"choices":[{}]}"#;
const NULL_ERROR: &str = r#"{"error":null,"id":"x"}"#;

rows! {
    // A page is no response of a route that generates.
    html_page: not_retried(faults::html_200, theirs(200, HTML));

    // JSON under 64 KiB with a top-level `error` and nothing that was generated.
    json_error: not_retried(|| faults::json_200(ERROR), theirs(200, ERROR));

    json_error_beside_choices: relayed(|| faults::json_200(PARTIAL), theirs(200, PARTIAL));

    // Neither an error nor anything that was generated.
    json_with_a_null_error: not_retried(|| faults::json_200(NULL_ERROR), theirs(200, NULL_ERROR));

    // Short JSON is held back until it is whole: that it breaks off is a network failure.
    json_cut_short: not_retried(faults::json_cut, cut("{\"choices\":["));

    error_as_first_event: not_retried(|| faults::stream(ERROR_EVENT), theirs(200, ERROR_EVENT));

    error_after_a_token: relayed(faults::error_after_a_token, theirs(200, token(0) + ERROR_EVENT));

    stream_without_an_event: not_retried(|| faults::stream(""), theirs(200, ""));

    // A comment is not an event.
    stream_of_a_comment: not_retried(|| faults::stream(COMMENT), theirs(200, COMMENT));

    // `timeouts.idle` ends while the head is held back. On the last target the head is gone.
    silent_after_head: Row {
        retry_takes: Some((700, 2500)),
        ..not_retried(faults::silent_after_head, cut(""))
    };

    silent_after_two_tokens: Row {
        retry_takes: Some((700, 2500)),
        ..relayed(faults::silent_mid_stream, cut(tokens(2)))
    };

    // Every byte that came, then an aborted transfer, and nothing of a second response.
    closed_at_40_of_60_tokens: relayed(faults::cut_at_40, cut(tokens(40)));

    reset_after_three_tokens: relayed(faults::reset_mid_stream, cut(tokens(3)));

    // Nothing went to the client yet, so this is a 502, which is retried.
    malformed_chunk_with_the_head: failing(
        faults::malformed_with_the_head,
        own(502, "upstream_invalid"),
    );

    // Before the first token: a network failure while the head is held back, else an abort.
    malformed_first_chunk: not_retried(faults::malformed_first_chunk, cut(""));

    malformed_third_chunk: relayed(faults::malformed_later_chunk, cut(tokens(2)));

    // Each pause is shorter than every limit, and all together are longer: that is no fault.
    slow_tokens: Row {
        retry_takes: Some((1250, 3500)),
        ..relayed(faults::slow_tokens, theirs(200, tokens(6)))
    };

    // `first_token` applies to streams, and a comment is not a token. Without a config there
    // is no such limit; on the last target nothing is held back, and the timeout is an abort.
    late_first_token: Row {
        plain: stays(theirs(200, COMMENT.to_owned() + &token(0))),
        retry_takes: Some((600, 1500)),
        ..not_retried(faults::late_first_token, cut(COMMENT))
    };

    // JSON of 64 KiB or more is relayed whatever it says.
    ten_megabytes: relayed(faults::long, theirs(200, faults::long_body()));
}
