//! Which headers are stored, freshness, and decoding of encoded responses.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn kept(lines: &[(&'static str, &'static str)]) -> StoredResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_static(name);
        headers.append(name, HeaderValue::from_static(value));
    }
    let body = Bytes::from_static(b"{}");
    let head = Arc::new(StoredHead::new(StatusCode::OK, &headers));
    StoredResponse::new(head, body, UnixMillis(1000), HOUR)
}

#[test]
fn only_headers_that_apply_to_later_requests_are_stored() {
    let response = kept(&[
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
    let mut lines: Vec<String> = response
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
fn a_response_is_fresh_until_its_ttl_is_over() {
    let response = kept(&[]);
    for (now, age, fresh) in [
        (1000, 0, true),
        (0, 0, true),
        (61_000, 60_000, true),
        (3_600_999, 3_599_999, true),
        (3_601_000, 3_600_000, false),
        (u64::MAX, u64::MAX - 1000, false),
    ] {
        let now = UnixMillis(now);
        assert_eq!(response.age(now), Duration::from_millis(age), "{now:?}");
        assert_eq!(response.is_fresh(now), fresh, "{now:?}");
    }
}

#[test]
fn the_weight_is_at_least_the_size_of_the_texts() {
    let light = kept(&[]).weight();
    let heavy = kept(&[("content-type", "application/json")]).weight();
    assert!(light > 2 && heavy >= light + "content-typeapplication/json".len());
}

#[test]
fn bytes_of_another_format_are_rejected() {
    let whole = kept(&[("content-type", "application/json")]).encode();
    let mut newer = whole.to_vec();
    newer[0] = VERSION + 1;
    let mut longer = whole.to_vec();
    longer.push(0);
    let mut huge = whole.to_vec();
    huge[19..27].fill(0xff);
    for (bytes, expected) in [
        (Vec::new(), DecodeError::Damaged),
        (
            newer,
            DecodeError::Version {
                version: VERSION + 1,
            },
        ),
        (longer, DecodeError::Damaged),
        (huge, DecodeError::Damaged),
    ] {
        assert_eq!(StoredResponse::decode(bytes.into()), Err(expected));
    }
    for end in 0..whole.len() {
        let cut = StoredResponse::decode(whole.slice(..end));
        assert_eq!(cut, Err(DecodeError::Damaged), "{end}");
    }
}

fn any_response() -> impl Strategy<Value = StoredResponse> {
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
            StoredResponse::new(Arc::new(head), body.into(), UnixMillis(stored_at), ttl)
        })
}

proptest! {
    #[test]
    fn an_encoded_response_decodes_to_itself(response in any_response()) {
        prop_assert_eq!(StoredResponse::decode(response.encode()), Ok(response));
    }

    #[test]
    fn decoding_random_bytes_does_not_panic(
        bytes in vec(any::<u8>(), 0..200),
        ours in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if let (true, Some(first)) = (ours, bytes.first_mut()) {
            *first = VERSION;
        }
        let _ = StoredResponse::decode(bytes.into());
    }

    #[test]
    fn decoding_damaged_bytes_does_not_panic(
        response in any_response(),
        at in any::<Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = response.encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = StoredResponse::decode(bytes.into());
    }
}
