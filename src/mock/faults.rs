//! The one table of what a request may ask of the mock: name, form of the value, meaning, and how
//! it is noted. Headers, query, flags, the long help and the reference page all come from it.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use super::behaviour::{Behaviour, Instead, Malformed, Place, Stop, StopKind};

/// One thing a request may ask for.
pub(super) struct Fault {
    /// Name, as in `x-mock-<name>`, `?mock_<name>` and `--fault <name>=...`.
    pub(super) name: &'static str,
    /// Form of the value; empty for a switch.
    pub(super) form: &'static str,
    /// Meaning, in one sentence.
    pub(super) meaning: &'static str,
    note: fn(&mut Behaviour, &str) -> Option<()>,
}

/// Why a fault could not be noted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// No fault has this name.
    #[error("the mock knows no fault {name:?}; it knows {}", known_names())]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The value is not of the fault's form.
    #[error("the mock's fault {name} takes {form}, not {value:?}")]
    BadValue {
        /// The fault's name.
        name: &'static str,
        /// The form its value takes.
        form: &'static str,
        /// The value that was given.
        value: String,
    },
}

/// Tokens one answer may have; keeps a typing error from eating the memory.
const TOKENS_LIMIT: usize = 1_000_000;

macro_rules! fault {
    ($name:literal, $form:literal, $meaning:literal, $note:expr) => {
        Fault {
            name: $name,
            form: $form,
            meaning: $meaning,
            note: $note,
        }
    };
}

