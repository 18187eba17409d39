//! Finds `.` and `..` segments in a raw path, in any encoding. Changes nothing.

/// Whether a segment of `raw_path` is `.` or `..` after repeated percent-decoding, splitting on `/`
/// and `\`, and cutting each segment at its first `;`.
///
/// Servers differ in how often they decode and what ends a segment, so this is the strictest
/// reading of all of them. Linear in the length of the path.
pub fn has_dot_segment(raw_path: &[u8]) -> bool {
    fully_decoded(raw_path)
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .map(before_semicolon)
        .any(|segment| matches!(segment, b"." | b".."))
}

/// Percent-decodes until nothing is left to decode, in one pass: since a decoded byte may complete
/// another `%XX`, the end of the output is checked again after each byte.
fn fully_decoded(raw: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(raw.len());
    for &byte in raw {
        decoded.push(byte);
        while let Some(value) = trailing_escape(&decoded) {
            decoded.truncate(decoded.len() - 3);
            decoded.push(value);
        }
    }
    decoded
}

fn trailing_escape(decoded: &[u8]) -> Option<u8> {
    match decoded {
        [.., b'%', high, low] => Some(hex_value(*high)? << 4 | hex_value(*low)?),
        _ => None,
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn before_semicolon(segment: &[u8]) -> &[u8] {
    match memchr::memchr(b';', segment) {
        Some(end) => &segment[..end],
        None => segment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_found_in_every_spelling() {
        for path in [
            "/..",
            "/.",
            "..",
            "/v1/../x",
            "/v1/./x",
            "/v1/%2e%2e/x",
            "/v1/%2E./x",
            "/v1/.%2e",
            "/v1/%252e%252e/x",
            "/v1/%25252e%25252e/x",
            "/v1/%25%32%65%25%32%65/x",
            "/v1/%%32e%%32e/x",
            "/v1/x%2f..%2fy",
            "/v1/x%5c..%5cy",
            "/v1/x\\..\\y",
            "/v1/..;/x",
            "/v1/..;a=b/x",
            "/v1/..%3ba=b/x",
            "/v1/%2e%2e%253b/x",
            "/v1/.;/x",
        ] {
            assert!(has_dot_segment(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "",
            "/",
            "//",
            "/v1",
            "/v1/",
            "/v1/...",
            "/v1/..a/a..",
            "/v1/.well-known",
            "/v1/a.b",
            "/v1/a%2fb",
            "/v1/%",
            "/v1/%2",
            "/v1/%zz",
            "/v1/%2e%2e%2e",
            "/v1/models;v=..",
            "/v1/;..",
        ] {
            assert!(!has_dot_segment(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_path_encoded_a_hundred_thousand_times_is_judged_in_linear_time() {
        let path = format!("/%{}2e%2e", "25".repeat(100_000));
        assert!(has_dot_segment(path.as_bytes()));
    }
}
