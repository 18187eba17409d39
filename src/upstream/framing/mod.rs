//! Where an HTTP/1.1 response head ends, how its body is framed, and what makes it unfit to relay (RFC 9112 §2.2, §5, §6).
//! Looks at bytes, moves none; the connection acts on what this says.

use httparse::{Header, ParserConfig, Response, Status};
use thiserror::Error;

use super::{chunks::ChunkScanner, trailers::LineEnd};

#[cfg(test)]
mod tests;

/// Most header lines of a response head; awc's own limit.
pub const MAX_HEADERS: usize = 96;
/// Largest response head in bytes; awc's own limit.
pub const MAX_HEAD: usize = 128 * 1024;

/// How the end of a response body is known (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: HEAD, 1xx, 204, 304, or a length of zero.
    Bodyless,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunked transfer coding.
    Chunked(ChunkScanner),
    /// Everything until the connection closes.
    UntilClose,
    /// Not a message any more: 101 was answered.
    Tunnel,
}

/// A complete response head, as far as the transport must know it.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes up to and with the empty line.
    pub len: usize,
    pub status: u16,
    pub framing: Framing,
    /// The connection may carry another exchange after this one.
    pub keep_alive: bool,
    /// Where the minor version digit stands when awc must be shown HTTP/1.0, because only then it reads until close.
    pub show_as_http10: Option<usize>,
    /// There are `Upgrade` lines outside a 101, which awc would take for a tunnel.
    pub blank_upgrades: bool,
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
    #[error("broken chunked coding")]
    Chunks,
    #[error("a chunk's size line is too long")]
    ChunkLine,
    #[error("a line behind the last chunk is no header line")]
    TrailerLine,
    #[error("a field of framing or routing behind the last chunk")]
    TrailerField,
    #[error("more than {MAX_HEADERS} lines or {MAX_HEAD} bytes behind the last chunk")]
    TrailersTooLarge,
    #[error("101 to a request that asked for no upgrade")]
    UnaskedUpgrade,
    #[error("101 with a body")]
    FramedUpgrade,
}

/// What the request was, as far as it rules the framing of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    #[default]
    Ordinary,
    /// HEAD: the answer has no body whatever its headers say.
    Head,
    /// A WebSocket handshake: 101 is a legal answer.
    Upgrade,
}

/// Reads the response head at the start of `bytes`; `None` while it is incomplete.
pub fn read_head(bytes: &[u8], asked: Asked) -> Result<Option<Head>, Malformed> {
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
    let status = response.code.ok_or(Malformed::Syntax)?;
    if status < 100 || (status == 101 && asked != Asked::Upgrade) {
        return Err(match status {
            101 => Malformed::UnaskedUpgrade,
            _ => Malformed::Syntax,
        });
    }
    let http11 = response.version == Some(1);
    let lines = Lines::read(response.headers)?;
    let framing = lines.framing(status, asked, http11)?;
    let until_close = framing == Framing::UntilClose;
    Ok(Some(Head {
        len,
        status,
        keep_alive: lines.keeps_alive(status, http11) && !until_close,
        // Leading empty lines are legal, so the version is looked for.
        show_as_http10: (until_close && http11)
            .then(|| memchr::memchr(b'/', bytes))
            .flatten()
            .map(|slash| slash + 3),
        blank_upgrades: lines.upgrade && status != 101,
        framing,
    }))
}

/// Changes a head so that awc reads it as it is meant: see [`Head::show_as_http10`] and [`Head::blank_upgrades`]. Moves no
/// byte. The blank lines are hop-by-hop and end here anyway.
pub fn adapt_for_awc(bytes: &mut [u8], head: &Head) {
    if let Some(digit) = head.show_as_http10 {
        bytes[digit] = b'0';
    }
    if !head.blank_upgrades {
        return;
    }
    for line in bytes[..head.len].split_mut(|byte| *byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        if line[..colon].eq_ignore_ascii_case(b"upgrade") {
            let end = line.len() - usize::from(line.ends_with(b"\r"));
            line[colon + 1..end].fill(b' ');
        }
    }
}

/// The lines of a head that rule framing and the connection.
#[derive(Default)]
struct Lines {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Lines {
    fn read(headers: &[Header<'_>]) -> Result<Lines, Malformed> {
        let mut lines = Lines::default();
        for header in headers {
            // Names are told apart by length first: most lines cost one comparison.
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
                7 if header.name.eq_ignore_ascii_case("upgrade") => lines.upgrade = true,
                _ => {}
            }
        }
        Ok(lines)
    }

    fn framing(&self, status: u16, asked: Asked, http11: bool) -> Result<Framing, Malformed> {
        if self.chunked && self.length.is_some() {
            return Err(Malformed::AmbiguousLength);
        }
        if self.chunked && !http11 {
            return Err(Malformed::TransferEncoding);
        }
        if status == 101 {
            return match self.announces_body() {
                true => Err(Malformed::FramedUpgrade),
                false => Ok(Framing::Tunnel),
            };
        }
        if asked == Asked::Head || status < 200 || status == 204 || status == 304 {
            return Ok(Framing::Bodyless);
        }
        Ok(match (self.chunked, self.length) {
            // httparse takes a bare LF in heads; trailers keep the same rule.
            (true, _) => Framing::Chunked(ChunkScanner::new(LineEnd::BareLfToo)),
            (false, Some(0)) => Framing::Bodyless,
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::UntilClose,
        })
    }

    fn announces_body(&self) -> bool {
        self.chunked || self.length.is_some_and(|length| length > 0)
    }

    /// A 204 that announces a body (RFC 9110 §15.3.5 has none) may be followed by one, which must not meet the next request.
    fn keeps_alive(&self, status: u16, http11: bool) -> bool {
        let trusted = status != 204 || !self.announces_body();
        trusted && !self.close && (http11 || self.keep_alive)
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all_digits
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .flatten()
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}
