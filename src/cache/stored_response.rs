//! A stored response: which headers are stored, how long it is fresh, and its binary form for
//! external stores. It reads no clock; callers pass the time.

use std::{sync::Arc, time::Duration};

use actix_http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::{BufMut as _, Bytes, BytesMut};

use crate::{
    http::hop_by_hop::{is_hop_by_hop, named_by_connection},
    memory::Reservation,
};

/// Milliseconds since 1970 by the wall clock: stores are shared between processes and outlive them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// The stored head of a response, without headers that concern only the original request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead {
    status: StatusCode,
    given_by: Option<GivenBy>,
    headers: Box<[(HeaderName, HeaderValue)]>,
}

/// The target that produced a response, as reported in reply headers: provider name and position in
/// the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBy {
    pub provider: HeaderValue,
    pub index: HeaderValue,
}

/// A stored response. The body is in one piece, so a replayed stream has no pauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    head: Arc<StoredHead>,
    body: Bytes,
    stored_at: UnixMillis,
    ttl: Duration,
}

/// End-to-end headers that are not stored: cookies belong to one caller, `Date` and `Age` to one
/// moment, and the length follows from the body.
const LEFT_OUT: [HeaderName; 4] = [
    header::SET_COOKIE,
    header::DATE,
    header::AGE,
    header::CONTENT_LENGTH,
];

/// Estimated memory for a response besides its texts: the structs, the key and the store's
/// bookkeeping.
const OVERHEAD: usize = 640;
/// Estimated memory for each header besides its text.
const LINE_OVERHEAD: usize = size_of::<(HeaderName, HeaderValue)>();

impl StoredHead {
    /// Takes the status and the headers that apply to later requests.
    pub fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let named: Vec<&[u8]> = named_by_connection(headers).collect();
        let ends_here = |name: &HeaderName| {
            let name = name.as_str().as_bytes();
            named.iter().any(|it| it.eq_ignore_ascii_case(name))
        };
        let lines = headers.iter().filter(|(name, _)| {
            !LEFT_OUT.contains(name) && !is_hop_by_hop(name) && !ends_here(name)
        });
        let lines: Vec<_> = lines.collect();
        // Copied into one buffer: a `HeaderValue` that was read is a slice of the connection's read
        // buffer and would keep all of it in memory.
        let bytes: Vec<&[u8]> = lines.iter().map(|(_, value)| value.as_bytes()).collect();
        let mut bytes = Bytes::from(bytes.concat());
        let lines = lines.into_iter().map(|(name, value)| {
            let bytes = bytes.split_to(value.len());
            // Cannot fail: the bytes are those of a valid value.
            let own = HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| value.clone());
            (name.clone(), own)
        });
        StoredHead {
            status,
            given_by: None,
            headers: lines.collect(),
        }
    }

    /// The same head, with the target that produced it.
    pub fn of_target(self, given_by: Option<GivenBy>) -> Self {
        StoredHead { given_by, ..self }
    }

    pub fn given_by(&self) -> Option<&GivenBy> {
        self.given_by.as_ref()
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Lines with the same name are in their original order.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

impl StoredResponse {
    /// `body` must own its buffer; a slice of a larger buffer would keep all of it in memory.
    pub fn new(head: Arc<StoredHead>, body: Bytes, stored_at: UnixMillis, ttl: Duration) -> Self {
        StoredResponse {
            head,
            body,
            stored_at,
            ttl,
        }
    }

    /// The same response; `room` stays reserved until the last reader drops the body.
    pub fn in_room(mut self, room: Reservation) -> Self {
        self.body = room.hold(self.body);
        self
    }

    pub fn head(&self) -> &StoredHead {
        &self.head
    }

    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How long it is fresh, counted from when it was stored.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Zero if the clock has been set back.
    pub fn age(&self, now: UnixMillis) -> Duration {
        Duration::from_millis(now.0.saturating_sub(self.stored_at.0))
    }

    /// It may still be given again.
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        self.age(now) < self.ttl
    }

    /// Estimated memory in bytes.
    pub fn weight(&self) -> usize {
        let lines = self.head.headers.iter();
        let lines = lines.map(|(name, value)| name.as_str().len() + value.len() + LINE_OVERHEAD);
        OVERHEAD + self.body.len() + lines.sum::<usize>()
    }
}

/// The first byte of every encoded response. Change it whenever the form changes.
const VERSION: u8 = 2;

/// Why stored bytes cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the stored response has format {version}, expected {VERSION}")]
    Version { version: u8 },
    #[error("the stored response is damaged")]
    Damaged,
}

/// The encoded form, numbers in network order: version (1 byte), status (2), time stored and
/// lifetime in milliseconds (8 each), provider and config position (empty if unknown), number of
/// headers (8), then header names, values and the body. Every text is prefixed with its length (8).
impl StoredResponse {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.weight());
        out.put_u8(VERSION);
        out.put_u16(self.head.status.as_u16());
        out.put_u64(self.stored_at.0);
        out.put_u64(u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX));
        let given_by = self.head.given_by.as_ref();
        let told = given_by.map_or([&b""[..]; 2], |it| {
            [it.provider.as_bytes(), it.index.as_bytes()]
        });
        told.into_iter().for_each(|text| put(&mut out, text));
        out.put_u64(self.head.headers.len() as u64);
        for (name, value) in &self.head.headers {
            put(&mut out, name.as_str().as_bytes());
            put(&mut out, value.as_bytes());
        }
        put(&mut out, &self.body);
        out.freeze()
    }

    /// Decodes what [`encode`](Self::encode) wrote. Body and values are slices of `bytes`.
    ///
    /// # Errors
    /// The bytes are damaged or have another version.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        match bytes.first() {
            None => Err(DecodeError::Damaged),
            Some(&VERSION) => Reader(bytes.slice(1..))
                .response()
                .ok_or(DecodeError::Damaged),
            Some(&version) => Err(DecodeError::Version { version }),
        }
    }
}

fn put(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u64(bytes.len() as u64);
    out.put_slice(bytes);
}

/// The bytes left to decode. Methods return `None` if they do not contain what is expected.
struct Reader(Bytes);

impl Reader {
    fn response(mut self) -> Option<StoredResponse> {
        let status = StatusCode::from_u16(u16::from_be_bytes(self.array()?)).ok()?;
        let stored_at = UnixMillis(self.number()?);
        let ttl = Duration::from_millis(self.number()?);
        let provider = HeaderValue::from_maybe_shared(self.bytes()?).ok()?;
        let index = HeaderValue::from_maybe_shared(self.bytes()?).ok()?;
        let given_by = (!provider.is_empty()).then_some(GivenBy { provider, index });
        let lines = self.number()?;
        let headers = (0..lines).map(|_| self.line()).collect::<Option<_>>()?;
        let body = self.bytes()?;
        let head = Arc::new(StoredHead {
            status,
            given_by,
            headers,
        });
        self.0
            .is_empty()
            .then_some(StoredResponse::new(head, body, stored_at, ttl))
    }

    fn line(&mut self) -> Option<(HeaderName, HeaderValue)> {
        let name = HeaderName::from_bytes(&self.bytes()?).ok()?;
        let value = HeaderValue::from_maybe_shared(self.bytes()?).ok()?;
        Some((name, value))
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.0.first_chunk()?;
        self.0 = self.0.slice(N..);
        Some(array)
    }
}

#[cfg(test)]
mod tests;