/// Every fault, in the order of the reference page.
pub(super) const FAULTS: &[Fault] = &[
    fault!(
        "tokens",
        "N",
        "The answer has N tokens (default 16; a smaller `max_tokens` wins).",
        |b, v| {
            number(v)
                .filter(|n| *n <= TOKENS_LIMIT)
                .map(|n| b.tokens = n)
        }
    ),
    fault!(
        "token-delay",
        "MS",
        "Pause before every token of a stream but the first.",
        |b, v| { millis(v).map(|d| b.token_delay = d) }
    ),
    fault!(
        "first-token-delay",
        "MS",
        "Pause before the first token of a stream; head and role come at once.",
        |b, v| { millis(v).map(|d| b.first_token_delay = d) }
    ),
    fault!("delay", "MS", "Pause before the response head.", |b, v| {
        millis(v).map(|d| b.delay = d)
    }),
    fault!(
        "body-delay",
        "MS",
        "Pause between the response head and the first byte of its body.",
        |b, v| { millis(v).map(|d| b.body_delay = d) }
    ),
    fault!(
        "tool-call",
        "",
        "Answer with a call of the request's first tool (so does a model whose name contains `tool`).",
        |b, v| { switch(v).map(|on| b.tool_call = on) }
    ),
    fault!(
        "status",
        "CODE",
        "Answer with this status and the dialect's error body.",
        |b, v| { status(v).map(|code| b.failure.status = Some(code)) }
    ),
    fault!(
        "retry-after",
        "TEXT",
        "Add `retry-after: TEXT`, as it is written.",
        |b, v| {
            b.failure.retry_after.push(("retry-after", header_text(v)?));
            Some(())
        }
    ),
    fault!(
        "retry-after-ms",
        "TEXT",
        "Add `retry-after-ms: TEXT`, as it is written.",
        |b, v| {
            b.failure
                .retry_after
                .push(("retry-after-ms", header_text(v)?));
            Some(())
        }
    ),
    fault!(
        "header",
        "NAME: TEXT",
        "Add this header to the answer; may be given more than once.",
        |b, v| {
            let (name, text) = v.split_once(':')?;
            let token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            let text = header_text(text.trim_start())?;
            token.then(|| b.headers.push((name.to_owned(), text)))
        }
    ),
    fault!(
        "cut",
        "N or head",
        "Close the connection (FIN) after N tokens of a stream or N bytes of any other body, always short of its end; `head`: before the response head.",
        |b, v| { stop(b, v, StopKind::Cut) }
    ),
    fault!(
        "reset",
        "N or head",
        "Reset the connection (RST) at that place.",
        |b, v| { stop(b, v, StopKind::Reset) }
    ),
    fault!(
        "silence-after",
        "N or head",
        "Send nothing more from that place on, and keep the connection open.",
        |b, v| { stop(b, v, StopKind::Silence) }
    ),
    fault!(
        "error-after",
        "N",
        "End the stream with an error event after N tokens; any other body becomes `error-200`.",
        |b, v| { number::<usize>(v).and_then(|_| stop(b, v, StopKind::ErrorEvent)) }
    ),
    fault!(
        "error-first",
        "",
        "An error as the first event of a 200 stream; any other body becomes `error-200`.",
        |b, v| {
            let stop = Stop {
                place: Place::After(0),
                how: StopKind::ErrorEvent,
            };
            switch(v).map(|on| b.failure.stop = on.then_some(stop))
        }
    ),
    fault!(
        "error-200",
        "",
        "The dialect's error as a JSON body, with status 200.",
        |b, v| { switch(v).map(|on| b.failure.instead = on.then_some(Instead::ErrorJson)) }
    ),
    fault!("html-200", "", "A page of HTML with status 200.", |b, v| {
        switch(v).map(|on| b.failure.instead = on.then_some(Instead::Html))
    }),
    fault!(
        "empty-stream",
        "",
        "An event stream with status 200 that ends without an event.",
        |b, v| { switch(v).map(|on| b.failure.instead = on.then_some(Instead::EmptyStream)) }
    ),
    fault!(
        "silence",
        "",
        "Never answer, until the client leaves.",
        |b, v| { switch(v).map(|on| b.failure.silence = on) }
    ),
    fault!(
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
        }
    ),
    fault!(
        "big",
        "BYTES",
        "A 200 with a binary body of that many bytes.",
        |b, v| { number(v).map(|bytes| b.big = Some(bytes)) }
    ),
    fault!(
        "pieces",
        "BYTES",
        "Send the body in writes of that many bytes.",
        |b, v| {
            number(v)
                .filter(|size| *size > 0)
                .map(|size| b.pieces = Some(size))
        }
    ),
    fault!(
        "interim",
        "CODE",
        "Send a 1xx answer (102 or 103) before the real one.",
        |b, v| {
            number(v)
                .filter(|code| matches!(code, 102 | 103))
                .map(|code| b.interim = Some(code))
        }
    ),
    fault!(
        "early",
        "",
        "Answer before the request's body is read, then close.",
        |b, v| { switch(v).map(|on| b.early = on) }
    ),
    fault!(
        "close",
        "",
        "Answer with `connection: close`, then close.",
        |b, v| { switch(v).map(|on| b.close = on) }
    ),
    fault!(
        "hang-up",
        "",
        "Answer as if the connection were kept, then close it.",
        |b, v| { switch(v).map(|on| b.hang_up = on) }
    ),
    fault!(
        "fail-first",
        "N",
        "The first N requests with this key fail, with the failure asked for beside it or 503; later ones succeed.",
        |b, v| { number(v).map(|first| b.fail_first = Some(first)) }
    ),
    fault!(
        "key",
        "TEXT",
        "The key that `fail-first` counts by (default: the path).",
        |b, v| {
            b.key = Some(v.to_owned());
            Some(())
        }
    ),
    fault!(
        "chaos",
        "SHARE",
        "This share of requests (0 to 1) gets a fault by lot.",
        |b, v| {
            number(v)
                .filter(|share| (0.0..=1.0).contains(share))
                .map(|share| b.chaos = share)
        }
    ),
];

/// Notes the fault `name` with `value` in `behaviour`.
///
/// # Errors
/// When no fault has that name, or the value is not of its form.
pub(super) fn note(behaviour: &mut Behaviour, name: &str, value: &str) -> Result<(), FaultError> {
    let fault = find(name).ok_or_else(|| FaultError::Unknown {
        name: name.to_owned(),
    })?;
    (fault.note)(behaviour, value).ok_or_else(|| FaultError::BadValue {
        name: fault.name,
        form: form_of(fault),
        value: value.to_owned(),
    })?;
    behaviour.asked.push(fault.name);
    Ok(())
}

