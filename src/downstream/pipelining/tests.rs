use super::*;

#[test]
fn a_head_ends_with_an_empty_line_however_it_is_split() {
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        let both = [head, "GET /next"].concat();
        for split in 1..head.len() {
            let mut gate = Gate::default();
            let mut bytes = both.clone().into_bytes();
            let (first, second) = bytes.split_at_mut(split);
            assert_eq!(gate.admit(first), split, "{head:?}");
            let rest = gate.admit(second);
            assert_eq!(bytes, both.as_bytes());
            assert_eq!(split + rest, head.len(), "{head:?} split at {split}");
            assert!(!gate.is_open());
        }
    }
}

#[test]
fn a_bare_line_feed_in_a_head_passes_as_a_byte_that_is_refused() {
    let head = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (cr, _) in head.match_indices("\r\n") {
        let both = [&head[..cr], &head[cr + 1..], "GET /next"].concat();
        for split in 1..cr.max(2) {
            let mut gate = Gate::default();
            let mut bytes = both.clone().into_bytes();
            let (first, second) = bytes.split_at_mut(split);
            let mut passed = gate.admit(first);
            if passed == split {
                passed += gate.admit(second);
            }
            assert_eq!(passed, cr + 1, "{both:?} split at {split}");
            assert_eq!(bytes[cr], NOT_IN_A_HEAD, "{both:?} split at {split}");
            assert!(!gate.is_open());
        }
    }
}

#[test]
fn nothing_passes_after_a_malformed_chunk() {
    let mut gate = Gate::default();
    gate.admit(&mut b"POST / HTTP/1.1\r\n\r\n".to_owned());
    gate.begin(Extent::Chunked(ChunkScanner::default()));
    assert_eq!(gate.admit(&mut b"5\r\nhello\r\n".to_owned()), 10);
    assert_eq!(
        gate.admit(&mut b"0\r\nGET / HTTP/1.1\r\n\r\n".to_owned()),
        0
    );
    assert_eq!(gate.broken(), Some(MalformedChunks::TrailerLine));
    gate.end();
    assert!(!gate.is_open() && gate.broken().is_some());
    assert_eq!(gate.admit(&mut b"GET / HTTP/1.1\r\n\r\n".to_owned()), 0);
}

#[test]
fn a_body_passes_to_its_end_and_the_next_head_waits_for_the_response() {
    let chunks = b"5\r\nhello\r\n0\r\n\r\n";
    for (extent, body) in [
        (Extent::Length(5), &b"hello"[..]),
        (Extent::Chunked(ChunkScanner::default()), &chunks[..]),
        (Extent::Length(0), b""),
    ] {
        let mut gate = Gate::default();
        gate.admit(&mut b"POST / HTTP/1.1\r\n\r\n".to_owned());
        gate.begin(extent);
        let mut both = [body, b"GET /next HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(gate.admit(&mut both), body.len());
        assert_eq!(gate.admit(&mut [b'G']), 0);
        gate.end();
        assert_eq!(gate.admit(&mut [b'G']), 1);
    }
}

#[test]
fn a_body_of_known_length_passes_with_its_head_and_nothing_after_it() {
    for (line, passes) in [
        ("Content-Length: 5", 5),
        ("content-length:5 ", 5),
        ("Content-Length: 500", 7),
        ("Content-Length: x", 0),
        ("Content-Lengt: 5", 0),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 0),
        ("Content-Length: 5\r\nUpgrade: websocket", 0),
    ] {
        let head = format!("POST / HTTP/1.1\r\n{line}\r\n\r\n");
        let mut gate = Gate::default();
        let admitted = gate.admit(&mut format!("{head}helloGE").into_bytes());
        assert_eq!(admitted - head.len(), passes, "{line}");
        gate.begin(Extent::Length(7));
        assert_eq!(
            gate.admit(&mut b"0123456789".to_owned()),
            7 - passes,
            "{line}"
        );
    }
}

#[test]
fn an_unwanted_body_is_drained_before_the_next_head() {
    let mut gate = Gate::default();
    gate.admit(&mut b"POST / HTTP/1.1\r\n\r\n".to_owned());
    gate.begin(Extent::Length(5));
    gate.end();
    assert!(gate.is_draining());
    assert_eq!(gate.admit(&mut b"helloGET".to_owned()), 5);
    assert!(!gate.is_draining() && gate.is_open());
}

/// A gate whose request has this body, and whose window applies.
fn bound(body: Extent) -> Gate {
    let mut gate = Gate::default();
    gate.admit(&mut b"POST / HTTP/1.1\r\n\r\n".to_owned());
    gate.begin(body);
    gate.bound();
    gate
}

#[test]
fn what_waits_to_be_taken_is_bounded_by_its_cost() {
    let chunks = |size: usize, extension: usize| {
        let data = "x".repeat(size);
        let chunk = format!("{size:x};{}\r\n{data}\r\n", "e".repeat(extension));
        chunk.repeat((1 << 20) / chunk.len())
    };
    for (size, extension) in [(1, 0), (1, 4000), (10, 100), (1000, 0), (100_000, 0)] {
        let mut body = chunks(size, extension).into_bytes();
        for read in [1, 7, 1000, 8192, 100_000] {
            let mut gate = bound(Extent::Chunked(ChunkScanner::default()));
            let (mut passed, mut pieces) = (0, 0);
            while gate.is_open() && passed < body.len() {
                let end = body.len().min(passed + read);
                let next = &mut body[passed..end];
                let admitted = gate.admit(next);
                pieces += 1 + next[..admitted].iter().filter(|it| **it == b';').count();
                passed += admitted;
            }
            assert!(!gate.is_open(), "{size} {extension} {read}");
            // One step may pass while the window is open; its pieces have at least 7 bytes.
            let cost = passed + PIECE * pieces;
            assert!(cost >= WINDOW, "{size} {extension} {read}: {cost}");
            let step = STEP + PIECE * (STEP / 7 + 1);
            assert!(cost < WINDOW + step, "{size} {extension} {read}: {cost}");
            assert!(gate.taken() && gate.is_open());
            assert_eq!(gate.admit(&mut body[passed..passed + 1]), 1);
        }
    }
}

#[test]
fn the_bytes_of_every_body_are_bounded() {
    for body in [Extent::Length(1 << 20), Extent::Endless] {
        let mut gate = bound(body);
        let mut reads = 0;
        while gate.is_open() {
            gate.admit(&mut [b'x']);
            reads += 1;
        }
        assert_eq!(reads, WINDOW.div_ceil(1 + PIECE));
        assert!(gate.taken() && gate.is_open());
    }
}

#[test]
fn a_body_that_is_not_taken_any_more_passes_to_its_end() {
    let mut gate = bound(Extent::Length(1 << 20));
    while gate.is_open() {
        gate.admit(&mut [0; 8192]);
    }
    assert!(gate.unbound() && gate.is_open());
    let mut passed = 0;
    while gate.is_open() {
        passed += gate.admit(&mut [0; 8192]);
    }
    assert!(passed > 900_000);
}

#[test]
fn the_next_request_has_a_window_of_its_own() {
    let mut gate = bound(Extent::Length(WINDOW as u64));
    while gate.is_open() {
        gate.admit(&mut [0; 8192]);
    }
    gate.end();
    gate.admit(&mut b"POST / HTTP/1.1\r\n\r\n".to_owned());
    gate.begin(Extent::Length(10));
    gate.bound();
    assert!(gate.is_open());
}
