//! Escapes text of callers and upstreams, so that it neither ends a log line nor controls a
//! terminal.

use std::fmt::{self, Write};

/// Writes the content of a JSON string (RFC 8259 §7). Also escapes characters that control a
/// terminal, since logs are read there.
pub fn json<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(is_plain) {
        return out.write_str(text);
    }
    let needs_escape = |char| matches!(char, '"' | '\\') || steers_a_terminal(char);
    escaping(out, text, needs_escape, |out, char| match char {
        '"' => out.write_str("\\\""),
        _ => short_escape(out, char, |out| {
            let units: &mut [u16] = &mut [0; 2];
            let mut units = char.encode_utf16(units).iter();
            units.try_for_each(|unit| write!(out, "\\u{unit:04x}"))
        }),
    })
}

/// Writes text for people. A backslash is doubled, so that an escape cannot be imitated.
pub fn prose<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    let needs_escape = |char| char == '\\' || steers_a_terminal(char);
    escaping(out, text, needs_escape, visible)
}

/// Writes one word of a line for people, such as a path. Escapes white space, too, so that it
/// cannot look like several words.
pub fn word<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    let needs_escape = |char: char| char == '\\' || char.is_whitespace() || steers_a_terminal(char);
    escaping(out, text, needs_escape, visible)
}

fn visible<W: Write + ?Sized>(out: &mut W, char: char) -> fmt::Result {
    let code = u32::from(char);
    short_escape(out, char, |out| write!(out, "\\u{{{code:x}}}"))
}

/// Writes the two-character escapes that JSON and most languages share; `long` writes all others.
fn short_escape<W: Write + ?Sized>(
    out: &mut W,
    char: char,
    long: impl FnOnce(&mut W) -> fmt::Result,
) -> fmt::Result {
    match char {
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        _ => long(out),
    }
}

fn escaping<W: Write + ?Sized>(
    out: &mut W,
    text: &str,
    needs_escape: impl Fn(char) -> bool,
    escape: impl Fn(&mut W, char) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(&needs_escape) {
        let (plain, from_escape) = rest.split_at(at);
        out.write_str(plain)?;
        let mut chars = from_escape.chars();
        if let Some(char) = chars.next() {
            escape(out, char)?;
        }
        rest = chars.as_str();
    }
    out.write_str(rest)
}

/// The character controls a terminal, or changes the order or visibility of the text after it:
/// control characters and Unicode's invisible format characters.
fn steers_a_terminal(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut out = String::new();
        write(&mut out).unwrap();
        out
    }

    fn is_visible(text: &str) -> bool {
        !text.chars().any(steers_a_terminal)
    }

    #[test]
    fn common_escapes_are_used() {
        let text = "a\nb\r\t\u{1b}[31m \\ \"ü\" \u{9b}2J \u{202e}x\u{e0041}";
        assert_eq!(
            written(|out| prose(out, text)),
            r#"a\nb\r\t\u{1b}[31m \\ "ü" \u{9b}2J \u{202e}x\u{e0041}"#
        );
        assert_eq!(
            written(|out| word(out, "a b\u{a0}c\\d")),
            r"a\u{20}b\u{a0}c\\d"
        );
        assert_eq!(
            written(|out| json(out, text)),
            r#"a\nb\r\t\u001b[31m \\ \"ü\" \u009b2J \u202ex\udb40\udc41"#
        );
    }

    #[test]
    fn every_byte_stays_inside_its_line() {
        for byte in 0..=u8::MAX {
            let text = String::from_utf8_lossy(&[b'a', byte, b'z']).into_owned();
            for text in [text, format!("a{}z", char::from(byte))] {
                for shown in [
                    written(|out| json(out, &text)),
                    written(|out| prose(out, &text)),
                    written(|out| word(out, &text)),
                ] {
                    assert!(is_visible(&shown), "{byte} {shown:?}");
                }
                let quoted = format!("\"{}\"", written(|out| json(out, &text)));
                assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_visible_line_and_json_reads_it_back(text in any::<String>()) {
            let quoted = format!("\"{}\"", written(|out| json(out, &text)));
            prop_assert!(is_visible(&quoted));
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text.clone());
            prop_assert!(is_visible(&written(|out| prose(out, &text))));
            let word = written(|out| word(out, &text));
            prop_assert!(is_visible(&word) && !word.contains(char::is_whitespace));
        }

        #[test]
        fn different_texts_look_different(
            one in "[a\\\\n\n{}1]{0,6}",
            other in "[a\\\\n\n{}1]{0,6}",
        ) {
            let (shown, other_shown) =
                (written(|out| prose(out, &one)), written(|out| prose(out, &other)));
            prop_assert_eq!(one == other, shown == other_shown);
        }
    }
}
