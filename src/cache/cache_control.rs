//! Reads `Cache-Control` (RFC 9111 §5.2) as far as the cache asks: is one directive among them?

use actix_http::header::{self, HeaderMap};

/// A line of the message says `no-store`.
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
    // A quote that never closes hides nothing: who meant what is not to be known, and not storing does no harm.
    among || (quote != Quote::Outside && line.split(|byte| *byte == b',').any(is_it))
}

/// Where in a line a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Outside,
    Inside,
    /// Behind a backslash inside.
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
