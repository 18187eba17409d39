//! Requests and responses with one property at a time that forbids caching.

use actix_http::header::HeaderValue;

use super::*;

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_static(name);
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

fn judge(
    method: Method,
    path: &str,
    lines: &[(&'static str, &'static str)],
    body: &[u8],
) -> Result<(), NoCacheReason> {
    let request = Request {
        method: &method,
        path,
        headers: &headers(lines),
        more_paths: &[],
    };
    let route = head_verdict(request)?;
    body_verdict(route, body)
}

#[test]
fn a_request_is_judged_by_its_head() {
    use NoCacheReason::*;
    let json = ("content-type", "application/json");
    let chat = "/v1/chat/completions";
    let (post, get) = (super::Method::POST, super::Method::GET);
    for (method, path, lines, expected) in [
        (&post, chat, &[json][..], Ok(())),
        (&post, chat, &[], Ok(())),
        (&post, chat, &[("content-type", "text/plain")], Ok(())),
        (&post, chat, &[("content-encoding", "identity")], Ok(())),
        (&post, chat, &[("cache-control", "no-cache")], Ok(())),
        (&get, chat, &[], Err(Method)),
        (
            &get,
            "/v1/realtime",
            &[("upgrade", "websocket")],
            Err(Upgrade),
        ),
        (&post, "/v1/files", &[json], Err(Path)),
        (
            &post,
            "/v1/embeddings",
            &[("content-type", "Multipart/form-data; boundary=x")],
            Err(ContentType),
        ),
        (
            &post,
            chat,
            &[("content-type", "audio/wav")],
            Err(ContentType),
        ),
        (
            &post,
            chat,
            &[json, ("content-encoding", "gzip")],
            Err(EncodedRequest),
        ),
        (
            &post,
            chat,
            &[json, ("content-encoding", "identity, br")],
            Err(EncodedRequest),
        ),
        (
            &post,
            chat,
            &[json, ("range", "bytes=0-1")],
            Err(RangeRequest),
        ),
        (
            &post,
            chat,
            &[
                json,
                ("cache-control", "max-age=0"),
                ("cache-control", "No-Store"),
            ],
            Err(NoStoreRequest),
        ),
    ] {
        let verdict = judge(method.clone(), path, lines, b"{}");
        assert_eq!(verdict, expected, "{method} {path} {lines:?}");
    }
}

#[test]
fn a_request_is_judged_by_its_body() {
    use NoCacheReason::*;
    let (chat, responses) = ("/v1/chat/completions", "/v1/responses");
    for (path, body, expected) in [
        (chat, r#"{"messages":[]}"#, Ok(())),
        (chat, r#" {"background":true} "#, Ok(())),
        (chat, "", Err(NotJson)),
        (chat, "[]", Err(NotJson)),
        (chat, r#"{"messages":["#, Err(NotJson)),
        (chat, "{", Err(NotJson)),
        (responses, r#"{"input":[}"#, Err(NotJson)),
        (responses, r#"{"input":"x"}"#, Ok(())),
        (
            responses,
            r#"{"background":false,"conversation":null}"#,
            Ok(()),
        ),
        (responses, r#"{"x":{"background":true}}"#, Ok(())),
        (responses, r#"{"background": true}"#, Err(Background)),
        (responses, r#"{"b\u0061ckground":true}"#, Err(Background)),
        (
            responses,
            r#"{"background":true,"background":false}"#,
            Err(Background),
        ),
        (
            responses,
            r#"{"previous_response_id":"resp_1"}"#,
            Err(PreviousResponseId),
        ),
        (responses, r#"{"previous_response_id":null}"#, Ok(())),
        (responses, r#"{"conversation":"conv_1"}"#, Err(Conversation)),
        (
            responses,
            r#"{"conversation":{"id":"c"}}"#,
            Err(Conversation),
        ),
        (responses, "input", Err(NotJson)),
    ] {
        let verdict = judge(super::Method::POST, path, &[], body.as_bytes());
        assert_eq!(verdict, expected, "{path} {body:?}");
    }
}

#[test]
fn a_path_of_the_settings_accepts_any_body() {
    assert_eq!(body_verdict(Route::Other, b"no JSON"), Ok(()));
}

#[test]
fn a_response_is_judged_by_its_head() {
    use NoCacheReason::*;
    let cookie = ("set-cookie", "__cf_bm=1");
    for (status, lines, shared, expected) in [
        (200, &[][..], false, Ok(())),
        (200, &[("content-encoding", "gzip")], true, Ok(())),
        (200, &[("cache-control", "no-cache, private")], true, Ok(())),
        (200, &[("content-length", "8388608")], false, Ok(())),
        (200, &[("content-length", "8388609")], false, Err(TooLarge)),
        (200, &[cookie], false, Ok(())),
        (200, &[cookie], true, Err(SetCookieShared)),
        (
            200,
            &[("cache-control", "private, NO-STORE")],
            false,
            Err(NoStoreResponse),
        ),
        (200, &[("vary", "Accept-Encoding, Origin")], false, Ok(())),
        (200, &[("vary", "Authorization")], false, Ok(())),
        (
            200,
            &[("vary", "origin, Authorization")],
            true,
            Err(VaryCredential),
        ),
        (
            200,
            &[("vary", "origin"), ("vary", " * ")],
            false,
            Err(VaryStar),
        ),
        (
            200,
            &[("vary", "Origin, User-Agent")],
            false,
            Err(VaryNoise),
        ),
        (201, &[], false, Err(Status)),
        (204, &[], false, Err(Status)),
        (206, &[], false, Err(Status)),
        (304, &[], false, Err(Status)),
        (429, &[], false, Err(Status)),
        (500, &[], false, Err(Status)),
    ] {
        let response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers(lines),
            shared: shared.then_some(&[header::AUTHORIZATION]),
            noise: &Noise::default(),
        };
        assert_eq!(
            response_verdict(response),
            expected,
            "{status} {lines:?} {shared}"
        );
    }
}
