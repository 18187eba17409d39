//! The table of all faults: name, format of the value, meaning, and what each sets. Headers, query
//! parameters, options, the long help and the reference page all use this table.

use std::str::FromStr;
use std::time::Duration;

use crate::behaviour::{Behaviour, Malformed, Stop, StopKind, StopPoint, Substitute};

/// One fault, or another property of a response that a request can set.
pub(crate) struct Fault {
    /// Name, as in `x-mock-<name>`, `?mock_<name>` and `--fault <name>=...`.
    pub(crate) name: &'static str,
    /// Format of the value; empty for a switch.
    pub(crate) format: &'static str,
    /// Meaning, in one sentence.
    pub(crate) meaning: &'static str,
    /// Sets the value; `None` when it does not have the format.
    pub(crate) set: Setter,
}

type Setter = fn(&mut Behaviour, &str) -> Option<()>;

/// Most tokens in one response, so that a mistyped number does not take all memory.
const TOKENS_LIMIT: usize = 1_000_000;

const fn fault(
    name: &'static str,
    format: &'static str,
    meaning: &'static str,
    set: Setter,
) -> Fault {
    Fault {
        name,
        format,
        meaning,
        set,
    }
}

/// Every fault, in the order of the reference page.
pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "tokens",
        "N",
        "The response has N tokens (default 16), or fewer if `max_tokens` is lower.",
        |b, v| {
            number(v)
                .filter(|n| *n <= TOKENS_LIMIT)
                .map(|n| b.tokens = n)
        },
    ),
    fault(
        "token-delay",
        "MS",
        "Pause before every token of a stream except the first.",
        |b, v| millis(v).map(|d| b.token_delay = d),
    ),
    fault(
        "first-token-delay",
        "MS",
        "Pause before the first token of a stream; the events before it are not delayed.",
        |b, v| millis(v).map(|d| b.first_token_delay = d),
    ),
    fault("delay", "MS", "Pause before the response head.", |b, v| {
        millis(v).map(|d| b.delay = d)
    }),
    fault(
        "body-delay",
        "MS",
        "Pause between the response head and the first byte of its body.",
        |b, v| millis(v).map(|d| b.body_delay = d),
    ),
    fault(
        "tool-call",
        "",
        "Call the first tool of the request. A model whose name contains `tool` does so too.",
        |b, v| switch(v).map(|on| b.tool_call = on),
    ),
    fault(
        "status",
        "CODE",
        "Respond with this status and the error body of the dialect.",
        |b, v| status(v).map(|code| b.failure.status = Some(code)),
    ),
    fault(
        "retry-after",
        "TEXT",
        "Add the header `retry-after: TEXT`; TEXT need not be valid.",
        |b, v| {
            b.failure.retry_after.push(("retry-after", header_text(v)?));
            Some(())
        },
    ),
    fault(
        "retry-after-ms",
        "TEXT",
        "Add the header `retry-after-ms: TEXT`; TEXT need not be valid.",
        |b, v| {
            b.failure
                .retry_after
                .push(("retry-after-ms", header_text(v)?));
            Some(())
        },
    ),
    fault(
        "header",
        "NAME: TEXT",
        "Add this header to the response; may be given more than once.",
        |b, v| {
            let (name, text) = v.split_once(':')?;
            let token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            let text = header_text(text.trim_start())?;
            token.then(|| b.headers.push((name.to_owned(), text)))
        },
    ),
    fault(
        "cut",
        "N or head",
        "Close the connection (FIN) after N tokens of a stream or N bytes of any other body, \
         always before its end; `head` means before the response head.",
        |b, v| stop(b, v, StopKind::Cut),
    ),
    fault(
        "reset",
        "N or head",
        "Reset the connection (RST) at that point; N and `head` as for `cut`.",
        |b, v| stop(b, v, StopKind::Reset),
    ),
    fault(
        "silence-after",
        "N or head",
        "Send nothing more from that point on, and keep the connection open; N and `head` as for \
         `cut`.",
        |b, v| stop(b, v, StopKind::Silence),
    ),
    fault(
        "error-after",
        "N",
        "End a stream with an error event after N tokens. Any other body is replaced as by \
         `error-200`.",
        |b, v| number::<usize>(v).and_then(|_| stop(b, v, StopKind::ErrorEvent)),
    ),
    fault(
        "error-first",
        "",
        "Send an error as the first event of a stream with status 200. Any other body is \
         replaced as by `error-200`.",
        |b, v| {
            let stop = Stop {
                point: StopPoint::After(0),
                kind: StopKind::ErrorEvent,
            };
            switch(v).map(|on| b.failure.stop = on.then_some(stop))
        },
    ),
    fault(
        "error-200",
        "",
        "Respond with status 200 and the error body of the dialect.",
        |b, v| switch(v).map(|on| b.failure.substitute = on.then_some(Substitute::ErrorJson)),
    ),
    fault(
        "html-200",
        "",
        "Respond with status 200 and an HTML page.",
        |b, v| switch(v).map(|on| b.failure.substitute = on.then_some(Substitute::Html)),
    ),
    fault(
        "empty-stream",
        "",
        "Respond with status 200 and an event stream without an event.",
        |b, v| switch(v).map(|on| b.failure.substitute = on.then_some(Substitute::EmptyStream)),
    ),
    fault(
        "silence",
        "",
        "Send no response; keep the connection open until the client closes it.",
        |b, v| switch(v).map(|on| b.failure.silence = on),
    ),
    fault(
        "malformed",
        "head, length, chunk or json",
        "What is invalid: `head`, the status line; `length`, two lengths that differ; `chunk`, a \
         chunk size that is not a number; `json`, the JSON of the body.",
        |b, v| {
            let what = match v {
                "head" => Malformed::Head,
                "length" => Malformed::Length,
                "chunk" => Malformed::Chunk,
                "json" => Malformed::Json,
                _ => return None,
            };
            b.failure.malformed = Some(what);
            Some(())
        },
    ),
    fault(
        "big",
        "BYTES",
        "Respond with status 200 and a binary body of this many bytes.",
        |b, v| number(v).map(|bytes| b.big = Some(bytes)),
    ),
    fault(
        "pieces",
        "BYTES",
        "Send the body in writes of this many bytes.",
        |b, v| {
            number(v)
                .filter(|size| *size > 0)
                .map(|size| b.pieces = Some(size))
        },
    ),
    fault(
        "interim",
        "CODE",
        "Send an interim response (102 or 103) before the final one.",
        |b, v| {
            number(v)
                .filter(|code| matches!(code, 102 | 103))
                .map(|code| b.interim = Some(code))
        },
    ),
    fault(
        "early",
        "",
        "Respond before reading the request body, then close the connection.",
        |b, v| switch(v).map(|on| b.early = on),
    ),
    fault(
        "close",
        "",
        "Respond with `connection: close`, then close the connection.",
        |b, v| switch(v).map(|on| b.close = on),
    ),
    fault(
        "hang-up",
        "",
        "Respond as if the connection stayed open, then close it.",
        |b, v| switch(v).map(|on| b.hang_up = on),
    ),
    fault(
        "fail-first",
        "N",
        "The first N requests with the same key fail, with the other fault that is set or else \
         with 503; later ones succeed.",
        |b, v| number(v).map(|first| b.fail_first = Some(first)),
    ),
    fault(
        "key",
        "TEXT",
        "The key by which `fail-first` counts requests (default: the path).",
        |b, v| {
            b.key = Some(v.to_owned());
            Some(())
        },
    ),
    fault(
        "chaos",
        "SHARE",
        "This share of requests (0 to 1) gets a random fault.",
        |b, v| {
            number(v)
                .filter(|share| (0.0..=1.0).contains(share))
                .map(|share| b.chaos = share)
        },
    ),
];

fn number<N: FromStr>(value: &str) -> Option<N> {
    value.parse().ok()
}

fn millis(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_millis)
}

fn status(value: &str) -> Option<u16> {
    number(value).filter(|code| (200..=599).contains(code))
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "" | "1" | "true" | "on" => Some(true),
        "0" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn header_text(value: &str) -> Option<String> {
    let clean = !value.chars().any(|character| character.is_control());
    clean.then(|| value.to_owned())
}

fn stop(behaviour: &mut Behaviour, value: &str, kind: StopKind) -> Option<()> {
    let point = match value {
        "head" => StopPoint::BeforeHead,
        value => StopPoint::After(number(value)?),
    };
    behaviour.failure.stop = Some(Stop { point, kind });
    Some(())
}
