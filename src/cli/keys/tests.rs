use clap::Parser as _;

use super::*;
use crate::{
    cli::{
        args::{Cli, Command},
        client::scripted::{Scripted, json as response, nowhere},
    },
    config::{Flags, Settings},
    identity::token::GatewayKey,
};

/// Runs `throughway keys` and gives exit code, output and errors.
fn run_with(words: &[&str], variables: &Environment) -> (u8, String, String) {
    let words = ["throughway", "keys"].iter().chain(words);
    let Command::Keys(command) = Cli::parse_from(words).command() else {
        panic!("not keys");
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&command, variables, &mut out, &mut err).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(err))
}

fn ran(words: &[&str]) -> (u8, String, String) {
    run_with(words, &Environment::default())
}

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

/// The settings that a pasted entry makes.
fn pasted(yaml: &str) -> Settings {
    let path = std::path::Path::new("throughway.yaml");
    let settings = Settings::parse(yaml, path, &Environment::default(), &Flags::default());
    settings.unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

#[test]
fn an_offline_key_is_its_text_and_settings_with_its_digest() {
    // Names that YAML could take for something else are written as they must be.
    for name in ["app", "true", "null", "007", "1e3", "@x", "-", "a.b@c", "."] {
        let (code, out, err) = ran(&["create", "--offline", "--role", "viewer", "--", name]);
        assert_eq!(code, 0, "{err}");
        let (text, yaml) = out.split_once("\n\n").unwrap();
        let key = GatewayKey::parse(text.as_bytes()).expect("a key");
        assert!(!yaml.contains(text));
        let settings = pasted(yaml);
        assert_eq!(settings.keys.len(), 1);
        let entry = &settings.keys[0];
        assert_eq!((entry.name.as_str(), entry.digest), (name, key.digest()));
        assert!(entry.role.may_read_admin() && !entry.role.may_change_admin());
    }
}

#[test]
fn an_offline_key_has_all_that_was_asked_for() {
    let words = [
        "create",
        "app",
        "--offline",
        "--json",
        "--team",
        "search",
        "--expires",
        "90d",
        "--allow-host",
        "*.openai.com",
        "--allow-provider",
        "openai",
        "--allow-route",
        "/v1/*",
        "--allow-method",
        "POST",
        "--allow-model",
        "gpt-*",
        "--allow-model",
        "o3",
        "--allow-client-address",
        "10.0.0.0/8",
        "--metadata",
        "cost-center=7",
    ];
    let (code, out, err) = ran(&words);
    assert_eq!((code, err.as_str()), (0, ""));
    let made: Value = serde_json::from_str(&out).unwrap();
    let key = GatewayKey::parse(made["key"].as_str().unwrap().as_bytes()).expect("a key");
    let entry = &made["settings"]["keys"]["app"];
    let allow = json!({
        "hosts": ["*.openai.com"], "providers": ["openai"], "routes": ["/v1/*"],
        "methods": ["POST"], "models": ["gpt-*", "o3"], "client_addresses": ["10.0.0.0/8"],
    });
    assert_eq!(entry["allow"], allow);
    assert_eq!(entry["digest"], json!(key.digest()));
    assert_eq!(
        (&entry["team"], &entry["metadata"]),
        (&json!("search"), &json!({ "cost-center": "7" }))
    );
    let expires: Timestamp = entry["expires"].as_str().unwrap().parse().unwrap();
    let days = expires.duration_since(Timestamp::now()).as_hours() / 24;
    assert!((89..=90).contains(&days), "{expires}");
    let left_out = ["id", "name", "blocked", "role", "created_at"];
    assert!(
        left_out.iter().all(|name| entry.get(name).is_none()),
        "{entry}"
    );
    let teams = format!(
        "teams: {{ search: {{}} }}\nkeys: {}",
        made["settings"]["keys"]
    );
    assert_eq!(pasted(&teams).keys.len(), 1);
}

#[test]
fn an_offline_request_at_fault_makes_nothing() {
    for (words, expected) in [
        (
            ["--allow-model", ""],
            "allow.models[0] must be the name of a model",
        ),
        (
            ["--allow-provider", "openia"],
            "allow.providers[0] is not a built-in provider",
        ),
        (
            ["--expires", "2020-01-01T00:00:00Z"],
            "expires must be in the future",
        ),
        (["--team", "two words"], "team must be the name or the id"),
        (
            ["--default-config", "no config"],
            "default_config must be the name of a config",
        ),
    ] {
        let (code, out, err) = ran(&["create", "app", "--offline", words[0], words[1]]);
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}");
        assert!(err.starts_with(&format!("error: {expected}")), "{err}");
    }
    let (code, _, err) = ran(&["create", "two words", "--offline"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: name must be 1 to 64 of "), "{err}");
}

#[test]
fn a_token_cannot_be_given_as_a_flag() {
    for words in [
        ["keys", "list", "--token", "x"].as_slice(),
        &[
            "keys",
            "create",
            "app",
            "--offline",
            "--url",
            "http://127.0.0.1:1",
        ],
        &["keys", "rotate", "app", "--grace", "1y"],
        &["keys", "create", "app", "--role", "owner"],
        &["keys", "create", "app", "--metadata", "x"],
        &["keys"],
    ] {
        let words = std::iter::once(&"throughway").chain(words);
        assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2);
    }
}

/// A data directory of its own; removed when dropped.
struct DataDir(std::path::PathBuf);

impl DataDir {
    fn new(name: &str) -> Self {
        let name = format!("throughway-keys-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        DataDir(path)
    }

    fn run(&self, words: &[&str]) -> (u8, String, String) {
        let place = ["--data-dir", self.0.to_str().unwrap()];
        ran(&[words, &place].concat())
    }

    fn json(&self, words: &[&str]) -> Value {
        let (code, out, err) = self.run(&[words, &["--json"]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{words:?}");
        serde_json::from_str(&out).unwrap()
    }

    /// The audit log: actor, source, action and name, the oldest first.
    fn audit(&self) -> Vec<[String; 4]> {
        use crate::store::{DATABASE_FILE, Location, Options, Store};
        let options = Options::new(Location::File(self.0.join(DATABASE_FILE)));
        let reading = async { Store::open(options).await.unwrap().audit(None, 100).await };
        let page = actix_rt::System::new().block_on(reading).unwrap();
        let mut rows: Vec<_> = page.rows.into_iter().map(|row| row.entry).collect();
        rows.reverse();
        rows.into_iter()
            .map(|it| [it.actor, it.source, it.action, it.name])
            .collect()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_store_of_a_stopped_gateway_is_changed_with_its_audit_log() {
    let store = DataDir::new("life");
    let made = store.json(&["create", "app", "--role", "viewer"]);
    let rotated = store.json(&["rotate", "app", "--grace", "1h"]);
    assert_eq!(made["id"], rotated["id"]);
    assert_ne!(made["key"], rotated["key"]);
    assert!(GatewayKey::parse(rotated["key"].as_str().unwrap().as_bytes()).is_some());

    let (_, out, _) = store.run(&["block", "app"]);
    assert_eq!(
        out,
        format!("blocked app ({})\n", made["id"].as_str().unwrap())
    );
    let shown = store.json(&["show", made["id"].as_str().unwrap()]);
    assert_eq!(
        (&shown["blocked"], &shown["role"]),
        (&json!(true), &json!("viewer"))
    );
    assert!(shown.get("key").is_none() && shown.get("digest").is_none());
    store.json(&["unblock", "app"]);
    assert_eq!(store.json(&["list"])["data"][0]["blocked"], json!(false));
    store.json(&["delete", "app"]);
    assert_eq!(store.json(&["list"])["data"], json!([]));

    let audit = store.audit();
    let actions: Vec<&str> = audit
        .iter()
        .map(|[_, _, action, _]| action.as_str())
        .collect();
    assert_eq!(actions, ["create", "rotate", "update", "update", "delete"]);
    for [actor, source, _, name] in &audit {
        assert!(actor.starts_with("uid "), "{actor}");
        assert_eq!((source.as_str(), name.as_str()), ("cli", "app"));
    }
}

#[test]
fn the_store_refuses_what_the_admin_api_refuses() {
    let store = DataDir::new("refusals");
    store.json(&["create", "app"]);
    for (words, expected) in [
        (&["create", "app"][..], "name"),
        (&["create", "ci", "--team", "search"], "search"),
        (
            &["create", "ci", "--default-config", "chain"],
            "default_config names no config",
        ),
        (
            &["create", "ci", "--expires", "2020-01-01T00:00:00Z"],
            "must be in the future",
        ),
        (&["block", "ap"], "there is no key ap; did you mean app?"),
        (&["delete", "key_x"], "there is no key with this id"),
    ] {
        let (code, out, err) = store.run(words);
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}");
        assert!(
            err.starts_with("error: ") && err.contains(expected),
            "{words:?} {err}"
        );
    }
    assert_eq!(store.json(&["list"])["data"].as_array().unwrap().len(), 1);
    assert_eq!(store.audit().len(), 1);
}

#[test]
fn the_settings_say_which_store_it_is_and_which_names_are_taken() {
    let store = DataDir::new("settings");
    std::fs::create_dir(&store.0).unwrap();
    let file = store.0.join("throughway.yaml");
    let with = |yaml: &str, words: &[&str]| {
        std::fs::write(&file, yaml).unwrap();
        ran(&[words, &["--config", file.to_str().unwrap()]].concat())
    };
    let digest = GatewayKey::generate(&mut rand::rng()).digest();
    let directory = store.0.join("data");
    let yaml = format!(
        "data_dir: {}\nauth: required\nteams: {{ search: {{}} }}\nkeys: {{ ci: {{ digest: \
         \"{digest}\" }} }}\n",
        directory.display()
    );
    let (code, _, err) = with(&yaml, &["create", "app", "--team", "search"]);
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = with(&yaml, &["list"]);
    let sources: Vec<_> = out
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert_eq!(sources, ["SOURCE", "store", "file"], "{out}");
    for words in [["block", "ci"], ["create", "ci"]] {
        let (code, _, err) = with(&yaml, &words);
        assert_eq!(code, 1, "{words:?} {err}");
    }
    for kind in ["off", "memory"] {
        let (code, _, err) = with(&format!("store: {{ kind: {kind} }}"), &["list"]);
        assert_eq!(code, 1);
        assert!(err.contains(&format!("store.kind is {kind}")), "{err}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error() {
    let (code, _, err) = ran(&["list", "--data-dir", "/dev/null/x"]);
    assert_eq!(code, 1);
    assert!(err.contains("/dev/null/x cannot be written"), "{err}");
}
