//! Framing and paths, as tables.

use super::*;
use crate::http::{request_fields::RequestFields, sample::head};

#[test]
fn only_the_prefix_itself_and_whole_segments_behind_it_are_unified_routes() {
    for (path, rest) in [
        ("/v1", Some("")),
        ("/v1/", Some("/")),
        ("/v1/chat/completions", Some("/chat/completions")),
        ("/v1//", Some("//")),
        ("/v1/v1", Some("/v1")),
        ("/v10", None),
        ("/v1;a", None),
        ("/v1%2Fx", None),
        ("/V1", None),
        ("/", None),
        ("", None),
        ("*", None),
    ] {
        let found = unified_path(path).map_err(|error| error.code);
        assert_eq!(found, rest.ok_or(Code::UnknownRoute), "{path}");
    }
}

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
