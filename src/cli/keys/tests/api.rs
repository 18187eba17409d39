//! Commands against a gateway that gives prepared responses: what is asked, and what is printed.

use super::{super::*, ran, run_with};
use crate::cli::client::scripted::{Scripted, json as response, nowhere};

/// Runs a command against a gateway that gives these responses; also the requests it got.
fn asked(words: &[&str], responses: &[(u16, &str)]) -> (u8, String, String, Vec<String>) {
    let raw = responses
        .iter()
        .map(|(status, body)| response(*status, body));
    let server = Scripted::new(raw.collect());
    let url = server.url();
    let variables = [
        ("THROUGHWAY_ADMIN_TOKEN", "secret"),
        ("THROUGHWAY_URL", url.as_str()),
    ];
    let (code, out, err) = run_with(words, &variables.into());
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|it| it.contains("\r\nAuthorization: Bearer secret\r\n"))
    );
    (
        code,
        out,
        err.replace(&url, "URL"),
        requests.iter().map(|it| summary(it)).collect(),
    )
}

/// The first line's method and target, and the body.
fn summary(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
    let line = line.replace("/gateway/admin/v1", "");
    format!("{line} {body}").trim_end().to_owned()
}

const APP: &str = r#"{"id":"key_1","name":"app","prefix":"tw-AbCd…","role":"member"}"#;
const LIST: &str = r#"{"data":[
    {"id":"key_2","name":"ci","role":"admin","blocked":true,"source":"file"},
    {"id":"key_1","name":"app","prefix":"tw-AbCd…","team":"search","role":"member",
     "expires":"2100-01-01T00:00:00Z","source":"store"}],
    "next_cursor":null}"#;
const SECRET: &str = r#"{"id":"key_1","key":"tw-new","name":"app"}"#;

