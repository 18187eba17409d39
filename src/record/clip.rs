//! How much of what a caller chose does a line of the log repeat? No caller's lines may crowd out
//! those of others.

use std::fmt::{self, Write};

/// The whole characters in the first `most` bytes of a text, and how many bytes are left out.
pub fn cut(text: &str, most: usize) -> (&str, usize) {
    if text.len() <= most {
        return (text, 0);
    }
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=most).rev().find(is_boundary).unwrap_or_default();
    (&text[..end], text.len() - end)
}

/// Writes a text, or its first `most` bytes and how many are left out.
pub fn clip<W: Write>(out: &mut W, text: &str, most: usize) -> fmt::Result {
    let (kept, left_out) = cut(text, most);
    out.write_str(kept)?;
    match left_out {
        0 => Ok(()),
        _ => write!(out, "[{left_out} bytes more]"),
    }
}

/// A text that is clipped where it is shown.
pub struct Clipped<'a> {
    pub text: &'a str,
    /// Bytes that are shown at most.
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
    fn long_texts_are_cut_between_characters_and_tell_what_is_left_out() {
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
