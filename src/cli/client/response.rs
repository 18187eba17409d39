//! What did the gateway respond? Status and body of a response that was read up to the end of its
//! connection, which must be complete by its own framing.

use std::io;

use super::NoResponse;
use crate::http::{
    MAX_HEADERS,
    chunks::{ChunkScanner, MalformedChunks},
    content_length::decimal,
    trailers::LineEnd,
};

/// A complete response.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// How the body's end is found.
enum Framing {
    None,
    Chunked,
    Length(usize),
    UntilClose,
}

/// Reads a response. `closed`: whether the connection was closed as it should be.
pub(super) fn read(
    bytes: Vec<u8>,
    method: &str,
    closed: io::Result<()>,
) -> Result<Response, NoResponse> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut lines);
    let length = match head.parse(&bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.starts_with(b"HTTP/1.") => return Err(cut(closed)),
        Ok(httparse::Status::Partial) | Err(_) => return Err(NoResponse::NotHttp),
    };
    let status = head.code.unwrap_or_default();
    let framing = framing(method, status, head.headers)?;
    let rest = &bytes[length..];
    let body = match framing {
        Framing::None => Vec::new(),
        Framing::Length(length) => rest.get(..length).ok_or_else(|| cut(closed))?.to_vec(),
        Framing::UntilClose => closed.map(|()| rest.to_vec()).map_err(NoResponse::Lost)?,
        Framing::Chunked => match unchunk(rest) {
            Ok(Some(body)) => body,
            Ok(None) => return Err(cut(closed)),
            Err(_) => return Err(NoResponse::NotHttp),
        },
    };
    Ok(Response { status, body })
}

fn framing(
    method: &str,
    status: u16,
    headers: &[httparse::Header<'_>],
) -> Result<Framing, NoResponse> {
    let value = |name: &str| {
        let mut lines = headers.iter();
        lines
            .find(|line| line.name.eq_ignore_ascii_case(name))
            .map(|line| line.value)
    };
    if method == "HEAD" || matches!(status, 204 | 304) {
        return Ok(Framing::None);
    }
    if value("transfer-encoding").is_some() {
        return Ok(Framing::Chunked);
    }
    let Some(length) = value("content-length") else {
        return Ok(Framing::UntilClose);
    };
    let length = decimal(length).and_then(|length| usize::try_from(length).ok());
    length.map(Framing::Length).ok_or(NoResponse::NotHttp)
}

fn cut(closed: io::Result<()>) -> NoResponse {
    let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
    NoResponse::Lost(closed.err().unwrap_or_else(end))
}

/// The data of a chunked body; `None`: it has no end.
fn unchunk(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, MalformedChunks> {
    let mut scanner = ChunkScanner::new(LineEnd::CrLf);
    let mut data = Vec::new();
    loop {
        let skipped = scanner.skip_framing(bytes)?;
        bytes = &bytes[skipped.length..];
        if skipped.ended {
            return Ok(Some(data));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let (chunk, rest) = bytes.split_at(scanner.take_data(bytes.len()));
        data.extend_from_slice(chunk);
        bytes = rest;
    }
}
