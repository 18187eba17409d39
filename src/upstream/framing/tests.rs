//! Framing told from heads, as tables.

use super::*;

fn read(bytes: &str, asked: Asked) -> Result<Option<Head>, Malformed> {
    read_head(
        &Bytes::copy_from_slice(bytes.as_bytes()),
        asked,
        &mut HeaderMap::new(),
    )
}

fn head(bytes: &str) -> Result<Option<Head>, Malformed> {
    read(bytes, Asked::Ordinary)
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
        let head = read(&format!("{lines}\r\n"), asked);
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
fn a_head_that_is_too_large_is_distinguished_from_an_incomplete_one() {
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
fn the_lines_of_a_final_head_are_collected_as_they_came() {
    let bytes = Bytes::from_static(
        b"\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: \xe9\t\x80 \nset-cookie:b=2\r\n\
          E:\r\n\r\nX: y\r\n",
    );
    let mut headers = HeaderMap::new();
    let head = read_head(&bytes, Asked::Ordinary, &mut headers);
    let head = head.expect("valid").expect("whole");
    assert_eq!(bytes.len() - head.len, "X: y\r\n".len());
    let values = |name: &str| -> Vec<&[u8]> {
        headers
            .get_all(name)
            .map(|value| value.as_bytes())
            .collect()
    };
    assert_eq!(headers.len(), 4);
    assert_eq!(values("set-cookie"), [&b"a=1"[..], b"b=2"]);
    assert_eq!(values("x"), [b"\xe9\t\x80"]);
    assert_eq!(values("e"), [b""]);
}

#[test]
fn the_lines_of_an_interim_head_are_not_collected() {
    let bytes = Bytes::from_static(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    let mut headers = HeaderMap::new();
    let head = read_head(&bytes, Asked::Ordinary, &mut headers);
    assert!(!head.expect("valid").expect("whole").is_final());
    assert!(headers.is_empty());
}

#[test]
fn a_keep_alive_line_gives_the_idle_timeout() {
    for (lines, seconds) in [
        ("Keep-Alive: timeout=5\r\n", Some(5)),
        ("keep-alive: max=100, TIMEOUT = 72 \r\n", Some(72)),
        ("Keep-Alive: timeout=0\r\n", Some(0)),
        ("Keep-Alive: max=3\r\nKeep-Alive: timeout=9\r\n", Some(9)),
        ("Keep-Alive: timeout=-1\r\n", None),
        ("Keep-Alive: timeout=soon\r\n", None),
        ("Keep-Alive: timeout\r\n", None),
        ("Keep-Alive: timeouts=5\r\n", None),
        ("Keep-Alive: 5\r\n", None),
        ("Connection: keep-alive\r\n", None),
    ] {
        let read = head(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n"));
        let told = read.expect(lines).expect(lines).idle_timeout;
        assert_eq!(told, seconds.map(Duration::from_secs), "{lines}");
    }
}

#[test]
fn a_switch_of_protocols_has_no_body() {
    for lines in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n");
        assert_eq!(read(&head, Asked::Upgrade), Err(Malformed::FramedUpgrade));
    }
}
