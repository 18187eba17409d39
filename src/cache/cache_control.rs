//! Reads the one `Cache-Control` directive (RFC 9111 §5.2) that the cache honours: `no-store`.

use actix_http::header::{self, HeaderMap};

/// Whether any `Cache-Control` line contains `no-store`.
pub fn says_no_store(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CACHE_CONTROL);
    lines.any(|line| has_directive(line.as_bytes(), b"no-store"))
}

fn has_directive(line: &[u8], name: &[u8]) -> bool {
    let is_it = |part: &[u8]| {
        let said = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        said.trim_ascii().eq_ignore_ascii_case(name)
    };
    let mut quote = Quote::Outside;
    let among = line
        .split(|byte| quote.step(*byte) == Quote::Outside && *byte == b',')
        .any(is_it);
    // An unclosed quote hides nothing. The line is malformed, and not storing is the safe reading.
    among || (quote != Quote::Outside && line.split(|byte| *byte == b',').any(is_it))
}

/// Whether a byte of the line is inside a quoted string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Outside,
    Inside,
    /// After a backslash in a quoted string.
    Escaped,
}

impl Quote {
    fn step(&mut self, byte: u8) -> Quote {
        *self = match (*self, byte) {
            (Quote::Outside, b'"') => Quote::Inside,
            (Quote::Outside, _) | (Quote::Inside, b'"') => Quote::Outside,
            (Quote::Inside, b'\\') => Quote::Escaped,
            (Quote::Inside | Quote::Escaped, _) => Quote::Inside,
        };
        *self
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_directive_is_found_in_any_case_and_line_and_not_inside_quotes() {
        for (lines, expected) in [
            (&[][..], false),
            (&["no-store"], true),
            (&["No-Store"], true),
            (&["private , NO-STORE\t, max-age=0"], true),
            (&["max-age=60", "no-store"], true),
            (&["no-store=\"x\""], true),
            (&["no-store = 1"], true),
            (&[",,no-store"], true),
            (&["no-cache, private"], false),
            (&["x-no-store, no-stored"], false),
            (&["ext=no-store"], false),
            (&["ext=\"a, no-store, b\""], false),
            (&["ext=\"a\\\", no-store\""], false),
            (&["ext=\"a\\\\\", no-store"], true),
            (&["ext=\"a, no-store"], true),
            (&["no-store, ext=\""], true),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                let value = HeaderValue::from_static(line);
                headers.append(header::CACHE_CONTROL, value);
            }
            assert_eq!(says_no_store(&headers), expected, "{lines:?}");
        }
    }
}