#[test]
fn what_is_asked_of_the_gateway_and_what_is_printed() {
    type Case<'c> = (&'c [&'c str], &'c [(u16, &'c str)], &'c [&'c str], &'c str);
    let table: &[Case<'_>] = &[
        (
            &[
                "create",
                "app",
                "--team",
                "search",
                "--role",
                "viewer",
                "--allow-model",
                "gpt-*",
            ],
            &[(201, SECRET)],
            &[concat!(
                r#"POST /keys {"name":"app","team":"search","role":"viewer","#,
                r#""allow":{"models":["gpt-*"]}}"#
            )],
            "tw-new\n\nid: key_1\nname: app\n",
        ),
        (
            &[
                "create",
                "app",
                "--expires",
                "2100-01-01T00:00:00Z",
                "--metadata",
                "a=b=c",
            ],
            &[(201, SECRET)],
            &[concat!(
                r#"POST /keys {"name":"app","expires":"2100-01-01T00:00:00Z","#,
                r#""metadata":{"a":"b=c"}}"#
            )],
            "tw-new\n\nid: key_1\nname: app\n",
        ),
        (
            &["list"],
            &[(200, LIST)],
            &["GET /keys?limit=1000"],
            "NAME  ID     KEY       TEAM    ROLE    STATE    EXPIRES               SOURCE\n\
             app   key_1  tw-AbCd…  search  member  active   2100-01-01T00:00:00Z  store\n\
             ci    key_2  -         -       admin   blocked  -                     file\n",
        ),
        (
            &["list"],
            &[
                (200, r#"{"data":[{"name":"b"}],"next_cursor":"a/b="}"#),
                (
                    200,
                    r#"{"data":[{"name":"a","expires":"2020-01-01T00:00:00Z"}]}"#,
                ),
            ],
            &[
                "GET /keys?limit=1000",
                "GET /keys?limit=1000&cursor=a%2Fb%3D",
            ],
            "NAME  ID  KEY  TEAM  ROLE  STATE    EXPIRES               SOURCE\n\
             a     -   -    -     -     expired  2020-01-01T00:00:00Z  -\n\
             b     -   -    -     -     active   -                     -\n",
        ),
        (
            &["list"],
            &[(200, r#"{"data":[],"next_cursor":null}"#)],
            &["GET /keys?limit=1000"],
            "NAME  ID  KEY  TEAM  ROLE  STATE  EXPIRES  SOURCE\n",
        ),
        (
            &["show", "key_1"],
            &[(200, APP)],
            &["GET /keys/key_1"],
            "id: key_1\nname: app\nprefix: tw-AbCd…\nrole: member\n",
        ),
        (
            &["rotate", "app", "--grace", "1h"],
            &[(200, LIST), (200, SECRET)],
            &[
                "GET /keys?limit=1000",
                r#"POST /keys/key_1/rotate {"grace":"3600s"}"#,
            ],
            "tw-new\n\nid: key_1\nname: app\n",
        ),
        (
            &["rotate", "key_1"],
            &[(200, APP), (200, SECRET)],
            &["GET /keys/key_1", "POST /keys/key_1/rotate {}"],
            "tw-new\n\nid: key_1\nname: app\n",
        ),
        (
            &["block", "app"],
            &[(200, LIST), (200, APP)],
            &[
                "GET /keys?limit=1000",
                r#"PATCH /keys/key_1 {"blocked":true}"#,
            ],
            "blocked app (key_1)\n",
        ),
        (
            &["unblock", "key_1"],
            &[(200, APP), (200, APP)],
            &["GET /keys/key_1", r#"PATCH /keys/key_1 {"blocked":false}"#],
            "unblocked app (key_1)\n",
        ),
        (
            &["delete", "app"],
            &[(200, LIST), (204, "")],
            &["GET /keys?limit=1000", "DELETE /keys/key_1"],
            "deleted app (key_1)\n",
        ),
    ];
    for (words, responses, requests, expected) in table {
        let (code, out, err, came) = asked(words, responses);
        assert_eq!((code, out.as_str()), (0, *expected), "{words:?} {err}");
        assert_eq!(came, *requests, "{words:?}");
        assert_eq!(
            err.is_empty(),
            !expected.starts_with("tw-new"),
            "{words:?} {err}"
        );
    }
}

#[test]
fn json_is_for_scripts() {
    for (words, responses, pointer, expected) in [
        (
            &["create", "app", "--json"][..],
            &[(201, SECRET)][..],
            "/key",
            json!("tw-new"),
        ),
        (
            &["create", "app", "--json"],
            &[(201, SECRET)],
            "/id",
            json!("key_1"),
        ),
        (
            &["list", "--json"],
            &[(200, LIST)],
            "/data/1/name",
            json!("app"),
        ),
        (
            &["show", "app", "--json"],
            &[(200, LIST)],
            "/team",
            json!("search"),
        ),
        (
            &["block", "app", "--json"],
            &[(200, LIST), (200, APP)],
            "/id",
            json!("key_1"),
        ),
        (
            &["delete", "app", "--json"],
            &[(200, LIST), (204, "")],
            "/id",
            json!("key_1"),
        ),
    ] {
        let (code, out, err, _) = asked(words, responses);
        let out: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, err.as_str()), (0, ""), "{words:?}");
        assert_eq!(out.pointer(pointer), Some(&expected), "{words:?} {out}");
    }
}

fn error(message: &str, code: &str) -> String {
    json!({ "error": { "message": message, "type": "t", "param": null, "code": code } }).to_string()
}

#[test]
fn errors_say_what_to_do() {
    let create = &["create", "app"][..];
    let gone = "the key app is gone";
    for (words, responses, expected) in [
        (
            create,
            vec![(400, error("name must be plain", "invalid_body"))],
            "name must be plain",
        ),
        (
            create,
            vec![(409, error("the name is in use", "conflict"))],
            "the name is in use",
        ),
        (
            create,
            vec![(409, error("a\u{1b}[2Jb", "conflict"))],
            "a [2Jb",
        ),
        (
            create,
            vec![(503, error("the store is away", "x"))],
            "the store is away",
        ),
        (
            create,
            vec![(403, error("wrong token", "not_allowed"))],
            "wrong token (the token is that of THROUGHWAY_ADMIN_TOKEN)",
        ),
        (
            create,
            vec![(401, error("unknown key", "invalid_gateway_key"))],
            "unknown key (the token is that of THROUGHWAY_ADMIN_TOKEN)",
        ),
        (
            create,
            vec![(404, error("No such route.", "unknown_route"))],
            "what responds at URL has no admin API for keys (404): is it this gateway?",
        ),
        (
            create,
            vec![(200, "<html>".to_owned())],
            "what responds at URL has no admin API for keys (200): is it this gateway?",
        ),
        (
            &["list"],
            vec![(500, String::new())],
            "what responds at URL has no admin API for keys (500): is it this gateway?",
        ),
        (
            &["delete", "key_9"],
            vec![(404, error(gone, "unknown_route"))],
            gone,
        ),
        (
            &["block", "appp"],
            vec![(200, LIST.to_owned())],
            "there is no key appp; did you mean app?",
        ),
        (
            &["block", "other"],
            vec![(200, LIST.to_owned())],
            "there is no key other",
        ),
    ] {
        let borrowed: Vec<(u16, &str)> = responses
            .iter()
            .map(|(status, body)| (*status, body.as_str()))
            .collect();
        let (code, out, err, _) = asked(words, &borrowed);
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}");
        assert_eq!(err, format!("error: {expected}\n"), "{words:?}");
    }
}

#[test]
fn without_a_token_the_error_says_where_it_goes() {
    let server = Scripted::new(vec![response(403, &error("closed", "not_allowed"))]);
    let (code, _, err) = ran(&["list", "--url", &server.url()]);
    assert_eq!(code, 1);
    assert!(
        err.starts_with("error: closed: set THROUGHWAY_ADMIN_TOKEN to "),
        "{err}"
    );
    assert!(!server.requests()[0].contains("Authorization"));
}

#[test]
fn a_gateway_that_is_away_or_breaks_off_is_told() {
    let url = format!("http://{}", nowhere());
    let (code, _, err) = ran(&["list", "--url", &url]);
    assert_eq!(code, 1);
    assert!(
        err.starts_with(&format!("error: no gateway responds at {url} (")),
        "{err}"
    );
    assert!(
        err.contains("or give --data-dir to change the store"),
        "{err}"
    );

    for (words, unsure) in [(["create", "app"], true), (["show", "app"], false)] {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned();
        let server = Scripted::new(vec![cut]);
        let url = server.url();
        let (code, _, err) = ran(&[words[0], words[1], "--url", &url]);
        server.requests();
        assert_eq!(code, 1);
        assert_eq!(
            err.contains("may have been made nevertheless"),
            unsure,
            "{err}"
        );
    }

    let (_, _, err) = ran(&["list", "--url", "http://10.0.0.1:8787"]);
    assert!(
        err.contains("which would send the admin token unencrypted"),
        "{err}"
    );
}
