//! Requests that two parsers could read differently are refused before the upstream sees them. If
//! the head cannot be parsed, the refusal is actix-http's: a bare status line, then the close.

use crate::support::{Gateway, Upstream};

/// Puts the lines that choose the target in the place of `{to}`.
pub(crate) fn raw(upstream: &Upstream, template: &str) -> Vec<u8> {
    let lines = format!(
        "x-gateway-provider: passthrough\r\nx-gateway-custom-host: {}/v1\r\n",
        upstream.url()
    );
    template.replace("{to}", &lines).into_bytes()
}

pub(crate) fn post(lines: &str, body: &str) -> String {
    format!("POST /v1/x HTTP/1.1\r\nHost: localhost\r\n{{to}}{lines}\r\n{body}")
}

pub(crate) fn get(lines: &str) -> String {
    format!("GET /v1/x HTTP/1.1\r\nHost: localhost\r\n{{to}}{lines}\r\n")
}

fn request_line(line: &str) -> String {
    format!("{line}\r\nHost: localhost\r\n{{to}}\r\n")
}

fn assert_refused(requests: Vec<(&str, String)>) {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start();
    for (what, template) in requests {
        let mut client = gateway.client();
        client.send(raw(&upstream, &template));
        let response = client.response();
        assert_eq!(response.status, 400, "{what}");
        assert!(client.is_closed(), "{what}: the connection stays open");
        assert_eq!(upstream.connections(), 0, "{what}: the upstream was asked");
    }
}

pub(crate) const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

#[test]
fn a_body_with_two_lengths_is_refused() {
    assert_refused(vec![
        (
            "length, then chunked",
            post(
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                CHUNKS,
            ),
        ),
        (
            "chunked, then length",
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                CHUNKS,
            ),
        ),
        (
            "length 0 and chunked",
            post(
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                CHUNKS,
            ),
        ),
        (
            "two lengths",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        ),
        (
            "the same length twice",
            post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ),
        (
            "a list of lengths",
            post("Content-Length: 5, 6\r\n", "hello!"),
        ),
        (
            "a list of one length",
            post("Content-Length: 5, 5\r\n", "hello"),
        ),
    ]);
}

#[test]
fn a_length_that_is_no_number_is_refused() {
    for length in [
        "-1",
        "+5",
        "5 5",
        "0x5",
        "5e0",
        "5;",
        "5.0",
        "",
        "18446744073709551616",
        "99999999999999999999999",
        "\u{665}",
    ] {
        let line = format!("Content-Length: {length}\r\n");
        assert_refused(vec![(length, post(&line, "hello"))]);
    }
}

#[test]
fn transfer_codings_other_than_chunked_alone_are_refused() {
    for coding in [
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        "identity",
        "identity, chunked",
        "gzip",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "\u{b}chunked",
        "",
    ] {
        let line = format!("Transfer-Encoding: {coding}\r\n");
        assert_refused(vec![(coding, post(&line, CHUNKS))]);
    }
    assert_refused(vec![
        (
            "two lines",
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                CHUNKS,
            ),
        ),
        (
            "two lines, one identity",
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                CHUNKS,
            ),
        ),
        (
            "HTTP/1.0",
            post("Transfer-Encoding: chunked\r\n", CHUNKS).replace("HTTP/1.1", "HTTP/1.0"),
        ),
        (
            "HTTP/1.0 with a length",
            post(
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                CHUNKS,
            )
            .replace("HTTP/1.1", "HTTP/1.0"),
        ),
    ]);
}

#[test]
fn malformed_header_lines_are_refused() {
    assert_refused(vec![
        ("a folded line", get("X-A: 1\r\n 2\r\n")),
        ("a folded line, tab", get("X-A: 1\r\n\t2\r\n")),
        ("a folded first value", get("X-A:\r\n 2\r\n")),
        (
            "a folded coding",
            post("Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
        ),
        ("a bare CR in a value", get("X-A: 1\r2\r\n")),
        ("a bare CR in front of a name", get("\rX-A: 1\r\n")),
        ("a bare CR as the line's end", get("X-A: 1\rX-B: 2\r\n")),
        ("a space before the colon", get("X-A : 1\r\n")),
        ("a tab before the colon", get("X-A\t: 1\r\n")),
        (
            "a space before the length's colon",
            post("Content-Length : 5\r\n", "hello"),
        ),
        (
            "a space before the coding's colon",
            post("Transfer-Encoding : chunked\r\n", CHUNKS),
        ),
        ("a space in a name", get("X A: 1\r\n")),
        ("a name of nothing", get(": 1\r\n")),
        ("a line without a colon", get("X-A\r\n")),
        ("NUL in a value", get("X-A: 1\0\r\n")),
        ("NUL in a name", get("X\0: 1\r\n")),
        ("a control character in a value", get("X-A: \u{1}\r\n")),
        ("a slash in a name", get("X/A: 1\r\n")),
    ]);
}

#[test]
fn a_request_has_exactly_one_host() {
    assert_refused(vec![
        ("none", "GET /v1/x HTTP/1.1\r\n{to}\r\n".to_owned()),
        ("two", get("Host: localhost\r\n")),
        ("two that differ", get("Host: other\r\n")),
    ]);
}

#[test]
fn malformed_request_lines_are_refused() {
    assert_refused(vec![
        ("two spaces", request_line("GET  /v1/x HTTP/1.1")),
        (
            "two spaces before the version",
            request_line("GET /v1/x  HTTP/1.1"),
        ),
        ("tabs", request_line("GET\t/v1/x\tHTTP/1.1")),
        ("a leading space", request_line(" GET /v1/x HTTP/1.1")),
        ("a trailing space", request_line("GET /v1/x HTTP/1.1 ")),
        ("a space in the path", request_line("GET /v1/x y HTTP/1.1")),
        ("no version (HTTP/0.9)", request_line("GET /v1/x")),
        ("HTTP/0.9", request_line("GET /v1/x HTTP/0.9")),
        ("HTTP/1.2", request_line("GET /v1/x HTTP/1.2")),
        ("HTTP/2.0", request_line("GET /v1/x HTTP/2.0")),
        ("HTTP/11", request_line("GET /v1/x HTTP/11")),
        ("a lower-case version", request_line("GET /v1/x http/1.1")),
        ("no target", request_line("GET HTTP/1.1")),
        ("an invalid method", request_line("G(T /v1/x HTTP/1.1")),
        ("NUL in the path", request_line("GET /v1/x\0 HTTP/1.1")),
        (
            "a bare CR in the path",
            request_line("GET /v1/x\r HTTP/1.1"),
        ),
    ]);
}
