//! Patterns with `*`, matched in linear time.

/// Whether `text` is `pattern`, where each `*` stands for any characters, or none.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(prefix) else {
        return false;
    };
    let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The first place of a piece between two stars is the best: it leaves the most text.
    for piece in middle.split('*') {
        match text.split_once(piece) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(suffix)
}

/// Whether a path matches segment by segment: a `*` stays within its segment, but a last segment
/// `*` stands for all that follow.
pub(super) fn matches_path(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let (before, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let mut before = before.split('/');
    let begins = before.all(|pattern| segments.next().is_some_and(|it| matches(pattern, it)));
    let Some(segment) = segments.next().filter(|_| begins) else {
        return false;
    };
    last == "*" || (matches(last, segment) && segments.next().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By trying everything.
    fn slowly(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skipped| slowly(rest, &text[skipped..])),
            Some((byte, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first == byte && slowly(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_trying_everything(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let expected = slowly(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }

    #[test]
    fn a_star_stays_in_its_segment_unless_it_is_the_last_one() {
        for (pattern, path, expected) in [
            ("/v1/chat/completions", "/v1/chat/completions", true),
            ("/v1/chat/completions", "/v1/chat/completions/", false),
            ("/v1/chat/completions", "/v1/chat/completions/x", false),
            ("/v1/chat/completions", "/v1/chat", false),
            ("/v1/audio/*", "/v1/audio/speech", true),
            ("/v1/audio/*", "/v1/audio/a/b", true),
            ("/v1/audio/*", "/v1/audio/", true),
            ("/v1/audio/*", "/v1/audio", false),
            ("/v1/audio/*", "/v1/audiox/speech", false),
            ("/v1/files/*/content", "/v1/files/f-1/content", true),
            ("/v1/files/*/content", "/v1/files/a/b/content", false),
            ("/m/*:generate", "/m/gemini:generate", true),
            ("/m/*:generate", "/m/a/b:generate", false),
            ("/m/*:generate", "/m/gemini:count", false),
            ("/*", "/anything/at/all", true),
            ("/*", "/", true),
            ("/", "/", true),
            ("/", "/v1", false),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        }
    }
}
