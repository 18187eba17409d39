//! The content of all responses: words for models, bytes for files. It is the same on every run,
//! so that a test can compare what it received with what was sent.

/// The words that text consists of, in turn. Some need escaping in JSON, some are not ASCII.
const WORDS: [&str; 32] = [
    "This",
    " answer",
    " was",
    " made",
    " by",
    " a",
    " mock",
    ",",
    " word",
    " after",
    " word",
    ";",
    " it",
    " says",
    " nothing",
    " new",
    ".",
    " A",
    " naïve",
    " reader",
    " may",
    " call",
    " it",
    " \"wise\"",
    " –",
    " we",
    " do",
    " not",
    " 🙂",
    ".\n",
    "Once",
    " more:",
];

/// Length in bytes after which the pattern repeats.
pub(crate) const PATTERN_PERIOD: usize = 65_536;

/// The `index`th token of every text response.
pub fn word(index: usize) -> &'static str {
    WORDS[index % WORDS.len()]
}

/// The first `tokens` tokens as one text.
pub fn text(tokens: usize) -> String {
    (0..tokens).map(word).collect()
}

/// The byte at `offset` of every binary body (files, speech, `big`).
pub fn pattern_byte(offset: u64) -> u8 {
    let place = offset % PATTERN_PERIOD as u64;
    (place.wrapping_mul(31) ^ (place >> 8)) as u8
}

/// The first `length` bytes of every binary body.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64).map(pattern_byte).collect()
}

/// The number of input tokens to report for a request of `bytes` bytes: one per four bytes.
pub(crate) fn input_tokens(bytes: usize) -> usize {
    (bytes / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_words_joined() {
        assert_eq!(text(0), "");
        assert_eq!(text(4), "This answer was made");
        assert_eq!(word(32), word(0));
    }

    #[test]
    fn the_pattern_repeats_after_its_period() {
        let bytes = pattern(PATTERN_PERIOD + 10);
        assert_eq!(bytes[..10], bytes[PATTERN_PERIOD..]);
        assert_ne!(bytes[..256], bytes[256..512]);
    }
}
