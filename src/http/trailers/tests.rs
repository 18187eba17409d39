//! The rule for trailer lines against httparse's for header lines, on any bytes.

use httparse::{EMPTY_HEADER, Status, parse_headers};
use proptest::prelude::*;

use super::*;

/// How far a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Refused,
    Unfinished,
    EndsAfter(usize),
}

fn ours(bytes: &[u8], line_end: LineEnd) -> Result<Verdict, BadTrailer> {
    let mut trailers = Trailers::new(line_end);
    for (at, byte) in bytes.iter().enumerate() {
        if trailers.step(*byte)? {
            return Ok(Verdict::EndsAfter(at + 1));
        }
    }
    Ok(Verdict::Unfinished)
}

fn of_heads(bytes: &[u8]) -> Verdict {
    let mut lines = [EMPTY_HEADER; MAX_HEADERS];
    match parse_headers(bytes, &mut lines) {
        Ok(Status::Complete((end, _))) => Verdict::EndsAfter(end),
        Ok(Status::Partial) => Verdict::Unfinished,
        Err(_) => Verdict::Refused,
    }
}

fn any_section() -> impl Strategy<Value = Vec<u8>> {
    let line_end = || proptest::sample::select(&["\r\n", "\n", "\r", "\r\r\n", ""][..]);
    let usual = (
        "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,4}",
        ":",
        "[ -~\t]{0,5}",
        Just("\r\n"),
    );
    let usual = usual.prop_map(|(name, colon, value, end)| [&name, &*colon, &value, end].concat());
    let odd = (
        "[ -~\t\0\u{1}\u{7f}é]{0,4}",
        "(:|: | :|)",
        "[ -~\t\0é]{0,4}",
        line_end(),
    );
    let odd = odd.prop_map(|(name, colon, value, end)| [&name, &*colon, &value, end].concat());
    let lines = proptest::collection::vec(prop_oneof![4 => usual, 1 => odd], 0..6);
    let changed = proptest::option::of((any::<proptest::sample::Index>(), any::<u8>()));
    (lines, line_end(), changed).prop_map(|(lines, end, changed)| {
        let mut bytes = [&*lines.concat(), end, "x"].concat().into_bytes();
        if let Some((at, byte)) = changed {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn trailer_lines_follow_the_rule_of_header_lines(bytes in any_section()) {
        let head = of_heads(&bytes);
        match ours(&bytes, LineEnd::BareLfToo) {
            // The one difference that is meant.
            Err(BadTrailer::Field) => {}
            Err(_) => prop_assert_eq!(head, Verdict::Refused),
            Ok(verdict) => prop_assert_eq!(head, verdict),
        }
    }

    #[test]
    fn refusing_bare_line_feeds_changes_nothing_else(bytes in any_section()) {
        let has_bare_lf = |bytes: &[u8]| {
            let crs = bytes.iter().take(bytes.len() - 1);
            let pairs = std::iter::once(&b' ').chain(crs).zip(bytes);
            pairs.into_iter().any(|(before, byte)| *byte == b'\n' && *before != b'\r')
        };
        let lenient = ours(&bytes, LineEnd::BareLfToo);
        let read = match lenient {
            Ok(Verdict::EndsAfter(end)) => &bytes[..end],
            _ => &bytes,
        };
        match ours(&bytes, LineEnd::CrLf) {
            Ok(verdict) => prop_assert_eq!(Ok(verdict), lenient),
            Err(_) => prop_assert!(lenient.is_err() || has_bare_lf(read)),
        }
    }
}

#[test]
fn fields_of_framing_and_routing_are_refused_in_any_case() {
    for name in FORBIDDEN {
        let name = std::str::from_utf8(name).expect("ASCII");
        for spelled in [name.to_owned(), name.to_uppercase()] {
            let section = format!("X-A: 1\r\n{spelled}: 5\r\n\r\n");
            let verdict = ours(section.as_bytes(), LineEnd::CrLf);
            assert_eq!(verdict, Err(BadTrailer::Field), "{spelled}");
        }
        for other in [format!("{name}x"), format!("x{name}"), name[1..].to_owned()] {
            let section = format!("{other}: 5\r\n\r\n");
            let verdict = ours(section.as_bytes(), LineEnd::CrLf);
            assert_eq!(verdict, Ok(Verdict::EndsAfter(section.len())), "{other}");
        }
    }
}

#[test]
fn a_section_holds_as_much_as_a_head() {
    let lines = |count| "X: y\r\n".repeat(count) + "\r\n";
    let line = |length: usize| format!("X:{}\r\n\r\n", "v".repeat(length - "X:\r\n\r\n".len()));
    for (section, most) in [
        (lines(MAX_HEADERS), true),
        (lines(MAX_HEADERS + 1), false),
        (line(MAX_HEAD), true),
        (line(MAX_HEAD + 1), false),
    ] {
        let expected = match most {
            true => Ok(Verdict::EndsAfter(section.len())),
            false => Err(BadTrailer::TooLarge),
        };
        assert_eq!(ours(section.as_bytes(), LineEnd::CrLf), expected);
    }
}
