//! What is kept of an answer, how long it may be given again, and its form in a store outside the process. Asks no clock: whoever
//! asks brings the time.

use std::{sync::Arc, time::Duration};

use actix_http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::{BufMut as _, Bytes, BytesMut};

use crate::route::hop_by_hop::{is_hop_by_hop, named_by_connection};

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
pub struct StoredAnswer {
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

impl StoredAnswer {
    /// The body must have a buffer of its own: a piece of a larger one would keep all of that.
    pub fn new(head: Arc<StoredHead>, body: Bytes, stored_at: UnixMillis, ttl: Duration) -> Self {
        StoredAnswer {
            head,
            body,
            stored_at,
            ttl,
        }
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
impl StoredAnswer {
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
    fn answer(mut self) -> Option<StoredAnswer> {
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
            .then_some(StoredAnswer::new(head, body, stored_at, ttl))
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
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn kept(lines: &[(&'static str, &'static str)]) -> StoredAnswer {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let body = Bytes::from_static(b"{}");
        let head = Arc::new(StoredHead::new(StatusCode::OK, &headers));
        StoredAnswer::new(head, body, UnixMillis(1000), HOUR)
    }

    #[test]
    fn only_lines_for_whoever_is_answered_later_are_kept() {
        let answer = kept(&[
            ("content-type", "application/json"),
            ("x-served-by", "a"),
            ("x-served-by", "b"),
            ("content-encoding", "gzip"),
            ("content-length", "2"),
            ("set-cookie", "__cf_bm=1"),
            ("set-cookie", "b=2"),
            ("date", "Thu, 01 Jan 1970 00:00:01 GMT"),
            ("age", "3"),
            ("connection", "keep-alive, X-Hop"),
            ("keep-alive", "timeout=4"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x-sum"),
            ("upgrade", "h2c"),
        ]);
        let mut lines: Vec<String> = answer
            .head()
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        let expected = [
            "content-encoding: gzip",
            "content-type: application/json",
            "x-served-by: a",
            "x-served-by: b",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn an_answer_ages_from_when_it_was_stored_until_its_ttl_is_over() {
        let answer = kept(&[]);
        for (now, age, fresh) in [
            (1000, 0, true),
            (0, 0, true),
            (61_000, 60_000, true),
            (3_600_999, 3_599_999, true),
            (3_601_000, 3_600_000, false),
            (u64::MAX, u64::MAX - 1000, false),
        ] {
            let now = UnixMillis(now);
            assert_eq!(answer.age(now), Duration::from_millis(age), "{now:?}");
            assert_eq!(answer.is_fresh(now), fresh, "{now:?}");
        }
    }

    #[test]
    fn an_answer_weighs_at_least_its_texts() {
        let light = kept(&[]).weight();
        let heavy = kept(&[("content-type", "application/json")]).weight();
        assert!(light > 2 && heavy >= light + "content-typeapplication/json".len());
    }

    #[test]
    fn what_is_no_answer_of_ours_is_told_by_its_form() {
        let whole = kept(&[("content-type", "application/json")]).encode();
        let mut newer = whole.to_vec();
        newer[0] = VERSION + 1;
        let mut longer = whole.to_vec();
        longer.push(0);
        let mut huge = whole.to_vec();
        huge[19..27].fill(0xff);
        for (bytes, expected) in [
            (Vec::new(), NoAnswer::Damaged),
            (
                newer,
                NoAnswer::Version {
                    version: VERSION + 1,
                },
            ),
            (longer, NoAnswer::Damaged),
            (huge, NoAnswer::Damaged),
        ] {
            assert_eq!(StoredAnswer::decode(bytes.into()), Err(expected));
        }
        for end in 0..whole.len() {
            let cut = StoredAnswer::decode(whole.slice(..end));
            assert_eq!(cut, Err(NoAnswer::Damaged), "{end}");
        }
    }

    fn any_answer() -> impl Strategy<Value = StoredAnswer> {
        let line = ("[a-z][a-z0-9-]{0,8}", vec(0x20..0x7f_u8, 0..9));
        let times = (any::<u64>(), any::<u64>());
        (
            100..1000_u16,
            vec(line, 0..5),
            vec(any::<u8>(), 0..99),
            times,
        )
            .prop_map(|(status, lines, body, (stored_at, ttl))| {
                let line = |(name, value): (String, Vec<u8>)| {
                    let value = HeaderValue::from_bytes(&value).unwrap();
                    (name.parse().unwrap(), value)
                };
                let text = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap();
                let given_by = body.first().map(|place| GivenBy {
                    provider: text(b"openai"),
                    index: text(format!("config.targets[{place}]").as_bytes()),
                });
                let head = StoredHead {
                    status: StatusCode::from_u16(status).unwrap(),
                    given_by,
                    headers: lines.into_iter().map(line).collect(),
                };
                let ttl = Duration::from_millis(ttl);
                StoredAnswer::new(Arc::new(head), body.into(), UnixMillis(stored_at), ttl)
            })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(answer in any_answer()) {
            prop_assert_eq!(StoredAnswer::decode(answer.encode()), Ok(answer));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200), ours in any::<bool>()) {
            let mut bytes = bytes;
            if let (true, Some(first)) = (ours, bytes.first_mut()) {
                *first = VERSION;
            }
            let _ = StoredAnswer::decode(bytes.into());
        }

        #[test]
        fn no_damage_makes_it_panic(answer in any_answer(), at in any::<Index>(), byte in any::<u8>()) {
            let mut bytes = answer.encode().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = StoredAnswer::decode(bytes.into());
        }
    }
}
