//! An edit that cannot be made is refused before anything is sent.

use crate::support::{
    Gateway, Upstream,
    routing::{base, chat, config_line, configured},
};

fn overriding(upstream: &Upstream) -> String {
    format!(
        r#"{{"custom_host":"{}","override_params":{{"model":"b"}}}}"#,
        base(upstream)
    )
}

#[test]
fn an_encoded_body_is_a_400() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, identity"] {
        let lines =
            config_line(&overriding(&upstream)) + &format!("Content-Encoding: {encoding}\r\n");
        let response = gateway.exchange(chat(&lines, "\u{1f}not really gzip"));
        assert_eq!(response.status, 400, "{encoding}: {}", response.text());
        assert!(response.error().is_some(), "{encoding}");
    }
    assert_eq!(upstream.connections(), 0);
    // `identity` is no encoding.
    let lines = config_line(&overriding(&upstream)) + "Content-Encoding: identity\r\n";
    assert_eq!(
        gateway.exchange(chat(&lines, r#"{"model":"a"}"#)).status,
        200
    );
    assert_eq!(upstream.last().body, br#"{"model":"b"}"#);
}

#[test]
fn a_body_that_is_no_json_object_is_a_400() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    for body in [
        "no json",
        "[]",
        "7",
        "\"model\"",
        "{",
        "{\"model\":\"a\"",
        "{\"model\":\"a\"} x",
        "{\"model\":}",
        "{'model':'a'}",
        "--boundary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--boundary--\r\n",
    ] {
        let response = gateway.exchange(configured(&overriding(&upstream), body));
        assert_eq!(response.status, 400, "{body}: {}", response.text());
        assert!(response.error().is_some(), "{body}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_body_over_the_replay_limit_is_a_413() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with("replay_limit: 10KiB");
    let long = format!("{{\"model\":\"a\",\"x\":\"{}\"}}", "y".repeat(20_000));
    gateway.refuses(
        configured(&overriding(&upstream), &long),
        413,
        "body_too_large",
    );
    let length = long.len();
    let chunked = configured(&overriding(&upstream), "")
        .replace("Content-Length: 0", "Transfer-Encoding: chunked")
        + &format!("{length:x}\r\n{long}\r\n0\r\n\r\n");
    gateway.refuses(chunked, 413, "body_too_large");
    assert_eq!(upstream.connections(), 0);
    // Just under it is well.
    let fits = format!("{{\"model\":\"a\",\"x\":\"{}\"}}", "y".repeat(10_000));
    assert_eq!(
        gateway
            .exchange(configured(&overriding(&upstream), &fits))
            .status,
        200
    );
    assert_eq!(
        upstream.last().body,
        fits.replace("\"a\"", "\"b\"").into_bytes()
    );
}

#[test]
fn an_edit_that_cannot_be_made_for_a_later_target_is_a_400_too() {
    // The caller is at fault whichever target is reached; the outcome of the one before it is not
    // what went wrong.
    let (first, second) = (Upstream::failing("500 No"), Upstream::named("b"));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"targets":[{{"custom_host":"{}"}},
           {{"custom_host":"{}","override_params":{{"model":"b"}}}}]}}"#,
        base(&first),
        base(&second)
    );
    let response = Gateway::start().exchange(configured(&config, "no json"));
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(second.connections(), 0);
}
