//! Just enough of `multipart/form-data` to tell the parts of an upload apart. Reads a whole body.

use memchr::memmem;

use crate::problem::Problem;
use crate::request::Request;

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) bytes: &'a [u8],
}

/// The parts of `request`'s form, in their order.
///
/// # Errors
/// A 400 when the body is no form, or is cut off inside one.
pub(super) fn parts(request: &Request) -> Result<Vec<Part<'_>>, Problem> {
    let boundary = request.header("content-type").and_then(boundary);
    let boundary = boundary.ok_or_else(|| Problem::bad_request("Expected multipart/form-data."))?;
    split(&request.body, boundary)
        .ok_or_else(|| Problem::bad_request("The multipart body is malformed."))
}

/// The text of the part `name`.
pub(super) fn text<'a>(parts: &[Part<'a>], name: &str) -> Option<&'a str> {
    let part = parts.iter().find(|part| part.name == name)?;
    std::str::from_utf8(part.bytes).ok()
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    let form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let ours = name.trim().eq_ignore_ascii_case("boundary");
        ours.then(|| value.trim().trim_matches('"'))
    })?;
    (form && !value.is_empty()).then_some(value)
}

fn split<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let opening = &delimiter.as_bytes()[2..];
    let mut rest = match body.strip_prefix(opening) {
        Some(rest) => rest,
        None => &body[finder.find(body)? + delimiter.len()..],
    };
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = finder.find(rest)?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + delimiter.len()..];
    }
    Some(parts)
}

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let disposition = head.lines().find(|line| {
        line.get(..20)
            .is_some_and(|name| name.eq_ignore_ascii_case("content-disposition:"))
    })?;
    Some(Part {
        name: parameter(disposition, "name")?,
        filename: parameter(disposition, "filename"),
        bytes: &bytes[end + 4..],
    })
}

/// The quoted parameter `name` of a header line; a `;` inside quotes is not looked for.
fn parameter(line: &str, name: &str) -> Option<String> {
    line.split(';').find_map(|piece| {
        let (ours, value) = piece.trim().split_once('=')?;
        (ours == name).then(|| value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] =
        b"--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
        --XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
        Content-Type: x/y\r\n\r\n\0\r\n--X\r\n\r\n--XX--\r\n";

    #[test]
    fn the_parts_are_told_apart() {
        let parts = split(FORM, "XX").unwrap();
        assert_eq!(text(&parts, "purpose"), Some("batch"));
        assert_eq!(parts[1].filename.as_deref(), Some("a.bin"));
        assert_eq!(parts[1].bytes, b"\0\r\n--X\r\n");
    }

    #[test]
    fn a_form_that_is_cut_anywhere_is_refused() {
        for end in 0..FORM.len() - 4 {
            assert!(split(&FORM[..end], "XX").is_none(), "{end}");
        }
    }

    #[test]
    fn the_boundary_may_be_quoted() {
        let table = [
            ("multipart/form-data; boundary=a", Some("a")),
            (
                "Multipart/Form-Data; charset=x; Boundary=\"a b\"",
                Some("a b"),
            ),
            ("multipart/mixed; boundary=a", None),
            ("multipart/form-data", None),
        ];
        for (value, expected) in table {
            assert_eq!(boundary(value), expected, "{value}");
        }
    }
}
