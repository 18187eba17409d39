//! What is not the gateway key crosses as it came: heads, values that are no text, trailers.

use crate::{
    keys_leaks::{BODY, assert_has_no_key, assert_nothing_came, keys},
    support::{
        Gateway,
        gateway_keys::{bearer, key, upstream},
        routing::{base, chat},
    },
};

/// What `take` leaves of a head is what came, byte by byte.
#[test]
fn a_head_without_its_key_is_otherwise_as_it_came() {
    let gateway = Gateway::with(&keys());
    let key = key(1);
    let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let many: String = (0..60).map(|at| format!("x-line-{at}: {at}\r\n")).collect();
    for (target, lines, sent, kept) in [
        (
            format!("/v1/x?a=%20+&&b==&key={key}&c;d=%2F"),
            "",
            "/v1/x?a=%20+&&b==&c;d=%2F",
            "",
        ),
        (format!("/v1/x?key={key}"), "", "/v1/x", ""),
        (format!("/v1/x?key={key}&"), "", "/v1/x?", ""),
        (format!("/v1/x?%6Bey={encoded}&q"), "", "/v1/x?q", ""),
        (
            format!("/v1/x?key={key}&key=own&key={key}"),
            "",
            "/v1/x?key=own",
            "",
        ),
        (
            format!("http://localhost/v1/a//b?x=1&key={key}"),
            "",
            "/v1/a//b?x=1",
            "",
        ),
        ("/v1/x?".to_owned(), "AUTH", "/v1/x?", ""),
        ("/v1/x".to_owned(), "AUTHMANY", "/v1/x", "x-line-59: 59"),
        ("/v1/x".to_owned(), "MANYAUTH", "/v1/x", "x-line-0: 0"),
        (
            "/v1/x".to_owned(),
            "Authorization: Bearer own-1\r\nAUTHAuthorization: Bearer own-2\r\n",
            "/v1/x",
            "authorization: Bearer own-1\r\nauthorization: Bearer own-2",
        ),
        (
            "/v1/x".to_owned(),
            "AUTHx-note: caf\u{e9}\r\n",
            "/v1/x",
            "x-note: caf\u{e9}",
        ),
        (
            "/v1/x".to_owned(),
            "AUTHx-api-key: s\u{e9}cret\r\n",
            "/v1/x",
            "x-api-key: s\u{e9}cret",
        ),
    ] {
        let upstream = upstream();
        let lines = lines.replace("AUTH", &bearer(1)).replace("MANY", &many);
        let host = base(&upstream);
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {host}\r\n\
             {lines}\r\n"
        );
        let got = gateway.exchange(request);
        assert_eq!(got.status, 200, "{target} {lines}: {}", got.text());
        let came = upstream.request();
        assert!(
            came.starts_with(&format!("GET {sent} HTTP/1.1\r\n")),
            "{target}: {came}"
        );
        assert!(came.contains(kept), "{lines}: {came}");
        assert_has_no_key(&came, &target);
        let lines = came.matches("x-line-").count();
        assert!(lines == 0 || lines == 60, "{came}");
    }
}

/// Bytes that are no UTF-8 are not touched, nor do they hide a key.
#[test]
fn values_that_are_no_text_cross_and_hide_no_key() {
    let gateway = Gateway::with(&keys());
    let upstream = upstream();
    let head = format!(
        "GET /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {}\r\n{}",
        base(&upstream),
        bearer(1)
    );
    let value = b"x-api-key: \xff\xfe\x80\r\n".as_slice();
    let got = gateway.exchange([head.as_bytes(), value, b"\r\n"].concat());
    assert_eq!(got.status, 200);
    let requests = upstream.requests().concat();
    assert!(requests.windows(value.len()).any(|it| it == value));
    let hidden = [
        b"x-note: \xff".as_slice(),
        key(1).as_bytes(),
        b"\xff\r\n\r\n",
    ]
    .concat();
    let got = gateway.exchange([head.as_bytes(), &hidden].concat());
    assert_eq!((got.status, got.error()), (400, Some("invalid_header")));
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_key_in_a_trailer_goes_nowhere_and_opens_nothing() {
    let gateway = Gateway::with(&keys());
    let upstream = upstream();
    let trailer = format!("x-api-key: {}\r\n", key(1));
    for (credential, status) in [(bearer(1), 200), (String::new(), 401)] {
        let request = format!(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {}\r\n{credential}\
             Trailer: x-api-key\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\n{{}}\r\n0\r\n{trailer}\r\n",
            base(&upstream)
        );
        assert_eq!(gateway.exchange(request).status, status);
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_nothing_came(&upstream, "trailer");
}

#[test]
fn two_lines_of_our_own_header_are_refused() {
    let gateway = Gateway::with(&keys());
    let upstream = upstream();
    let host = format!("x-gateway-custom-host: {}\r\n", base(&upstream));
    for lines in [
        format!(
            "x-gateway-api-key: {0}\r\nx-gateway-api-key: {0}\r\n",
            key(1)
        ),
        format!(
            "x-gateway-api-key: {}\r\nx-gateway-api-key: {}\r\n",
            key(1),
            key(2)
        ),
    ] {
        let got = gateway.exchange(chat(&format!("{host}{lines}"), BODY));
        assert_eq!(
            (got.status, got.error()),
            (400, Some("invalid_header")),
            "{}",
            got.text()
        );
        assert_has_no_key(&got.text(), "twice");
    }
    assert_eq!(upstream.requests().len(), 0);
}
