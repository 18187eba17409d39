//! Our reader of response heads and chunked bodies compared with actix-http's client decoder: on
//! hundreds of thousands of mutated responses both end a message at the same byte and find the same
//! data, except where that decoder is known to be wrong.

use actix_http::{
    ServiceConfig,
    h1::{ClientCodec, MessageType},
    header::{self, HeaderMap},
};
use bytes::{Bytes, BytesMut};
use throughway::upstream::{Asked, Framing, Head, read_head};
use tokio_util::codec::Decoder as _;

use crate::support::show;

const ANSWERS: usize = 200_000;

/// Where a reader sees a message end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Refused,
    /// More bytes are wanted.
    Unfinished,
    /// After this many bytes.
    EndsAfter(usize),
}

/// xorshift64: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A plausible response with bytes behind it, and up to two of its bytes changed.
fn raw_response(dice: &mut Dice) -> Vec<u8> {
    let mut text = String::new();
    if dice.one_in(12) {
        text.push_str("\r\n");
    }
    let version = if dice.one_in(6) { 0 } else { 1 };
    let status = dice.pick(&[
        "200", "200", "200", "404", "204", "304", "206", "103", "426",
    ]);
    text.push_str(&format!("HTTP/1.{version} {status} X\r\n"));
    let chunked = dice.below(2) == 0;
    if chunked {
        let coding = ["chunked", "chunked", " Chunked ", "chunked", "identity"];
        text.push_str(&format!("Transfer-Encoding: {}\r\n", dice.pick(&coding)));
    }
    if !chunked && dice.below(4) > 0 || chunked && dice.one_in(9) {
        text.push_str(&format!("Content-Length: {}\r\n", dice.below(20)));
    }
    for line in [
        "Connection: close\r\n",
        "Upgrade: websocket\r\n",
        "Upgrade: h2c\r\n",
        "X: y\r\n",
    ] {
        if dice.one_in(8) {
            text.push_str(line);
        }
    }
    text.push_str("\r\n");
    match chunked {
        true => chunks(dice, &mut text),
        false => text.push_str(&"d".repeat(dice.below(25))),
    }
    text.push_str("EXTRA");
    let mut bytes = text.into_bytes();
    for _ in 0..dice.below(3) {
        mutate(dice, &mut bytes);
    }
    bytes
}

fn chunks(dice: &mut Dice, text: &mut String) {
    for _ in 0..dice.below(4) {
        let size = 1 + dice.below(12);
        let zeros = dice.pick(&["", "0", "000"]);
        let extension = dice.pick(&["", ";a=b", " ", "\t;x", ";q=\"\u{e9}\""]);
        text.push_str(&format!(
            "{zeros}{size:x}{extension}\r\n{}\r\n",
            "d".repeat(size)
        ));
    }
    text.push_str("0\r\n");
    for _ in 0..dice.below(3) {
        text.push_str("T: v\r\n");
    }
    text.push_str("\r\n");
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    const USUAL: &[u8] = b"0159afAF;\r\n :\0x\t\x7f\xff";
    let at = dice.below(bytes.len());
    let byte = USUAL[dice.below(USUAL.len())];
    match dice.below(3) {
        0 => bytes[at] = byte,
        1 => drop(bytes.remove(at)),
        _ => bytes.insert(at, byte),
    }
}

/// What actix-http reads, and the data in it.
fn theirs(bytes: &[u8], config: &ServiceConfig) -> (Verdict, Vec<u8>) {
    let mut codec = ClientCodec::new(config.clone());
    let mut rest = BytesMut::from(bytes);
    let mut data = Vec::new();
    match codec.decode(&mut rest) {
        Err(_) => return (Verdict::Refused, data),
        Ok(None) => return (Verdict::Unfinished, data),
        Ok(Some(_)) => {}
    }
    if matches!(codec.message_type(), MessageType::None) {
        return (Verdict::EndsAfter(bytes.len() - rest.len()), data);
    }
    let mut codec = codec.into_payload_codec();
    loop {
        match codec.decode(&mut rest) {
            Err(_) => return (Verdict::Refused, data),
            Ok(None) => return (Verdict::Unfinished, data),
            Ok(Some(Some(chunk))) => data.extend_from_slice(&chunk),
            Ok(Some(None)) => return (Verdict::EndsAfter(bytes.len() - rest.len()), data),
        }
    }
}

/// What we read.
struct Ours {
    verdict: Verdict,
    data: Vec<u8>,
    /// If there is one.
    head: Option<(Head, HeaderMap)>,
    /// The same bytes without trailers, which actix-http does not read as we do.
    untrailed: Vec<u8>,
    /// Where the message ends there.
    ends_untrailed: Verdict,
}

