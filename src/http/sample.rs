//! Request heads for tests.

use actix_http::{Method, RequestHead};

/// A head with these header lines.
pub fn head(method: Method, uri: &str, lines: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead::default();
    head.method = method;
    head.uri = uri.parse().expect(uri);
    for (name, value) in lines {
        head.headers.append(
            name.parse().expect("a name"),
            value.parse().expect("a value"),
        );
    }
    head
}
