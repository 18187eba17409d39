use super::*;

#[test]
fn path_and_query_stay_as_written() {
    for (written, path, query) in [
        ("https://h.example", "", None),
        ("https://h.example/", "", None),
        ("https://h.example/v1", "/v1", None),
        ("https://h.example/v1/", "/v1", None),
        ("https://h.example/v1//", "/v1/", None),
        ("https://h.example//v1", "//v1", None),
        ("https://h.example/%7Ea/%2F;x=1", "/%7Ea/%2F;x=1", None),
        ("https://h.example/%76%31", "/%76%31", None),
        (
            "https://h.example/v1?a=%2F&b&&c=+",
            "/v1",
            Some("a=%2F&b&&c=+"),
        ),
        ("https://h.example?a=/x/", "", Some("a=/x/")),
        ("https://h.example/v1?a=?b", "/v1", Some("a=?b")),
        ("https://h.example/v1?a=..", "/v1", Some("a=..")),
        ("https://h.example/v1?", "/v1", None),
        ("https://h.example/a@b:c", "/a@b:c", None),
        ("https://h.example/http://x", "/http://x", None),
    ] {
        let url = BaseUrl::parse(written).unwrap();
        assert_eq!(
            (url.raw_path(), url.raw_query()),
            (path, query),
            "{written}"
        );
    }
}

#[test]
fn authority_and_origin_are_canonical() {
    for (written, authority, origin, lookup_name) in [
        (
            "https://API.example.com/v1",
            "api.example.com",
            "https://api.example.com:443",
            Some("api.example.com"),
        ),
        (
            "HTTPS://api.example.com:443",
            "api.example.com",
            "https://api.example.com:443",
            Some("api.example.com"),
        ),
        (
            "https://api.example.com:",
            "api.example.com",
            "https://api.example.com:443",
            Some("api.example.com"),
        ),
        (
            "https://api.example.com.",
            "api.example.com",
            "https://api.example.com.:443",
            Some("api.example.com."),
        ),
        (
            "http://api.example.com.:8000",
            "api.example.com:8000",
            "http://api.example.com.:8000",
            Some("api.example.com."),
        ),
        ("http://h:80", "h", "http://h:80", Some("h")),
        ("http://h:443", "h:443", "http://h:443", Some("h")),
        ("https://h:80", "h:80", "https://h:80", Some("h")),
        (
            "http://0x7f.1:08000",
            "127.0.0.1:8000",
            "http://127.0.0.1:8000",
            None,
        ),
        ("http://[0:0::1]", "[::1]", "http://[::1]:80", None),
        (
            "http://[FD12::7]:8000",
            "[fd12::7]:8000",
            "http://[fd12::7]:8000",
            None,
        ),
    ] {
        let url = BaseUrl::parse(written).unwrap();
        assert_eq!(url.authority(), authority, "{written}");
        assert_eq!(url.origin(), origin, "{written}");
        assert_eq!(url.lookup_name(), lookup_name, "{written}");
    }
}

#[test]
fn the_length_limit_is_in_bytes_and_inclusive() {
    let longest = format!("https://h.example/{}", "a".repeat(MAX_BASE_URL_BYTES - 18));
    assert_eq!(longest.len(), MAX_BASE_URL_BYTES);
    assert!(BaseUrl::parse(&longest).is_ok());
    let error = BaseUrl::parse(&format!("{longest}a")).unwrap_err();
    assert_eq!(error, BaseUrlError::TooLong { bytes: 2049 });
    assert_eq!(
        error.to_string(),
        "the base URL has 2049 bytes, at most 2048 are allowed"
    );
}

#[test]
fn neither_debug_nor_errors_repeat_what_was_written() {
    let url = BaseUrl::parse("https://h.example/hidden?key=hidden").unwrap();
    assert_eq!(format!("{url:?}"), r#"BaseUrl("https://h.example:443")"#);
    for written in [
        "https://hidden:hidden@h.example",
        "https://h.example/hidden/..",
        "hidden",
        "https://h.example/#hidden",
    ] {
        let error = BaseUrl::parse(written).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hidden"),
            "{written}"
        );
    }
}
