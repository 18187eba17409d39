//! How the bytes of a response are divided into TCP segments makes no difference.

use crate::support::{
    Gateway, Upstream,
    client::End,
    gateway::{get, post},
};

/// An early hint, then a response in 40 chunks of growing size, and its decoded body.
fn many_chunks() -> (Vec<u8>, Vec<u8>) {
    let mut wire = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    let mut body = Vec::new();
    for number in 0..40_u8 {
        let size = usize::from(number) * 7 + 1;
        let extension = if number % 3 == 0 { ";ext=1" } else { "" };
        let data = vec![b'a' + number % 26; size];
        wire.extend(format!("{size:x}{extension}\r\n").bytes());
        wire.extend_from_slice(&data);
        wire.extend_from_slice(b"\r\n");
        body.extend(data);
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    (wire, body)
}

#[test]
fn a_head_that_comes_byte_by_byte_is_the_same_head() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        for byte in b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello" {
            peer.send([*byte]);
        }
    });
    let response = Gateway::start().exchange(get(&upstream));
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (200, "hello".to_owned(), End::Complete));
    assert_eq!(response.header("x-a"), Some("b"));
}

#[test]
fn segment_boundaries_in_a_response_change_nothing() {
    const REPEATS: usize = 200;
    let (wire, body) = many_chunks();
    let upstream = Upstream::playing(move |peer| {
        let mut dice = 12345_u32;
        while peer.request().is_some() {
            let mut rest = &wire[..];
            while !rest.is_empty() {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let size = 1 + (dice >> 16) as usize % 97;
                let (segment, after) = rest.split_at(size.min(rest.len()));
                peer.send(segment);
                rest = after;
            }
        }
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    for round in 0..REPEATS {
        client.send(post(&upstream, "{}"));
        let response = client.response();
        assert_eq!(
            (response.status, response.end),
            (200, End::Complete),
            "round {round}"
        );
        assert!(response.body == body, "round {round}");
    }
    assert_eq!(upstream.connections(), 1);
}
