//! `ETag` and `If-Match` (RFC 9110 §13.1.1): an object's tag is its revision in quotes.

use actix_http::header::{HeaderMap, IF_MATCH};

use crate::{
    control::Expected,
    error::{Code, GatewayError},
};

/// The tag of an object.
pub(super) fn of(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The revisions that a request accepts.
///
/// # Errors
/// A tag is not in quotes.
pub(super) fn expected(headers: &HeaderMap) -> Result<Expected, GatewayError> {
    let mut revisions = Vec::new();
    let mut lines = headers.get_all(IF_MATCH).peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    for line in lines {
        let text = line.to_str().map_err(|_| malformed())?;
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(None);
            }
            // A weak tag never matches, nor does one that we have not made.
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = strong.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            let inner = inner.ok_or_else(malformed)?;
            if let (Ok(revision), true) = (inner.parse(), strong.len() == tag.len()) {
                revisions.push(revision);
            }
        }
    }
    Ok(Some(revisions))
}

fn malformed() -> GatewayError {
    let message = "If-Match has the ETag of the object, in its quotes, or *";
    GatewayError::new(Code::InvalidHeader, message)
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    #[test]
    fn tags_are_quoted_revisions() {
        for (lines, accepted) in [
            (&[][..], Some(None)),
            (&["*"], Some(None)),
            (&["\"7\""], Some(Some(vec![7]))),
            (&["\"7\", \"8\""], Some(Some(vec![7, 8]))),
            (&["\"7\"", "\"8\""], Some(Some(vec![7, 8]))),
            (&["W/\"7\""], Some(Some(vec![]))),
            (&["\"other\""], Some(Some(vec![]))),
            (&["7"], None),
            (&[""], None),
            (&["\"7"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_MATCH, HeaderValue::from_static(line));
            }
            assert_eq!(expected(&headers).ok(), accepted, "{lines:?}");
        }
    }
}
