//! Does a request ask for a WebSocket (RFC 6455 §4.1)?

use actix_http::header::{self, HeaderMap};

use super::list;

/// An `Upgrade` line names WebSocket and nothing else. actix-http takes any such request for a
/// tunnel, whatever its method and whatever `Connection` says.
pub fn is_named_by_upgrade(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::UPGRADE);
    lines.any(|line| {
        let protocol = line.as_bytes().trim_ascii();
        protocol.eq_ignore_ascii_case(b"websocket")
    })
}

/// `Connection` lists `upgrade`, without which an `Upgrade` line has no effect (RFC 9110 §7.8).
pub fn is_upgrade_asked_for(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONNECTION);
    lines.any(|line| list::has_token(line.as_bytes(), b"upgrade"))
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_upgrade_line_is_compared_whole_and_connection_as_a_list() {
        for (upgrade, connection, expected) in [
            ("websocket", "upgrade", (true, true)),
            (" WebSocket ", "keep-alive, Upgrade", (true, true)),
            ("websocket", "keep-alive", (true, false)),
            ("websocket, h2c", "upgrade", (false, true)),
            ("h2c", "upgrades", (false, false)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::UPGRADE, HeaderValue::from_static(upgrade));
            headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
            let found = (
                is_named_by_upgrade(&headers),
                is_upgrade_asked_for(&headers),
            );
            assert_eq!(found, expected, "{upgrade:?}, {connection:?}");
        }
    }
}
