//! Reads an HTTP/1.1 response head: its lines, how its body is framed, and what makes it unfit to
//! relay (RFC 9112 §2.2, §5, §6). The connection acts on what this says.

use std::time::Duration;

use actix_http::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;
use httparse::{Header, ParserConfig, Response, Status};
use thiserror::Error;

use crate::http::{
    self, MAX_HEAD, MAX_HEADERS,
    chunks::{ChunkScanner, MalformedChunks},
    content_length::decimal,
    has_token,
    trailers::LineEnd,
};

#[cfg(test)]
mod tests;

const TIMEOUT: &[u8] = b"timeout";

/// How the end of a response body is known (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: HEAD, 1xx, 204, 304, or a length of zero.
    Bodyless,
    /// This many bytes are still to come.
    Length(u64),
    /// Chunked transfer coding.
    Chunked(ChunkScanner),
    /// Everything until the connection closes.
    UntilClose,
    /// A tunnel of bytes after a 101.
    Tunnel,
}

/// What the connection must know about a complete response head.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the head, the empty line included.
    pub len: usize,
    pub status: StatusCode,
    pub framing: Framing,
    /// The connection may carry another exchange after this one.
    pub keep_alive: bool,
    /// How long the upstream keeps an idle connection: `Keep-Alive: timeout=N`, in seconds.
    pub idle_timeout: Option<Duration>,
}

impl Head {
    /// Nothing but a body follows it: any status but 1xx, and 101.
    pub fn is_final(&self) -> bool {
        is_final(self.status)
    }
}

fn is_final(status: StatusCode) -> bool {
    !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS
}

/// Why a response head or body cannot be relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    #[error("not a response head")]
    Syntax,
    #[error("more than {MAX_HEADERS} header lines or {MAX_HEAD} bytes of head")]
    HeadTooLarge,
    #[error("Content-Length is not one decimal number")]
    ContentLength,
    #[error("Transfer-Encoding is not exactly \"chunked\"")]
    TransferEncoding,
    #[error("both Content-Length and Transfer-Encoding")]
    AmbiguousLength,
    #[error(transparent)]
    Chunks(#[from] MalformedChunks),
    #[error("101 to a request that asked for no upgrade")]
    UnaskedUpgrade,
    #[error("101 with a body")]
    FramedUpgrade,
}

/// The kind of the request, as far as it affects the framing of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    #[default]
    Ordinary,
    /// HEAD: the response has no body, whatever its headers say.
    Head,
    /// A WebSocket handshake: 101 is a legal response.
    Upgrade,
}

/// Reads the response head at the start of `bytes`; `None` while it is incomplete. The lines of a
/// final head are added to `headers`, their values as slices of `bytes`.
pub fn read_head(
    bytes: &Bytes,
    asked: Asked,
    headers: &mut HeaderMap,
) -> Result<Option<Head>, Malformed> {
    let mut slots = [std::mem::MaybeUninit::<Header<'_>>::uninit(); MAX_HEADERS];
    let mut response = Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut slots,
    );
    let len = match parsed {
        Ok(Status::Complete(len)) if len <= MAX_HEAD => len,
        Ok(Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Malformed::HeadTooLarge);
        }
        Ok(Status::Partial) if bytes.len() >= MAX_HEAD => return Err(Malformed::HeadTooLarge),
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(Malformed::Syntax),
    };
    let code = response.code.ok_or(Malformed::Syntax)?;
    let status = StatusCode::from_u16(code).map_err(|_| Malformed::Syntax)?;
    if status == StatusCode::SWITCHING_PROTOCOLS && asked != Asked::Upgrade {
        return Err(Malformed::UnaskedUpgrade);
    }
    let http11 = response.version == Some(1);
    let lines = Lines::read(response.headers)?;
    let framing = lines.framing(status, asked, http11)?;
    if is_final(status) {
        collect(response.headers, bytes, headers)?;
    }
    Ok(Some(Head {
        len,
        status,
        keep_alive: lines.keeps_alive(status, http11) && framing != Framing::UntilClose,
        idle_timeout: lines.idle_timeout,
        framing,
    }))
}

/// Adds header lines as actix-http's types, which accept what httparse accepts.
fn collect(lines: &[Header<'_>], bytes: &Bytes, headers: &mut HeaderMap) -> Result<(), Malformed> {
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(line.value));
        match (name, value) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => return Err(Malformed::Syntax),
        }
    }
    Ok(())
}

/// The lines of a head that control framing and the connection.
#[derive(Default)]
struct Lines {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    idle_timeout: Option<Duration>,
}

impl Lines {
    fn read(headers: &[Header<'_>]) -> Result<Lines, Malformed> {
        let mut lines = Lines::default();
        for header in headers {
            // Lengths are compared first, so that most lines cost one comparison.
            match header.name.len() {
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    if lines.length.is_some() {
                        return Err(Malformed::ContentLength);
                    }
                    lines.length = Some(decimal(header.value).ok_or(Malformed::ContentLength)?);
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    let chunked = header.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                    if lines.chunked || !chunked {
                        return Err(Malformed::TransferEncoding);
                    }
                    lines.chunked = true;
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    lines.close |= has_token(header.value, b"close");
                    lines.keep_alive |= has_token(header.value, b"keep-alive");
                }
                10 if header.name.eq_ignore_ascii_case("keep-alive") => {
                    lines.idle_timeout = idle_timeout(header.value).or(lines.idle_timeout);
                }
                _ => {}
            }
        }
        Ok(lines)
    }

    fn framing(
        &self,
        status: StatusCode,
        asked: Asked,
        http11: bool,
    ) -> Result<Framing, Malformed> {
        if self.chunked && self.length.is_some() {
            return Err(Malformed::AmbiguousLength);
        }
        if self.chunked && !http11 {
            return Err(Malformed::TransferEncoding);
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return match self.announces_body() {
                true => Err(Malformed::FramedUpgrade),
                false => Ok(Framing::Tunnel),
            };
        }
        if asked == Asked::Head || is_bodyless(status) {
            return Ok(Framing::Bodyless);
        }
        Ok(match (self.chunked, self.length) {
            // httparse accepts a bare LF in heads, so trailers may have one, too.
            (true, _) => Framing::Chunked(ChunkScanner::new(LineEnd::BareLfToo)),
            (false, Some(0)) => Framing::Bodyless,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClose,
        })
    }

    fn announces_body(&self) -> bool {
        self.chunked || self.length.is_some_and(|length| length > 0)
    }

    /// A 204 has no body (RFC 9110 §15.3.5), but one that announces a body may be followed by one,
    /// which must not be taken for the next response.
    fn keeps_alive(&self, status: StatusCode, http11: bool) -> bool {
        let trusted = status != StatusCode::NO_CONTENT || !self.announces_body();
        trusted && !self.close && (http11 || self.keep_alive)
    }
}

fn is_bodyless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// `timeout=5, max=100` (RFC 2068 §19.7.1.1): the seconds, if they are a number.
fn idle_timeout(value: &[u8]) -> Option<Duration> {
    http::items(value).find_map(|parameter| {
        let (name, seconds) = parameter.split_at_checked(TIMEOUT.len())?;
        let seconds = seconds.trim_ascii_start().strip_prefix(b"=")?;
        let is_it = name.eq_ignore_ascii_case(TIMEOUT);
        is_it.then(|| decimal(seconds).map(Duration::from_secs))?
    })
}
