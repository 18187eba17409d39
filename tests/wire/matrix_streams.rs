//! Rows of the fault matrix: an answer that begins with 200. While another target remains, a fallback moves on for a 200 that is
//! none (5.4), and head and first bytes are held for that (5.6); on the last target, and with one target, nothing is held. Once a
//! byte went to the client nothing is tried again (5.3), and cut short is never clean (4.8). No retry is for a 200.

use crate::{
    matrix::{Cell, cut, moves_on, own, rows, stays, theirs},
    matrix_faults::{self as faults, COMMENT, ERROR, ERROR_EVENT, HTML},
    support::routing::{token, tokens},
};

rows! {
    // On a route that generates a page is no answer (5.4).
    html_error: Row {
        fault: faults::html_200,
        plain: stays(theirs(200, HTML)),
        retry: stays(theirs(200, HTML)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(200, HTML), 1, 1, "0"),
    };

    // Under 64 KiB, a non-null top-level `error`, no `choices`, `content`, `output`, `data`.
    json_error: Row {
        fault: || faults::json_200(ERROR),
        plain: stays(theirs(200, ERROR)),
        retry: stays(theirs(200, ERROR)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(200, ERROR), 1, 1, "0"),
    };

    // With a choice beside it, or with null, it is an answer (5.4).
    json_with_an_error_beside_its_answer: Row {
        fault: || faults::json_200(r#"{"error":{"message":"partial"},"choices":[{}]}"#),
        plain: stays(theirs(200, r#"{"error":{"message":"partial"},"choices":[{}]}"#)),
        retry: stays(theirs(200, r#"{"error":{"message":"partial"},"choices":[{}]}"#)),
        retry_takes: (0, 1000),
        fallback: stays(theirs(200, r#"{"error":{"message":"partial"},"choices":[{}]}"#)),
        nested: stays(theirs(200, r#"{"error":{"message":"partial"},"choices":[{}]}"#)),
        hedge: stays(theirs(200, r#"{"error":{"message":"partial"},"choices":[{}]}"#)),
        exhausted: stays(theirs(200, r#"{"error":{"message":"partial"},"choices":[{}]}"#)),
    };

    // Neither an error nor what an answer has.
    json_with_a_null_error: Row {
        fault: || faults::json_200(r#"{"error":null,"id":"x"}"#),
        plain: stays(theirs(200, r#"{"error":null,"id":"x"}"#)),
        retry: stays(theirs(200, r#"{"error":null,"id":"x"}"#)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(200, r#"{"error":null,"id":"x"}"#), 1, 1, "0"),
    };

    // A short JSON body is judged whole, so that it breaks off before anything went down: a network failure (5.4).
    json_cut_short: Row {
        fault: faults::json_cut,
        plain: stays(cut("{\"choices\":[")),
        retry: stays(cut("{\"choices\":[")),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(cut("{\"choices\":["), 1, 1, "0"),
    };

    // An error as the first event is a 200 that is none.
    error_as_first_event: Row {
        fault: || faults::stream(ERROR_EVENT),
        plain: stays(theirs(200, ERROR_EVENT)),
        retry: stays(theirs(200, ERROR_EVENT)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(200, ERROR_EVENT), 1, 1, "0"),
    };

    // After a token it is the client's to read.
    error_after_a_token: Row {
        fault: faults::error_after_a_token,
        plain: stays(theirs(200, token(0) + ERROR_EVENT)),
        retry: stays(theirs(200, token(0) + ERROR_EVENT)),
        retry_takes: (0, 1000),
        fallback: stays(theirs(200, token(0) + ERROR_EVENT)),
        nested: stays(theirs(200, token(0) + ERROR_EVENT)),
        hedge: stays(theirs(200, token(0) + ERROR_EVENT)),
        exhausted: stays(theirs(200, token(0) + ERROR_EVENT)),
    };

    // An SSE stream that ends without an event.
    empty_stream: Row {
        fault: || faults::stream(""),
        plain: stays(theirs(200, "")),
        retry: stays(theirs(200, "")),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(200, ""), 1, 1, "0"),
    };

    // A comment is no event.
    stream_of_a_comment: Row {
        fault: || faults::stream(COMMENT),
        plain: stays(theirs(200, COMMENT)),
        retry: stays(theirs(200, COMMENT)),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(theirs(200, COMMENT), 1, 1, "0"),
    };

    // `timeouts.idle` expires while the head is held: a timeout, nothing went down. On the last target the head has gone: an
    // abort.
    silent_after_head: Row {
        fault: faults::silent_after_head,
        plain: stays(cut("")),
        retry: stays(cut("")),
        retry_takes: (700, 2500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(cut(""), 1, 1, "0"),
    };

    // After the first token the head has gone everywhere; expiry aborts.
    silent_mid_stream: Row {
        fault: faults::silent_mid_stream,
        plain: stays(cut(tokens(2))),
        retry: stays(cut(tokens(2))),
        retry_takes: (700, 2500),
        fallback: stays(cut(tokens(2))),
        nested: stays(cut(tokens(2))),
        hedge: stays(cut(tokens(2))),
        exhausted: stays(cut(tokens(2))),
    };

    // 4.8: every byte that came, then an aborted transfer, and no second answer behind it.
    cut_at_40_of_60_tokens: Row {
        fault: faults::cut_at_40,
        plain: stays(cut(tokens(40))),
        retry: stays(cut(tokens(40))),
        retry_takes: (0, 1000),
        fallback: stays(cut(tokens(40))),
        nested: stays(cut(tokens(40))),
        hedge: stays(cut(tokens(40))),
        exhausted: stays(cut(tokens(40))),
    };

    reset_mid_stream: Row {
        fault: faults::reset_mid_stream,
        plain: stays(cut(tokens(3))),
        retry: stays(cut(tokens(3))),
        retry_takes: (0, 1000),
        fallback: stays(cut(tokens(3))),
        nested: stays(cut(tokens(3))),
        hedge: stays(cut(tokens(3))),
        exhausted: stays(cut(tokens(3))),
    };

    // Broken framing that comes with the head is no valid answer, and nothing went to the client yet: 502 (4.11, 10), which is
    // among the codes that are tried again (5.3).
    malformed_with_the_head: Row {
        fault: faults::malformed_with_the_head,
        plain: stays(own(502, "upstream_invalid")),
        retry: Cell(own(502, "upstream_invalid"), 3, 0, "-1"),
        retry_takes: (0, 4500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(own(502, "upstream_invalid"), 1, 1, "0"),
    };

    // Broken framing after the head and before the first token is a network failure while the head is held, else an abort.
    malformed_first_chunk: Row {
        fault: faults::malformed_first_chunk,
        plain: stays(cut("")),
        retry: stays(cut("")),
        retry_takes: (0, 1000),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(cut(""), 1, 1, "0"),
    };

    malformed_later_chunk: Row {
        fault: faults::malformed_later_chunk,
        plain: stays(cut(tokens(2))),
        retry: stays(cut(tokens(2))),
        retry_takes: (0, 1000),
        fallback: stays(cut(tokens(2))),
        nested: stays(cut(tokens(2))),
        hedge: stays(cut(tokens(2))),
        exhausted: stays(cut(tokens(2))),
    };

    // Slow is no fault: each pause is under every limit, their sum is over. The second token is made only when the client has
    // the first, so that nothing is held after it.
    slow_tokens: Row {
        fault: faults::slow_tokens,
        plain: stays(theirs(200, tokens(6))),
        retry: stays(theirs(200, tokens(6))),
        retry_takes: (1250, 3500),
        fallback: stays(theirs(200, tokens(6))),
        nested: stays(theirs(200, tokens(6))),
        hedge: stays(theirs(200, tokens(6))),
        exhausted: stays(theirs(200, tokens(6))),
    };

    // `first_token` is armed by `stream: true`, and a comment is no token (5.6): the fallback moves on; on the last target
    // nothing was held, and expiry is an abort after the head. Without a config there is no such limit.
    late_first_token: Row {
        fault: faults::late_first_token,
        plain: stays(theirs(200, COMMENT.to_owned() + &token(0))),
        retry: stays(cut(COMMENT)),
        retry_takes: (600, 1500),
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: Cell(cut(COMMENT), 1, 1, "0"),
    };

    // Judged are JSON bodies under 64 KiB; whatever stands in a longer one is relayed.
    ten_megabytes: Row {
        fault: faults::long,
        plain: stays(theirs(200, faults::long_body())),
        retry: stays(theirs(200, faults::long_body())),
        retry_takes: (0, 5000),
        fallback: stays(theirs(200, faults::long_body())),
        nested: stays(theirs(200, faults::long_body())),
        hedge: stays(theirs(200, faults::long_body())),
        exhausted: stays(theirs(200, faults::long_body())),
    };
}
