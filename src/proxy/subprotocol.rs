//! Credentials among the subprotocols that a WebSocket handshake offers. Browsers cannot set
//! headers there, so OpenAI takes its key as `openai-insecure-api-key.{key}` (Realtime API,
//! "WebSocket", browser example).

use actix_http::header::{HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};

/// The line that offers subprotocols.
pub const NAME: HeaderName = SEC_WEBSOCKET_PROTOCOL;
/// Its name in `x-gateway-withheld`.
pub const NAME_TEXT: &str = "sec-websocket-protocol";

const PREFIXES: [&[u8]; 1] = [b"openai-insecure-api-key."];

/// The subprotocols of a line that carry a credential.
pub fn credentials(offered: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    tokens(offered).filter(|token| is_credential(token))
}

/// The line's value without them; `None` where nothing is left.
pub fn without_credentials(offered: &HeaderValue) -> Option<HeaderValue> {
    if !tokens(offered).any(is_credential) {
        return Some(offered.clone());
    }
    let left: Vec<_> = tokens(offered).filter(|it| !is_credential(it)).collect();
    match left.is_empty() {
        true => None,
        false => HeaderValue::from_bytes(&left.join(&b", "[..])).ok(),
    }
}

fn tokens(offered: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    offered
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
}

fn is_credential(token: &[u8]) -> bool {
    PREFIXES.iter().any(|prefix| {
        let start = token.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_and_taken_out_and_the_rest_stays() {
        for (offered, keys, left) in [
            ("realtime", &[][..], Some("realtime")),
            ("a,b ,  c", &[], Some("a,b ,  c")),
            (
                "realtime, openai-insecure-api-key.sk-x, openai-beta.realtime-v1",
                &["openai-insecure-api-key.sk-x"],
                Some("realtime, openai-beta.realtime-v1"),
            ),
            (
                "OpenAI-Insecure-API-Key.k",
                &["OpenAI-Insecure-API-Key.k"],
                None,
            ),
            (
                "openai-insecure-api-key.a,openai-insecure-api-key.b,x",
                &["openai-insecure-api-key.a", "openai-insecure-api-key.b"],
                Some("x"),
            ),
            (
                "openai-insecure-api-key",
                &[],
                Some("openai-insecure-api-key"),
            ),
        ] {
            let value = HeaderValue::from_static(offered);
            let found: Vec<_> = credentials(&value).collect();
            assert_eq!(
                found,
                keys.iter().map(|it| it.as_bytes()).collect::<Vec<_>>()
            );
            let left = left.map(HeaderValue::from_static);
            assert_eq!(without_credentials(&value), left, "{offered}");
        }
    }
}
