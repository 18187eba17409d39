//! One request through the whole gateway, as an example of how the other files work.

use crate::support::{Gateway, Upstream, client::End, gateway::post};

#[test]
fn a_request_reaches_the_upstream_and_its_response_the_client() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start();
    let response = gateway.exchange(post(&upstream, r#"{"a": 1}"#));
    assert_eq!(
        (response.status, response.text().as_str(), response.end),
        (200, "ok", End::Complete)
    );
    assert!(
        upstream
            .request()
            .starts_with("POST /v1/chat/completions HTTP/1.1\r\n")
    );
    assert!(upstream.request().ends_with("\r\n\r\n{\"a\": 1}"));
}
