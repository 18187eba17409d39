//! Bodies cross byte for byte in both directions, whatever they contain and however they are
//! framed.

use crate::support::{
    Gateway, Peer, Upstream,
    client::End,
    message::{Sent, request},
    show,
};

/// Responds to every request with its own body and the headers that describe it, framed as it
/// came.
fn echo() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(raw) = peer.request() {
            let sent = Sent::read(&raw);
            let mut head = String::from("HTTP/1.1 200 OK\r\n");
            for name in [
                "content-type",
                "content-encoding",
                "content-length",
                "transfer-encoding",
            ] {
                for value in sent.all(name) {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
            }
            peer.send([head.as_bytes(), b"\r\n", &sent.body].concat());
        }
    })
}

fn bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let zstd = b"\x28\xb5\x2f\xfd\x24\x05\x29\x00\x00hello\xed\x3c\x8f\x5d".to_vec();
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\
                 \xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00"
        .to_vec();
    vec![
        ("application/json", "", b"{}".to_vec()),
        (
            "application/json",
            "",
            b" \r\n{ \"a\" :\t1 , \"a\":1 }\n\n".to_vec(),
        ),
        (
            "application/json; charset=UTF-8",
            "",
            b"[1, 2,{\"a\":[]}]".to_vec(),
        ),
        (
            "application/json",
            "",
            br#"{"n":123456789012345678901234567890,"f":1.0E+2,"z":-0.0}"#.to_vec(),
        ),
        (
            "application/json",
            "",
            br#"{"model":"a","model":"b","\u0061":"\/\u00e9"}"#.to_vec(),
        ),
        ("application/json", "", b"{\"broken\": ".to_vec()),
        (
            "application/json",
            "",
            b"\xef\xbb\xbf{\"bom\":\"\xff\xfe\"}".to_vec(),
        ),
        ("text/plain; charset=iso-8859-1", "", b"caf\xe9".to_vec()),
        (
            "application/x-www-form-urlencoded",
            "",
            b"a=1&b=%2F+&a=&;".to_vec(),
        ),
        (
            "multipart/form-data; boundary=\"--x\"",
            "",
            b"----x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\
              \x00\xff\r\n----x--\r\n"
                .to_vec(),
        ),
        ("application/octet-stream", "", every_byte),
        ("application/json", "gzip", gzip.clone()),
        ("application/json", "gzip", b"not gzip at all".to_vec()),
        ("application/json", "br", b"\x0b\x02\x80hello\x03".to_vec()),
        ("application/json", "zstd", zstd),
        ("application/json", "deflate, gzip", gzip),
        ("application/x-ndjson", "identity", b"{}\n{}\n".to_vec()),
        (
            "text/event-stream",
            "",
            b"data: {\"a\":1}\n\ndata: [DONE]\r\n\r\n: c\n".to_vec(),
        ),
        ("", "", b"\n".to_vec()),
    ]
}

fn described(kind: &str, encoding: &str) -> String {
    let line = |name, value: &str| match value {
        "" => String::new(),
        value => format!("{name}: {value}\r\n"),
    };
    line("Content-Type", kind) + &line("Content-Encoding", encoding)
}

#[test]
fn a_body_with_a_length_crosses_untouched_both_ways() {
    let (gateway, upstream) = (Gateway::start(), echo());
    let mut client = gateway.client();
    for (kind, encoding, body) in bodies() {
        let lines = format!(
            "{}Content-Length: {}\r\n",
            described(kind, encoding),
            body.len()
        );
        client.send(request("POST", "/v1/echo", &upstream, lines, &body));
        let response = client.response();
        let sent = upstream.last();
        let what = format!("{kind} {encoding} {}", show(&body));
        assert_eq!(sent.body, body, "{what}");
        assert_eq!(response.body, body, "{what}");
        assert_eq!(response.end, End::Complete, "{what}");
        let length = body.len().to_string();
        assert_eq!(
            sent.framing(),
            [format!("content-length: {length}")],
            "{what}"
        );
        assert_eq!(response.all("content-length"), [&length], "{what}");
        for (name, value) in [("content-type", kind), ("content-encoding", encoding)] {
            let expected: Vec<_> = Some(value)
                .filter(|value| !value.is_empty())
                .into_iter()
                .collect();
            assert_eq!(sent.all(name), expected, "{what}");
            assert_eq!(response.all(name), expected, "{what}");
        }
    }
}