/// The reference of all faults as a Markdown table.
pub fn faults_reference() -> String {
    let mut page = String::from("| name | value | meaning |\n|---|---|---|\n");
    for fault in FAULTS {
        let form = match fault.form {
            "" => "",
            form => &format!("`{form}`"),
        };
        let _ = writeln!(page, "| `{}` | {form} | {} |", fault.name, fault.meaning);
    }
    page
}

/// The same as plain text, for the long help.
pub(super) fn faults_help() -> String {
    let mut help = String::from(
        "Faults, each per request as header `x-mock-NAME: VALUE` or query `mock_NAME=VALUE`,\n\
         or for every request as `--fault NAME=VALUE`; the query wins over the header, the header\n\
         over the flag. A switch without its value is on; `0` turns it off. MS is milliseconds.\n\n",
    );
    for fault in FAULTS {
        let title = format!("{} {}", fault.name, fault.form);
        let _ = writeln!(help, "  {:<24} {}", title.trim_end(), fault.meaning);
    }
    help
}

fn find(name: &str) -> Option<&'static Fault> {
    let same = |fault: &&Fault| {
        fault.name.len() == name.len()
            && fault.name.bytes().zip(name.bytes()).all(|(ours, theirs)| {
                ours == theirs.to_ascii_lowercase() || (ours == b'-' && theirs == b'_')
            })
    };
    FAULTS.iter().find(same)
}

fn form_of(fault: &Fault) -> &'static str {
    match fault.form {
        "" => "1 or 0",
        form => form,
    }
}

fn known_names() -> String {
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    names.join(", ")
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(name: &str, value: &str) -> Result<Behaviour, FaultError> {
        let mut behaviour = Behaviour::default();
        note(&mut behaviour, name, value).map(|()| behaviour)
    }

    #[test]
    fn every_switch_goes_on_and_off_and_refuses_the_rest() {
        for fault in FAULTS.iter().filter(|fault| fault.form.is_empty()) {
            let on = noted(fault.name, "").unwrap();
            assert_eq!(noted(fault.name, "1").unwrap(), on, "{}", fault.name);
            assert_ne!(noted(fault.name, "0").unwrap(), on, "{}", fault.name);
            assert!(noted(fault.name, "maybe").is_err(), "{}", fault.name);
        }
    }

    #[test]
    fn values_of_the_wrong_form_are_refused() {
        let wrong = [
            ("tokens", "many"),
            ("tokens", "1000001"),
            ("delay", "-1"),
            ("status", "99"),
            ("status", "101"),
            ("cut", ""),
            ("error-after", "head"),
            ("malformed", "everything"),
            ("pieces", "0"),
            ("interim", "100"),
            ("interim", "101"),
            ("chaos", "1.5"),
            ("chaos", "NaN"),
            ("retry-after", "1\r\nset-cookie: x"),
            ("header", "no colon"),
            ("header", "two words: x"),
        ];
        for (name, value) in wrong {
            assert!(noted(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn names_may_be_written_with_underscores_and_capitals() {
        let expected = noted("token-delay", "5").unwrap();
        assert_eq!(noted("token_delay", "5").unwrap(), expected);
        assert_eq!(noted("Token-Delay", "5").unwrap(), expected);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let refusal = noted("statsu", "500").unwrap_err().to_string();
        assert!(refusal.contains("\"statsu\"") && refusal.contains("status, retry-after"));
    }

    #[test]
    fn the_reference_and_the_help_list_every_fault() {
        let (page, help) = (faults_reference(), faults_help());
        assert_eq!(page.lines().count(), FAULTS.len() + 2);
        for fault in FAULTS {
            assert!(page.contains(&format!("| `{}` |", fault.name)));
            assert!(help.contains(&format!("  {}", fault.name)));
            assert!(!fault.meaning.contains('|') && fault.meaning.ends_with('.'));
        }
    }
}
