//! Our reading of response heads and chunked bodies against that of awc's own decoder, which reads the same bytes after it:
//! on hundreds of thousands of mutated answers, both end a message at the same byte, outside the repairs made on purpose.

use actix_http::{
    ServiceConfig,
    h1::{ClientCodec, MessageType},
};
use bytes::BytesMut;
use throughway::upstream::{Asked, Framing, Head, adapt_for_awc, read_head};
use tokio_util::codec::Decoder as _;

use crate::support::show;

const ANSWERS: usize = 200_000;

/// Where a reader sees a message end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Refused,
    /// More bytes are wanted.
    Unfinished,
    /// After so many bytes.
    EndsAfter(usize),
}

/// xorshift64: the same answers in every run.
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

/// A plausible answer with bytes behind it, and up to two of its bytes changed.
fn answer(dice: &mut Dice) -> Vec<u8> {
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

/// What awc reads.
fn theirs(bytes: &[u8], config: &ServiceConfig) -> Verdict {
    let mut codec = ClientCodec::new(config.clone());
    let mut rest = BytesMut::from(bytes);
    match codec.decode(&mut rest) {
        Err(_) => return Verdict::Refused,
        Ok(None) => return Verdict::Unfinished,
        Ok(Some(_)) => {}
    }
    if matches!(codec.message_type(), MessageType::None) {
        return Verdict::EndsAfter(bytes.len() - rest.len());
    }
    let mut codec = codec.into_payload_codec();
    loop {
        match codec.decode(&mut rest) {
            Err(_) => return Verdict::Refused,
            Ok(None) => return Verdict::Unfinished,
            Ok(Some(Some(_))) => {}
            Ok(Some(None)) => return Verdict::EndsAfter(bytes.len() - rest.len()),
        }
    }
}

/// What we read.
struct Ours {
    verdict: Verdict,
    /// If there is one.
    head: Option<Head>,
    /// What awc is shown of it: the head as adapted, and no trailers.
    shown: Vec<u8>,
    /// Where it ends there.
    ends_as_shown: Verdict,
}

fn ours(bytes: &[u8]) -> Ours {
    let (verdict, head) = read(bytes);
    let mut shown = bytes.to_vec();
    let mut ends_as_shown = verdict;
    if let Some(head) = &head {
        adapt_for_awc(&mut shown, head);
        if let Framing::Chunked(mut scanner) = head.framing
            && let Ok(scanned) = scanner.feed(&bytes[head.len..])
        {
            let trailers = head.len + scanned.chunks..head.len + scanned.body;
            let end = if scanned.ended { &b"\r\n"[..] } else { b"" };
            if scanned.ended {
                ends_as_shown = Verdict::EndsAfter(trailers.start + end.len());
            }
            shown.splice(trailers, end.iter().copied());
        }
    }
    Ours {
        verdict,
        head,
        shown,
        ends_as_shown,
    }
}

fn read(bytes: &[u8]) -> (Verdict, Option<Head>) {
    let head = match read_head(bytes, Asked::Ordinary) {
        Err(_) => return (Verdict::Refused, None),
        Ok(None) => return (Verdict::Unfinished, None),
        Ok(Some(head)) => head,
    };
    let body = &bytes[head.len..];
    let verdict = match head.framing {
        Framing::Bodyless => Verdict::EndsAfter(head.len),
        Framing::Length(length) if length <= body.len() as u64 => {
            Verdict::EndsAfter(head.len + length as usize)
        }
        Framing::Length(_) | Framing::UntilClose | Framing::Tunnel => Verdict::Unfinished,
        Framing::Chunked(mut scanner) => match scanner.feed(body) {
            Err(_) => Verdict::Refused,
            Ok(scanned) if scanned.ended => Verdict::EndsAfter(head.len + scanned.body),
            Ok(_) => Verdict::Unfinished,
        },
    };
    (verdict, Some(head))
}

/// Counts of what was compared, to see that the answers are neither all good nor all bad.
#[derive(Debug, Default)]
struct Tally {
    ended: usize,
    unfinished: usize,
    refused_by_both: usize,
    refused_by_us: usize,
    repaired: usize,
}

#[actix_rt::test]
async fn we_and_awc_s_decoder_end_every_answer_at_the_same_byte() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut tally = Tally::default();
    let config = ServiceConfig::default();
    for number in 0..ANSWERS {
        let bytes = answer(&mut dice);
        let Ours {
            verdict: ours,
            head,
            shown,
            ends_as_shown,
        } = ours(&bytes);
        let theirs = theirs(&shown, &config);
        let has_no_body = head.is_some_and(|head| {
            // The transport ends these itself; awc is stopped by the end it is shown.
            head.status < 200 || matches!(head.status, 204 | 304)
        });
        match (ours, theirs) {
            (Verdict::Refused, Verdict::Refused) => tally.refused_by_both += 1,
            (Verdict::Refused, _) => tally.refused_by_us += 1,
            _ if has_no_body => tally.repaired += 1,
            (same, other) if ends_as_shown == other => match same {
                Verdict::EndsAfter(_) => tally.ended += 1,
                _ => tally.unfinished += 1,
            },
            // A length of zero in HTTP/1.0: awc reads on, and is stopped by the end it is shown.
            (Verdict::EndsAfter(_), Verdict::Unfinished)
                if shown.trim_ascii_start().starts_with(b"HTTP/1.0") =>
            {
                tally.repaired += 1;
            }
            _ => panic!(
                "answer {number}: ours {ours:?}, theirs {theirs:?}\n{}",
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
        tally.repaired,
    ];
    assert!(each.iter().all(|count| *count > least), "{tally:?}");
}
