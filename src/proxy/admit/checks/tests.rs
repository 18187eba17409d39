//! Framing and paths, as tables.

use super::*;
use crate::http::{request_fields::RequestFields, sample::head};

#[test]
fn a_handshake_is_told_from_a_body() {
    let upgrade = ("upgrade", "websocket");
    let asks = ("connection", "keep-alive, Upgrade");
    for (method, lines, expected) in [
        (Method::GET, &[upgrade, asks][..], Ok(BodyLength::Tunnel)),
        (Method::GET, &[upgrade], Ok(BodyLength::None)),
        (Method::POST, &[upgrade, asks], Err(Code::InvalidHeader)),
        (
            Method::POST,
            &[upgrade, asks, ("content-length", "5")],
            Err(Code::InvalidHeader),
        ),
        (
            Method::GET,
            &[upgrade, asks, ("content-length", "5")],
            Err(Code::InvalidHeader),
        ),
        (
            Method::POST,
            &[("content-length", "5")],
            Ok(BodyLength::Exact(5)),
        ),
        (
            Method::POST,
            &[("transfer-encoding", "chunked")],
            Ok(BodyLength::Chunked),
        ),
        (Method::GET, &[], Ok(BodyLength::None)),
        (
            Method::GET,
            &[("upgrade", "h2c"), asks],
            Ok(BodyLength::None),
        ),
    ] {
        let head = head(method, "/", lines);
        let framing = RequestFields::of(head.headers(), |_| false).framing;
        let result = body_length(&head, framing).map_err(|error| error.code);
        assert_eq!(result, expected, "{lines:?}");
    }
}