#[test]
fn a_chunked_body_crosses_untouched_and_chunked_both_ways() {
    let (gateway, upstream) = (Gateway::start(), chunked_echo());
    let mut client = gateway.client();
    for (kind, encoding, body) in bodies() {
        let lines = format!(
            "{}Transfer-Encoding: chunked\r\n",
            described(kind, encoding)
        );
        let (first, second) = body.split_at(body.len() / 2);
        let coded = [chunk(first), chunk(second), b"0\r\n\r\n".to_vec()].concat();
        client.send(request("POST", "/v1/echo", &upstream, lines, coded));
        let response = client.response();
        assert_eq!(response.body, body, "{kind} {encoding}");
        assert_eq!(response.all("transfer-encoding"), ["chunked"]);
        assert_eq!(response.header("content-length"), None);
        assert_eq!(
            response.header("x-framing"),
            Some("transfer-encoding: chunked")
        );
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [] => Vec::new(),
        bytes => [format!("{:X}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
    }
}

/// Decodes chunked requests and responses with their bodies, in chunks of at most 7 bytes.
fn chunked_echo() -> Upstream {
    Upstream::playing(|peer| {
        while let Some(head) = peer.head() {
            let Some((body, _)) = peer.chunks() else {
                return;
            };
            let framing = Sent::read(&head).framing().join(",");
            let head = format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Framing: {framing}\r\n\r\n"
            );
            let mut raw = head.into_bytes();
            for piece in body.chunks(7) {
                raw.extend(chunk(piece));
            }
            raw.extend(b"0\r\n\r\n");
            peer.send(raw);
        }
    })
}

#[test]
fn an_empty_body_stays_empty_however_it_is_framed() {
    let (gateway, upstream) = (Gateway::start(), Upstream::ok());
    for (lines, body, framing) in [
        ("Content-Length: 0\r\n", "", "content-length: 0"),
        (
            "Transfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            "transfer-encoding: chunked",
        ),
    ] {
        let sent = gateway.forwards(&upstream, request("POST", "/v1/x", &upstream, lines, body));
        assert_eq!(
            (sent.framing(), sent.body),
            (vec![framing.to_owned()], body.as_bytes().to_vec())
        );
    }
}

#[test]
fn chunks_of_any_shape_cross_and_their_extensions_and_trailers_do_not() {
    let (gateway, upstream) = (Gateway::start(), chunked_echo());
    let ones: String = "hello, world"
        .chars()
        .map(|letter| format!("1\r\n{letter}\r\n"))
        .collect();
    for (coded, body) in [
        (ones + "0\r\n\r\n", "hello, world"),
        ("5;name=value\r\nhello\r\n0;last\r\n\r\n".into(), "hello"),
        ("5;q=\"a b\"\r\nhello\r\n0\r\n\r\n".into(), "hello"),
        ("0005\r\nhello\r\n000\r\n\r\n".into(), "hello"),
        (
            "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n".into(),
            "01234567890123456789",
        ),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n".into(), "0\r\n\r\n"),
        (
            "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n".into(),
            "hello",
        ),
        ("0\r\nX-Sum: 1\r\n\r\n".into(), ""),
    ] {
        let lines = "Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n";
        let response = gateway.exchange(request("POST", "/v1/x", &upstream, lines, &coded));
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, body),
            "{coded:?}"
        );
    }
}

#[test]
fn trailers_and_extensions_of_a_response_do_not_cross() {
    let coded = "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upstream = Upstream::responding(format!("{head}{coded}"));
    let gateway = Gateway::start();
    for _ in 0..2 {
        let response = gateway.exchange(request("GET", "/v1/x", &upstream, "", ""));
        assert_eq!(
            (response.text().as_str(), response.end),
            ("hello!", End::Complete)
        );
        assert_eq!(response.header("trailer"), None);
    }
    assert_eq!(
        upstream.connections(),
        1,
        "the connection is at a clean boundary"
    );
}

#[test]
fn a_body_that_only_the_close_ends_crosses_whole() {
    let upstream = Upstream::playing(|peer: &mut Peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
        peer.send(b"one \x00\xff");
        peer.send("two");
    });
    let response = Gateway::start().exchange(request("GET", "/v1/x", &upstream, "", ""));
    assert_eq!(
        (&response.body[..], response.end),
        (&b"one \x00\xfftwo"[..], End::Complete)
    );
    assert_eq!(response.all("transfer-encoding"), ["chunked"]);
}

#[test]
fn requests_with_bodies_follow_one_another_on_one_connection() {
    let (gateway, upstream) = (Gateway::start(), echo());
    let mut client = gateway.client();
    // All three at once: responses come in order.
    let one = |body: &str| {
        let lines = format!("Content-Length: {}\r\n", body.len());
        request("POST", "/v1/x", &upstream, lines, body)
    };
    client.send([one("first"), one(""), one("third")].concat());
    for body in ["first", "", "third"] {
        assert_eq!(client.response().text(), body);
    }
}
