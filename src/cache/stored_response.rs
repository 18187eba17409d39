//! What is kept of an answer, how long it may be given again, and its form in a store outside the process. Asks no clock: whoever
//! asks brings the time.

use std::{sync::Arc, time::Duration};

use actix_http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::{BufMut as _, Bytes, BytesMut};

use crate::{
    memory::Reservation,
    route::hop_by_hop::{is_hop_by_hop, named_by_connection},
};

/// Milliseconds since 1970, by the clock on the wall: stores are shared, and outlive processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// The head of an answer, less what concerns only the request that it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead {
    status: StatusCode,
    given_by: Option<GivenBy>,
    headers: Box<[(HeaderName, HeaderValue)]>,
}

/// The target that an answer is of, as replies tell it: the provider's name, and the place in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBy {
    pub provider: HeaderValue,
    pub index: HeaderValue,
}

/// An answer as it is given again. Its body is in one piece: a stream's frames follow each other without their pauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    head: Arc<StoredHead>,
    body: Bytes,
    stored_at: UnixMillis,
    ttl: Duration,
}

/// End-to-end lines that are not kept: cookies are one caller's, `Date` and `Age` are about the moment, and the body tells its
/// length itself.
const LEFT_OUT: [HeaderName; 4] = [
    header::SET_COOKIE,
    header::DATE,
    header::AGE,
    header::CONTENT_LENGTH,
];

/// Bytes that an answer takes besides its texts: its own parts, its key, and the store's account of it.
const OVERHEAD: usize = 640;
/// The same for each line.
const LINE_OVERHEAD: usize = size_of::<(HeaderName, HeaderValue)>();

impl StoredHead {
    /// Keeps the status, and the lines that concern whoever is answered with it.
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
        // A buffer of their own: a value that was read is a piece of all that was read with it, and would keep that.
        let bytes: Vec<&[u8]> = lines.iter().map(|(_, value)| value.as_bytes()).collect();
        let mut bytes = Bytes::from(bytes.concat());
        let lines = lines.into_iter().map(|(name, value)| {
            let bytes = bytes.split_to(value.len());
            // A value's bytes are a value.
            let own = HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| value.clone());
            (name.clone(), own)
        });
        StoredHead {
            status,
            given_by: None,
            headers: lines.collect(),
        }
    }

    /// The same, of this target.
    pub fn of_target(self, given_by: Option<GivenBy>) -> Self {
        StoredHead { given_by, ..self }
    }

    pub fn given_by(&self) -> Option<&GivenBy> {
        self.given_by.as_ref()
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Lines of one name are in their order.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

impl StoredResponse {
    /// The body must have a buffer of its own: a piece of a larger one would keep all of that.
    pub fn new(head: Arc<StoredHead>, body: Bytes, stored_at: UnixMillis, ttl: Duration) -> Self {
        StoredResponse {
            head,
            body,
            stored_at,
            ttl,
        }
    }

    /// The same, whose body holds this room until the last reader has it.
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

    /// How long it may be given again, from when it was stored.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Zero if the clock was set back since.
    pub fn age(&self, now: UnixMillis) -> Duration {
        Duration::from_millis(now.0.saturating_sub(self.stored_at.0))
    }

    /// It may still be given again.
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        self.age(now) < self.ttl
    }

    /// Bytes it takes in memory, more or less.
    pub fn weight(&self) -> usize {
        let lines = self.head.headers.iter();
        let lines = lines.map(|(name, value)| name.as_str().len() + value.len() + LINE_OVERHEAD);
        OVERHEAD + self.body.len() + lines.sum::<usize>()
    }
}

/// The first byte of every encoded answer; another for another form.
const VERSION: u8 = 2;

/// Bytes from a store are no answer of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the stored answer has another form: {version}, not {VERSION}")]
    Version { version: u8 },
    #[error("the stored answer is damaged")]
    Damaged,
}

/// The form outside the process, numbers in network order: version, status (2 bytes), when it was stored and for how long (8 each,
/// in milliseconds), provider and place in the config (empty where nobody knows), the number of lines (8), then names, values and body,
/// each text behind its length (8).
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

    /// Reads what [`encode`](Self::encode) wrote. Body and values share the given buffer.
    ///
    /// # Errors
    /// Anything else.
    pub fn decode(bytes: Bytes) -> Result<Self, NoAnswer> {
        match bytes.first() {
            None => Err(NoAnswer::Damaged),
            Some(&VERSION) => Reader(bytes.slice(1..)).answer().ok_or(NoAnswer::Damaged),
            Some(&version) => Err(NoAnswer::Version { version }),
        }
    }
}

fn put(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u64(bytes.len() as u64);
    out.put_slice(bytes);
}

/// What is left to read. Says `None` where it is not enough, or not what it should be.
struct Reader(Bytes);

impl Reader {
    fn answer(mut self) -> Option<StoredResponse> {
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
