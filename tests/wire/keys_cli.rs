//! `throughway keys` as people use it: a key made offline opens a gateway, and those of a running
//! gateway are made and changed from the terminal.

use std::process::{Command, Output};

use crate::support::{Gateway, Process, Upstream, routing::base};

const PROGRAM: &str = env!("CARGO_BIN_EXE_throughway");
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Runs `throughway keys` with these variables and nothing else in its environment.
fn run(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.env_clear().envs(variables.iter().copied());
    command.arg("keys").args(words).output().expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// The output of a command that must succeed.
fn out(words: &[&str], variables: &[(&str, &str)]) -> String {
    let done = run(words, variables);
    assert!(done.status.success(), "{words:?} {}", text(&done.stderr));
    text(&done.stdout).to_owned()
}

/// A request for the upstream with this key, where OpenAI's SDKs put theirs.
fn request(upstream: &Upstream, key: &str) -> String {
    let host = base(upstream);
    format!(
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {host}\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    )
}

#[test]
fn a_key_made_offline_and_pasted_opens_a_gateway() {
    let words = [
        "create",
        "app",
        "--offline",
        "--allow-route",
        "/v1/models",
        "--expires",
        "1d",
    ];
    let made = out(&words, &[]);
    let (key, yaml) = made.split_once("\n\n").expect("the key, then the settings");
    let upstream = Upstream::responding(OK);
    let gateway = Gateway::with(yaml);
    assert_eq!(gateway.exchange(request(&upstream, key)).status, 200);
    let other = out(&["create", "app", "--offline"], &[]);
    let (other, _) = other.split_once('\n').expect("a key");
    assert_eq!(gateway.exchange(request(&upstream, other)).status, 401);
    let elsewhere = request(&upstream, key).replace("/v1/models ", "/v1/files ");
    assert_eq!(gateway.exchange(elsewhere).status, 403);
    assert!(!upstream.request().contains(key));
}

#[test]
fn the_keys_of_a_running_gateway_are_made_and_changed_from_the_terminal() {
    let upstream = Upstream::responding(OK);
    let yaml = "admin_token: secret\nstore: { kind: memory }\n";
    let gateway = Process::serving("keys-cli", yaml);
    let url = format!("http://{}", gateway.address);
    let variables = [
        ("THROUGHWAY_URL", url.as_str()),
        ("THROUGHWAY_ADMIN_TOKEN", "secret"),
    ];
    let secret = |words: &[&str]| {
        let printed = out(words, &variables);
        printed.lines().next().expect("the key").to_owned()
    };
    let status = |key: &str| gateway.exchange(request(&upstream, key)).status;

    let first = secret(&["create", "app", "--allow-route", "/v1/files/*"]);
    let listed = out(&["list"], &variables);
    let row: Vec<&str> = listed
        .lines()
        .nth(1)
        .expect("a row")
        .split_whitespace()
        .collect();
    assert_eq!(
        (row[0], row[4], row[5], row[7]),
        ("app", "member", "active", "store")
    );
    assert!(first.starts_with(row[2].trim_end_matches('…')), "{listed}");
    let shown = out(&["show", "app"], &variables);
    assert!(
        shown.contains("/v1/files/*") && !shown.contains(&first),
        "{shown}"
    );

    assert_eq!(status(&first), 403);
    let open = secret(&["create", "open"]);
    assert_eq!(status(&open), 200);
    let id = row[1];
    let blocked = out(&["block", "open"], &variables);
    assert!(blocked.starts_with("blocked open (key_"), "{blocked}");
    assert_eq!(status(&open), 401);
    out(&["unblock", "open"], &variables);
    assert_eq!(status(&open), 200);

    let rotated = secret(&["rotate", "open", "--grace", "1h"]);
    assert_eq!((status(&open), status(&rotated)), (200, 200));
    let last = secret(&["rotate", "open"]);
    assert_eq!((status(&rotated), status(&last)), (401, 200));

    let deleted = out(&["delete", id], &variables);
    assert_eq!(deleted, format!("deleted app ({id})\n"));
    assert_eq!(status(&first), 401);
    for key in [&first, &open, &rotated, &last] {
        assert!(!gateway.log_until_now().contains(&key[3..]));
    }
}

#[test]
fn what_a_running_gateway_refuses_is_told() {
    let yaml = "admin_token: secret\nstore: { kind: memory }\n\
                keys: { ci: { digest: \"sha256:DIGEST\" } }\n";
    let gateway = Process::serving(
        "keys-cli-refused",
        &yaml.replace("DIGEST", &"ab".repeat(32)),
    );
    let url = format!("http://{}", gateway.address);
    for (words, token, expected) in [
        (
            &["create", "ci"][..],
            "secret",
            "name is in use by the key key_",
        ),
        (&["create", "app", "--team", "search"], "secret", "search"),
        (
            &["create", "app", "--allow-model", ""],
            "secret",
            "allow.models[0] must be ",
        ),
        (&["block", "ci"], "secret", "settings file"),
        (
            &["block", "c"],
            "secret",
            "there is no key c; did you mean ci?",
        ),
        (
            &["delete", "key_x"],
            "secret",
            "there is no key with this id",
        ),
        (
            &["list"],
            "wrong",
            "(the token is that of THROUGHWAY_ADMIN_TOKEN)",
        ),
        (&["list"], "", "set THROUGHWAY_ADMIN_TOKEN to "),
    ] {
        let done = run(
            words,
            &[("THROUGHWAY_URL", &url), ("THROUGHWAY_ADMIN_TOKEN", token)],
        );
        let err = text(&done.stderr);
        assert_eq!(
            (done.status.code(), text(&done.stdout)),
            (Some(1), ""),
            "{words:?}"
        );
        assert!(
            err.starts_with("error: ") && err.contains(expected),
            "{words:?} {err}"
        );
    }
}

#[test]
fn a_gateway_with_tls_gets_the_token_only_with_a_certificate_that_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
    let file = |name: &str, pem: String| {
        let file = format!("keys-cli-{name}-{}.pem", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, pem).expect("a file");
        path
    };
    let cert = file("cert", made.cert.pem());
    let key = file("key", made.signing_key.serialize_pem());
    let yaml = format!(
        "admin_token: secret\nstore: {{ kind: memory }}\ntls: {{ cert: {cert:?}, key: {key:?} }}\n"
    );
    let gateway = Process::serving("keys-cli-tls", &yaml);
    let url = format!("https://localhost:{}", gateway.address.port());
    let token = ("THROUGHWAY_ADMIN_TOKEN", "secret");
    let trusted = ("SSL_CERT_FILE", cert.to_str().expect("text"));
    let made = out(&["create", "app", "--url", &url], &[token, trusted]);
    assert!(made.starts_with("tw-"), "{made}");

    let done = run(&["list", "--url", &url], &[token]);
    assert_eq!(done.status.code(), Some(1));
    let err = text(&done.stderr);
    assert!(
        err.contains("no gateway responds at https://localhost") && err.contains("certificate")
    );
    for path in [cert, key] {
        std::fs::remove_file(path).expect("a file");
    }
}
