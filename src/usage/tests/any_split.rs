//! The pieces in which a response comes do not change what is read of it, plain or encoded.

use std::io::Write as _;

use actix_http::header::{self, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::json;

use super::sample::{self, Sample};
use crate::dialect::samples::cut;

#[test]
fn single_bytes_give_the_same_reading() {
    for sample in sample::all() {
        let bytes: Vec<&[u8]> = sample.body.chunks(1).collect();
        assert_eq!(sample.read(&bytes), sample.reading, "{}", sample.name);
    }
}

#[test]
fn two_pieces_give_the_same_reading_wherever_they_are_cut() {
    for sample in sample::all() {
        for place in 0..sample.body.len() {
            let (one, other) = sample.body.split_at(place);
            let read = sample.read(&[one, other]);
            assert_eq!(read, sample.reading, "{} at {place}", sample.name);
        }
    }
}

fn encoded(coding: &'static str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::stream::encode_all(plain, 0).unwrap(),
        other => panic!("{other}: unknown"),
    }
}

fn encode(sample: &mut Sample, coding: &'static str) {
    let value = HeaderValue::from_static(coding);
    sample.headers.insert(header::CONTENT_ENCODING, value);
    sample.body = encoded(coding, &sample.body);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_pieces_of_an_encoded_response_give_the_same_reading(
        which in any::<Index>(),
        coding in proptest::sample::select(&["gzip", "deflate", "zstd"][..]),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let mut samples = sample::all();
        samples.retain(|sample| !sample.is_websocket);
        let mut sample = samples.swap_remove(which.index(samples.len()));
        encode(&mut sample, coding);
        let pieces = cut(&sample.body, &cuts);
        prop_assert_eq!(sample.read(&pieces), sample.reading.clone(), "{}", sample.name);
    }
}

/// Three times `data: {"choices":[{"delta":{"content":"Hello, hello, hello"}}]}`, as encoded by
/// another program.
const BROTLI: &str =
    "G8IAAARSO5/QcjygAg18eX/wprABBw6J7dMo4wQ6OOT4YFHHFkMWq415QWeKPcjcvUms0z39eU7yUhUC";

#[test]
fn brotli_is_decoded_in_any_pieces() {
    let mut sample = sample::chat("text/event-stream", &STANDARD.decode(BROTLI).unwrap());
    sample
        .headers
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    let expected = json!({"chunks": 3, "usage": {"source": "estimated", "output": 15}});
    for place in 0..sample.body.len() {
        let (one, other) = sample.body.split_at(place);
        assert_eq!(sample.read(&[one, other]), expected, "{place}");
    }
}
