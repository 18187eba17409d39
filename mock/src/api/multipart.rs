//! Reads an upload in `multipart/form-data` from a complete request body.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::Multipart;

use crate::api_error::ApiError;
use crate::request::Request;

/// The parts of a form, in their order.
#[derive(Debug)]
pub(super) struct Form(Vec<Part>);

/// One part of a form.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) bytes: Bytes,
}

impl Form {
    /// Reads the form in the body of `request`.
    ///
    /// # Errors
    /// A 400 when the body is not a form or is malformed.
    pub(super) fn read(request: &Request) -> Result<Self, ApiError> {
        let content_type = request.header("content-type").unwrap_or_default();
        let boundary = multer::parse_boundary(content_type)
            .map_err(|_| ApiError::bad_request("Expected multipart/form-data."))?;
        // Reading never has to wait, since all of the body is there.
        let parts = parts(request.body.clone(), boundary).now_or_never();
        let parts = parts.and_then(Result::ok).map(Self);
        parts.ok_or_else(|| ApiError::bad_request("The multipart body is malformed."))
    }

    /// The part `name`.
    ///
    /// # Errors
    /// A 400 when the form has no such part.
    pub(super) fn part(&self, name: &'static str) -> Result<&Part, ApiError> {
        self.find(name).ok_or_else(|| ApiError::missing(name))
    }

    /// The part `name` as text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(&self.find(name)?.bytes).ok()
    }

    fn find(&self, name: &str) -> Option<&Part> {
        self.0
            .iter()
            .find(|part| part.name.as_deref() == Some(name))
    }
}

async fn parts(body: Bytes, boundary: String) -> multer::Result<Vec<Part>> {
    let body = stream::iter([Ok::<Bytes, Infallible>(body)]);
    let mut form = Multipart::new(body, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await? {
        parts.push(Part {
            name: field.name().map(str::to_owned),
            filename: field.file_name().map(str::to_owned),
            bytes: field.bytes().await?,
        });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::request::take_head;

    const FORM: &[u8] =
        b"--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
        --XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
        Content-Type: x/y\r\n\r\n\0\r\n--X\r\n\r\n--XX--\r\n";

    fn read(content_type: &str, body: &'static [u8]) -> Result<Form, ApiError> {
        let head = format!("POST / HTTP/1.1\r\ncontent-type: {content_type}\r\n\r\n");
        let head = take_head(&mut BytesMut::from(head.as_bytes()));
        let mut request = head.unwrap().unwrap();
        request.body = Bytes::from_static(body);
        Form::read(&request)
    }

    #[test]
    fn a_form_is_split_into_its_parts() {
        let form = read("multipart/form-data; boundary=XX", FORM).unwrap();
        assert_eq!(form.text("purpose"), Some("batch"));
        let file = form.part("file").unwrap();
        assert_eq!(file.filename.as_deref(), Some("a.bin"));
        assert_eq!(&file.bytes[..], b"\0\r\n--X\r\n");
        assert_eq!(form.part("other").unwrap_err().param, Some("other"));
    }

    #[test]
    fn a_form_that_is_cut_anywhere_is_refused() {
        for end in 0..FORM.len() - 4 {
            let form = read("multipart/form-data; boundary=XX", &FORM[..end]);
            assert_eq!(form.unwrap_err().status, 400, "{end}");
        }
    }

    #[test]
    fn the_boundary_may_be_quoted() {
        let table = [
            ("multipart/form-data; boundary=XX", true),
            ("Multipart/Form-Data; charset=x; Boundary=\"XX\"", true),
            ("multipart/mixed; boundary=XX", false),
            ("multipart/form-data", false),
        ];
        for (content_type, accepted) in table {
            assert_eq!(read(content_type, FORM).is_ok(), accepted, "{content_type}");
        }
    }
}