fn ours(bytes: &[u8]) -> Ours {
    let (verdict, data, head) = read(bytes);
    let mut untrailed = bytes.to_vec();
    let mut ends_untrailed = verdict;
    if let Some((head, _)) = &head
        && let Framing::Chunked(mut scanner) = head.framing
        && let Ok(scanned) = scanner.feed(&bytes[head.len..])
    {
        let trailers = head.len + scanned.chunks..head.len + scanned.body;
        let end = if scanned.ended { &b"\r\n"[..] } else { b"" };
        if scanned.ended {
            ends_untrailed = Verdict::EndsAfter(trailers.start + end.len());
        }
        untrailed.splice(trailers, end.iter().copied());
    }
    Ours {
        verdict,
        data,
        head,
        untrailed,
        ends_untrailed,
    }
}

fn read(bytes: &[u8]) -> (Verdict, Vec<u8>, Option<(Head, HeaderMap)>) {
    let mut headers = HeaderMap::new();
    let all = Bytes::copy_from_slice(bytes);
    let head = match read_head(&all, Asked::Ordinary, &mut headers) {
        Err(_) => return (Verdict::Refused, Vec::new(), None),
        Ok(None) => return (Verdict::Unfinished, Vec::new(), None),
        Ok(Some(head)) => head,
    };
    let body = &bytes[head.len..];
    let (verdict, data) = match head.framing {
        Framing::Bodyless => (Verdict::EndsAfter(head.len), Vec::new()),
        Framing::Length(length) if length <= body.len() as u64 => {
            let length = length as usize;
            (
                Verdict::EndsAfter(head.len + length),
                body[..length].to_vec(),
            )
        }
        Framing::Length(_) | Framing::UntilClose | Framing::Tunnel => {
            (Verdict::Unfinished, body.to_vec())
        }
        Framing::Chunked(mut scanner) => {
            let mut data = Vec::new();
            let mut seen = 0;
            let verdict = loop {
                let length = scanner.take_data(body.len() - seen);
                data.extend_from_slice(&body[seen..seen + length]);
                seen += length;
                match scanner.skip_framing(&body[seen..]) {
                    Err(_) => break Verdict::Refused,
                    Ok(skipped) if skipped.ended => {
                        break Verdict::EndsAfter(head.len + seen + skipped.length);
                    }
                    Ok(skipped) if seen + skipped.length == body.len() => {
                        break Verdict::Unfinished;
                    }
                    Ok(skipped) => seen += skipped.length,
                }
            };
            (verdict, data)
        }
    };
    (verdict, data, Some((head, headers)))
}

/// actix-http takes an unframed body for none, an `Upgrade` line for a tunnel, and bodyless
/// statuses for others.
fn is_misread(head: &Head, headers: &HeaderMap) -> bool {
    head.framing == Framing::UntilClose
        || headers.contains_key(header::UPGRADE)
        || head.status.is_informational()
        || matches!(head.status.as_u16(), 204 | 304)
}

/// Counts of what was compared, to see that the responses are neither all good nor all bad.
#[derive(Debug, Default)]
struct Tally {
    ended: usize,
    unfinished: usize,
    refused_by_both: usize,
    refused_by_us: usize,
    misread: usize,
}

#[actix_rt::test]
async fn we_and_actix_http_read_every_response_alike() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut tally = Tally::default();
    let config = ServiceConfig::default();
    for number in 0..ANSWERS {
        let bytes = raw_response(&mut dice);
        let Ours {
            verdict: ours,
            data,
            head,
            untrailed,
            ends_untrailed,
        } = ours(&bytes);
        let (theirs, their_data) = theirs(&untrailed, &config);
        let misread = head.is_some_and(|(head, headers)| is_misread(&head, &headers));
        match (ours, theirs) {
            (Verdict::Refused, Verdict::Refused) => tally.refused_by_both += 1,
            (Verdict::Refused, _) => tally.refused_by_us += 1,
            _ if misread => tally.misread += 1,
            (same, other) if ends_untrailed == other => {
                assert_eq!(show(&data), show(&their_data), "{number}: {}", show(&bytes));
                match same {
                    Verdict::EndsAfter(_) => tally.ended += 1,
                    _ => tally.unfinished += 1,
                }
            }
            // A length of zero in HTTP/1.0: actix-http reads until close.
            (Verdict::EndsAfter(_), Verdict::Unfinished)
                if untrailed.trim_ascii_start().starts_with(b"HTTP/1.0") =>
            {
                tally.misread += 1;
            }
            _ => panic!(
                "response {number}: ours {ours:?}, theirs {theirs:?}\n{}",
                show(&bytes)
            ),
        }
    }
    let least = ANSWERS / 200;
    let each = [
        tally.ended,
        tally.unfinished,
        tally.refused_by_both,
        tally.refused_by_us,
        tally.misread,
    ];
    assert!(each.iter().all(|count| *count > least), "{tally:?}");
}
