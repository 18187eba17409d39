//! The one table of what a request may ask of the mock: name, form of the value, meaning, and how
//! it is noted. Headers, query, flags, the long help and the reference page all come from it.

use std::str::FromStr;
use std::time::Duration;

use crate::behaviour::{Behaviour, Instead, Malformed, Place, Stop, StopKind};

/// One thing a request may ask for.
pub(crate) struct Fault {
    /// Name, as in `x-mock-<name>`, `?mock_<name>` and `--fault <name>=...`.
    pub(crate) name: &'static str,
    /// Form of the value; empty for a switch.
    pub(crate) form: &'static str,
    /// Meaning, in one sentence.
    pub(crate) meaning: &'static str,
    /// Notes the value; `None` when it is not of the form.
    pub(crate) note: Note,
}

type Note = fn(&mut Behaviour, &str) -> Option<()>;

/// Tokens one answer may have; keeps a typing error from eating the memory.
const TOKENS_LIMIT: usize = 1_000_000;

const fn fault(name: &'static str, form: &'static str, meaning: &'static str, note: Note) -> Fault {
    Fault {
        name,
        form,
        meaning,
        note,
    }
}

/// Every fault, in the order of the reference page.
pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "tokens",
        "N",
        "The answer has N tokens (default 16; a smaller `max_tokens` wins).",
        |b, v| {
            number(v)
                .filter(|n| *n <= TOKENS_LIMIT)
                .map(|n| b.tokens = n)
        },
    ),
    fault(
        "token-delay",
        "MS",
        "Pause before every token of a stream but the first.",
        |b, v| millis(v).map(|d| b.token_delay = d),
    ),
    fault(
        "first-token-delay",
        "MS",
        "Pause before the first token of a stream; head and role come at once.",
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
        "Answer with a call of the request's first tool (so does a model whose name contains `tool`).",
        |b, v| switch(v).map(|on| b.tool_call = on),
    ),
    fault(
        "status",
        "CODE",
        "Answer with this status and the dialect's error body.",
        |b, v| status(v).map(|code| b.failure.status = Some(code)),
    ),
    fault(
        "retry-after",
        "TEXT",
        "Add `retry-after: TEXT`, as it is written.",
        |b, v| {
            b.failure.retry_after.push(("retry-after", header_text(v)?));
            Some(())
        },
    ),
    fault(
        "retry-after-ms",
        "TEXT",
        "Add `retry-after-ms: TEXT`, as it is written.",
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
        "Add this header to the answer; may be given more than once.",
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
        "Close the connection (FIN) after N tokens of a stream or N bytes of any other body, always short of its end; `head`: before the response head.",
        |b, v| stop(b, v, StopKind::Cut),
    ),
    fault(
        "reset",
        "N or head",
        "Reset the connection (RST) at that place.",
        |b, v| stop(b, v, StopKind::Reset),
    ),
    fault(
        "silence-after",
        "N or head",
        "Send nothing more from that place on, and keep the connection open.",
        |b, v| stop(b, v, StopKind::Silence),
    ),
    fault(
        "error-after",
        "N",
        "End the stream with an error event after N tokens; any other body becomes `error-200`.",
        |b, v| number::<usize>(v).and_then(|_| stop(b, v, StopKind::ErrorEvent)),
    ),
    fault(
        "error-first",
        "",
        "An error as the first event of a 200 stream; any other body becomes `error-200`.",
        |b, v| {
            let stop = Stop {
                place: Place::After(0),
                how: StopKind::ErrorEvent,
            };
            switch(v).map(|on| b.failure.stop = on.then_some(stop))
        },
    ),
    fault(
        "error-200",
        "",
        "The dialect's error as a JSON body, with status 200.",
        |b, v| switch(v).map(|on| b.failure.instead = on.then_some(Instead::ErrorJson)),
    ),
    fault("html-200", "", "A page of HTML with status 200.", |b, v| {
        switch(v).map(|on| b.failure.instead = on.then_some(Instead::Html))
    }),
    fault(
        "empty-stream",
        "",
        "An event stream with status 200 that ends without an event.",
        |b, v| switch(v).map(|on| b.failure.instead = on.then_some(Instead::EmptyStream)),
    ),
    fault(
        "silence",
        "",
        "Never answer, until the client leaves.",
        |b, v| switch(v).map(|on| b.failure.silence = on),
    ),
    fault(
        "malformed",
        "head, length, chunk or json",
        "Garbage for a status line; two lengths that differ; a chunk size that is no number; a body that is no JSON.",
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
        "A 200 with a binary body of that many bytes.",
        |b, v| number(v).map(|bytes| b.big = Some(bytes)),
    ),
    fault(
        "pieces",
        "BYTES",
        "Send the body in writes of that many bytes.",
        |b, v| {
            number(v)
                .filter(|size| *size > 0)
                .map(|size| b.pieces = Some(size))
        },
    ),
    fault(
        "interim",
        "CODE",
        "Send a 1xx answer (102 or 103) before the real one.",
        |b, v| {
            number(v)
                .filter(|code| matches!(code, 102 | 103))
                .map(|code| b.interim = Some(code))
        },
    ),
    fault(
        "early",
        "",
        "Answer before the request's body is read, then close.",
        |b, v| switch(v).map(|on| b.early = on),
    ),
    fault(
        "close",
        "",
        "Answer with `connection: close`, then close.",
        |b, v| switch(v).map(|on| b.close = on),
    ),
    fault(
        "hang-up",
        "",
        "Answer as if the connection were kept, then close it.",
        |b, v| switch(v).map(|on| b.hang_up = on),
    ),
    fault(
        "fail-first",
        "N",
        "The first N requests with this key fail, with the failure asked for beside it or 503; later ones succeed.",
        |b, v| number(v).map(|first| b.fail_first = Some(first)),
    ),
    fault(
        "key",
        "TEXT",
        "The key that `fail-first` counts by (default: the path).",
        |b, v| {
            b.key = Some(v.to_owned());
            Some(())
        },
    ),
    fault(
        "chaos",
        "SHARE",
        "This share of requests (0 to 1) gets a fault by lot.",
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

fn stop(behaviour: &mut Behaviour, value: &str, how: StopKind) -> Option<()> {
    let place = match value {
        "head" => Place::BeforeHead,
        value => Place::After(number(value)?),
    };
    behaviour.failure.stop = Some(Stop { place, how });
    Some(())
}
