//! Framing told from heads, as tables.

use super::*;

fn head(bytes: &str) -> Result<Option<Head>, Malformed> {
    read_head(bytes.as_bytes(), Asked::Ordinary)
}

#[test]
fn the_framing_follows_rfc_9112_section_6_3() {
    let chunked = Framing::Chunked(ChunkScanner::new(LineEnd::BareLfToo));
    for (lines, asked, framing, keeps) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
            Asked::Ordinary,
            Framing::Length(5),
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
            Asked::Ordinary,
            Framing::Bodyless,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding:  Chunked \r\n",
            Asked::Ordinary,
            chunked,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\n",
            Asked::Ordinary,
            Framing::UntilClose,
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n",
            Asked::Ordinary,
            Framing::Length(5),
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n",
            Asked::Ordinary,
            Framing::Length(5),
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 5\r\n",
            Asked::Ordinary,
            Framing::Length(5),
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
            Asked::Head,
            Framing::Bodyless,
            true,
        ),
        (
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n",
            Asked::Ordinary,
            Framing::Bodyless,
            false,
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n",
            Asked::Ordinary,
            Framing::Bodyless,
            true,
        ),
        (
            "HTTP/1.1 103 Early Hints\r\n",
            Asked::Ordinary,
            Framing::Bodyless,
            true,
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
            Asked::Upgrade,
            Framing::Tunnel,
            true,
        ),
    ] {
        let head = read_head(format!("{lines}\r\n").as_bytes(), asked);
        let head = head.expect(lines).expect(lines);
        assert_eq!((head.framing, head.keep_alive), (framing, keeps), "{lines}");
    }
}

#[test]
fn a_head_that_could_be_read_two_ways_is_refused() {
    for (lines, why) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Malformed::AmbiguousLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
            Malformed::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
            Malformed::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n",
            Malformed::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
            Malformed::ContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
            Malformed::TransferEncoding,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Malformed::TransferEncoding,
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
            Malformed::TransferEncoding,
        ),
        ("HTTP/1.1 200 OK\r\nX : y\r\n", Malformed::Syntax),
        ("HTTP/1.1 200 OK\r\nX: y\r\n folded\r\n", Malformed::Syntax),
        ("HTTP/1.1 200 OK\r\nX: a\rb\r\n", Malformed::Syntax),
        ("HTTP/1.1 099 No\r\n", Malformed::Syntax),
        ("HTTP/2 200\r\n", Malformed::Syntax),
        ("<html>\r\n", Malformed::Syntax),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
            Malformed::UnaskedUpgrade,
        ),
    ] {
        assert_eq!(head(&format!("{lines}\r\n")), Err(why), "{lines}");
    }
}

#[test]
fn a_head_too_large_is_told_from_one_still_coming() {
    let many = "X: y\r\n".repeat(MAX_HEADERS + 1);
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "v".repeat(MAX_HEAD));
    assert_eq!(head("HTTP/1.1 200 OK\r\nX: "), Ok(None));
    assert_eq!(head(&long), Err(Malformed::HeadTooLarge));
    assert_eq!(
        head(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")),
        Err(Malformed::HeadTooLarge)
    );
}

#[test]
fn what_awc_would_misread_is_pointed_out() {
    let unframed = head("\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n")
        .expect("valid")
        .expect("whole");
    assert_eq!(unframed.show_as_http10, Some(9));
    let mut text =
        *b"HTTP/1.1 426 No\r\nUpgrade: websocket\r\nA: b\r\nUPGRADE:h2\r\n\r\nUpgrade: x";
    let refused = read_head(&text, Asked::Ordinary)
        .expect("valid")
        .expect("whole");
    adapt_for_awc(&mut text, &refused);
    assert_eq!(
        text.escape_ascii().to_string(),
        "HTTP/1.0 426 No\\r\\nUpgrade:          \\r\\nA: b\\r\\nUPGRADE:  \\r\\n\\r\\nUpgrade: x"
    );
}

#[test]
fn a_switch_of_protocols_has_no_body() {
    for lines in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n");
        assert_eq!(
            read_head(head.as_bytes(), Asked::Upgrade),
            Err(Malformed::FramedUpgrade)
        );
    }
}
