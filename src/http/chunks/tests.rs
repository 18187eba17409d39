//! Ends found and breaks refused, as tables.

use super::*;

#[test]
fn the_end_is_found_however_the_bytes_are_split() {
    let chunks = b"5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n";
    let trailers = b"T: v\r\n\r\n";
    let mut all = [&chunks[..], trailers].concat();
    let length = all.len();
    all.extend_from_slice(b"HTTP/1.1 200 OK");
    for split in 0..=all.len() {
        let mut scanner = ChunkScanner::default();
        let first = scanner.feed(&all[..split]).expect("valid");
        let mut total = (first.chunks, first.body);
        let mut ended = first.ended;
        if !ended {
            let second = scanner.feed(&all[split..]).expect("valid");
            total = (total.0 + second.chunks, total.1 + second.body);
            ended = second.ended;
        }
        assert!(ended, "split at {split}");
        assert_eq!(total, (chunks.len(), length), "split at {split}");
    }
}

/// The data of a chunked body that comes in pieces of this size, and the bytes behind it.
fn decoded(body: &[u8], piece: usize) -> Result<(Vec<u8>, usize), MalformedChunks> {
    let mut scanner = ChunkScanner::default();
    let (mut data, mut seen) = (Vec::new(), 0);
    for bytes in body.chunks(piece) {
        let mut at = 0;
        while at < bytes.len() {
            let length = scanner.take_data(bytes.len() - at);
            data.extend_from_slice(&bytes[at..at + length]);
            at += length;
            let skipped = scanner.skip_framing(&bytes[at..])?;
            at += skipped.length;
            if skipped.ended {
                return Ok((data, body.len() - seen - at));
            }
        }
        seen += at;
    }
    panic!("no end");
}

#[test]
fn data_is_separated_from_framing_however_the_bytes_are_split() {
    let body = b"5\r\nhello\r\n1;x=y\r\n \r\nA\r\n5\r\nworld\r\n\r\n0\r\nT: v\r\n\r\nHTTP/1.1";
    for piece in 1..=body.len() {
        let (data, behind) = decoded(body, piece).expect("valid");
        assert_eq!(data, b"hello 5\r\nworld\r\n", "pieces of {piece}");
        assert_eq!(behind, "HTTP/1.1".len(), "pieces of {piece}");
        assert_eq!(decoded(b"1\r\nxy", piece), Err(MalformedChunks::Coding));
    }
}

#[test]
fn malformed_coding_is_refused_after_what_was_well_formed() {
    for (bad, well_formed) in [
        ("\r\n", 0),
        ("x\r\n", 0),
        ("5\rx", 2),
        ("5\r\nhelloX", 8),
        ("5\r\nhello\n", 8),
        ("5\nhello", 1),
        ("5;a\nb", 3),
        ("fffffffffffffffff\r\n", 16),
        ("-1\r\n", 0),
        ("0\n", 1),
    ] {
        let broken = Broken {
            chunks: well_formed,
            why: MalformedChunks::Coding,
        };
        for line_end in [LineEnd::CrLf, LineEnd::BareLfToo] {
            let result = ChunkScanner::new(line_end).feed(bad.as_bytes());
            assert_eq!(result, Err(broken), "{bad:?}");
        }
    }
    let result = ChunkScanner::default().feed(b"1\r\nx\r\n0\r\nGET / HTTP/1.1\r\n");
    let broken = Broken {
        chunks: 9,
        why: MalformedChunks::TrailerLine,
    };
    assert_eq!(result, Err(broken));
}

#[test]
fn size_lines_are_bounded() {
    let most = usize::from(MAX_SIZE_LINE);
    for (line, fits) in [
        (format!("1;{}\r\n", "x".repeat(most - 4)), true),
        (format!("1;{}\r\n", "x".repeat(most - 3)), false),
        (format!("{}1\r\n", "0".repeat(most)), false),
    ] {
        let body = [&*line, "x\r\n"].concat().repeat(3) + "0\r\n\r\n";
        let scanned = ChunkScanner::default().feed(body.as_bytes());
        assert_eq!(
            scanned.map(|it| it.ended),
            match fits {
                true => Ok(true),
                false => Err(Broken {
                    chunks: most,
                    why: MalformedChunks::SizeLine
                }),
            }
        );
    }
}
