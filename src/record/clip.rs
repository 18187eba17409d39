//! How much of a caller's text does a line of the log repeat? The lines of one caller must not
//! crowd out those of others.

use std::fmt::{self, Write};

/// The whole characters in the first `most` bytes of a text, and the number of bytes left out.
pub fn cut(text: &str, most: usize) -> (&str, usize) {
    if text.len() <= most {
        return (text, 0);
    }
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=most).rev().find(is_boundary).unwrap_or_default();
    (&text[..end], text.len() - end)
}

/// Writes a text, or its first `most` bytes and the number of bytes left out.
pub fn clip<W: Write>(out: &mut W, text: &str, most: usize) -> fmt::Result {
    let (kept, left_out) = cut(text, most);
    out.write_str(kept)?;
    match left_out {
        0 => Ok(()),
        _ => write!(out, "[{left_out} bytes more]"),
    }
}

/// A text that is clipped when it is displayed.
pub struct Clipped<'a> {
    pub text: &'a str,
    /// Most bytes that are displayed.
    pub most: usize,
}

impl fmt::Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        clip(f, self.text, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_say_what_is_left_out() {
        for (text, most, expected) in [
            ("", 3, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc[1 bytes more]"),
            ("aüb", 2, "a[3 bytes more]"),
            ("abc", 0, "[3 bytes more]"),
        ] {
            assert_eq!(Clipped { text, most }.to_string(), expected);
        }
    }
}
