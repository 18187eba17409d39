//! Invalid settings: `check` and `serve` report the same, and neither goes on.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
};

use crate::support::PATIENCE;

/// A folder with files that are TLS material, or are none.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let folder = Folder(folder);
        let made = |name: &str| {
            rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate")
        };
        let (one, other) = (made("localhost"), made("localhost"));
        for (name, content) in [
            ("cert.pem", one.cert.pem()),
            ("key.pem", one.signing_key.serialize_pem()),
            ("other-key.pem", other.signing_key.serialize_pem()),
            ("text.pem", "this is no PEM\n".to_owned()),
            ("empty.pem", String::new()),
            (
                "broken.pem",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            ),
        ] {
            std::fs::write(folder.0.join(name), content).expect("a file");
        }
        folder
    }

    /// Runs a command on settings; `FILES` in them is this folder. Gives the exit code, if it ended
    /// before it listened, and the last thing it said on stderr.
    fn run(&self, command: &str, yaml: &str) -> (Option<i32>, String) {
        let file = self.0.join("settings.yaml");
        let yaml = yaml.replace("FILES", &self.0.display().to_string());
        std::fs::write(&file, yaml).expect("a file");
        let mut words = vec![command];
        match command {
            "check" => {}
            _ => words.push("--config"),
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_throughway"))
            .env_clear()
            .args(words)
            .arg(&file)
            .args(["--listen", "127.0.0.1:0", "--workers", "1"])
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let said = BufReader::new(child.stderr.take().expect("a pipe"));
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            said.lines()
                .map_while(Result::ok)
                .try_for_each(|it| tell.send(it))
        });
        let mut last = String::new();
        loop {
            match told.recv_timeout(PATIENCE) {
                Ok(line) => last = line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => last = "neither ended nor listened".to_owned(),
            }
            if last.contains("listen") && !last.starts_with("error: ") {
                let _ = child.kill();
            }
        }
        (child.wait().expect("a child of ours").code(), last)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Settings, and what the refusal must say: the key's path, with its line where the file has one,
/// and why.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "guard:\n  allow: [\"10.0.0.0/33\"]",
        &[":2:11: guard.allow[0]", "the network is invalid"],
    ),
    (
        "guard:\n  allow: [x.com, \"a.*.com\"]",
        &[":2:18: guard.allow[1]", "the host is invalid"],
    ),
    (
        "guard: { allow: [\"169.254.169.254\"] }",
        &[":1:18: guard.allow[0]", "never"],
    ),
    (
        "guard: { allow: [\"10.0.0.7/8\"] }",
        &["guard.allow[0]", "10.0.0.0/8"],
    ),
    (
        "guard: { allow: [\"host:0\"] }",
        &["guard.allow[0]", "the port is invalid"],
    ),
    (
        "guard: { allow: [\"fd12::/16\"] }",
        &["guard.allow[0]", "brackets"],
    ),
    (
        "guard: { allow: [\"ftp://x.com\"] }",
        &["guard.allow[0]", "scheme"],
    ),
    (
        "guard: { allow: [\"x.com/..\"] }",
        &["guard.allow[0]", "path"],
    ),
    (
        "default_target: \"http:///v1\"",
        &[":1:17: default_target", "base URL"],
    ),
    (
        "default_target: \"http:/x/v1\"",
        &["default_target", "base URL"],
    ),
    (
        "default_target: \"http://x:0/v1\"",
        &["default_target", "port"],
    ),
    (
        "default_target: \"http://a..b/v1\"",
        &["default_target", "host"],
    ),
    (
        "default_target: \"http://x/../v1\"",
        &["default_target", "segments"],
    ),
    (
        "default_target: \"http://x/v1<\"",
        &["default_target", "percent-encoded"],
    ),
    (
        "providers:\n  p: { custom_host: \"http:///v1\" }",
        &[":2:21: providers.p.custom_host", "base URL"],
    ),
    (
        "configs:\n  c:\n    targets:\n      - { custom_host: \"http://x:0/v1\" }",
        &[":4:24: configs.c.targets[0].custom_host", "port"],
    ),
    (
        "tls: { cert: FILES/none.pem, key: FILES/key.pem }",
        &["tls.cert", "none.pem"],
    ),
    (
        "tls: { cert: FILES/text.pem, key: FILES/key.pem }",
        &["tls.cert", "text.pem"],
    ),
    (
        "tls: { cert: FILES/empty.pem, key: FILES/key.pem }",
        &["tls.cert", "empty.pem"],
    ),
    (
        "tls: { cert: FILES/key.pem, key: FILES/key.pem }",
        &["tls.cert", "key.pem"],
    ),
    (
        "tls: { cert: FILES/broken.pem, key: FILES/key.pem }",
        &["tls"],
    ),
    (
        "tls: { cert: FILES/cert.pem, key: FILES/text.pem }",
        &["tls.key", "text.pem"],
    ),
    (
        "tls: { cert: FILES/cert.pem, key: FILES/cert.pem }",
        &["tls.key", "cert.pem"],
    ),
    (
        "tls: { cert: FILES/cert.pem, key: FILES/other-key.pem }",
        &["tls"],
    ),
    ("tls: { cert: FILES, key: FILES/key.pem }", &["tls.cert"]),
    (
        "upstream: { tls: [{ host: a.example, ca_file: FILES/text.pem }] }",
        &["upstream.tls[0].ca_file", "text.pem"],
    ),
    (
        "upstream: { tls: [{ host: a.example, ca_file: FILES/broken.pem }] }",
        &["upstream.tls[0].ca_file"],
    ),
    (
        "upstream: { tls: [{ host: a.example, ca_file: FILES/cert.pem }, \
         { host: b.example, client_cert: FILES/text.pem, client_key: FILES/key.pem }] }",
        &["upstream.tls[1].client_cert", "text.pem"],
    ),
    (
        "upstream: { tls: [{ host: b.example, client_cert: FILES/cert.pem, \
         client_key: FILES/text.pem }] }",
        &["upstream.tls[0].client_key", "text.pem"],
    ),
    (
        "upstream: { tls: [{ host: b.example, client_cert: FILES/cert.pem, \
         client_key: FILES/other-key.pem }] }",
        &["upstream.tls[0]"],
    ),
    ("cache: { store: redis, url: \"http://x\" }", &["cache.url"]),
    (
        "limit_store: { store: redis, url: \"redis://x:99999/\" }",
        &["limit_store.url"],
    ),
    (
        "cache: { ignore_headers: [authorization] }",
        &[":1:27: cache.ignore_headers[0]"],
    ),
    ("cache: { paths: [\"\"] }", &["cache.paths[0]"]),
    ("log: { level: \"a[=info\" }", &["log.level"]),
    ("listne: 1", &[":1:1: unknown key listne"]),
];

#[test]
fn check_serve_and_explain_refuse_the_same_settings_in_the_same_words() {
    let folder = Folder::new("settings-refused");
    let mut failures = Vec::new();
    for (yaml, parts) in REFUSED {
        let said = ["check", "serve", "explain"].map(|command| folder.run(command, yaml));
        let (code, message) = &said[0];
        let same = said.iter().all(|it| it == &said[0]);
        let told = parts.iter().all(|part| message.contains(part));
        if *code != Some(1) || !same || !told {
            failures.push(format!("{yaml}\n  {said:?}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn settings_that_can_be_used_pass_check_and_are_served() {
    let folder = Folder::new("settings-used");
    for yaml in [
        "",
        "guard: { preset: self_hosted, allow: [\"10.0.0.0/8:8000\", \"*.openai.com\"] }",
        "default_target: \"http://127.0.0.1:1/v1/?key=1\"",
        "tls: { cert: FILES/cert.pem, key: FILES/key.pem }",
        "upstream: { tls: [{ host: a.example, ca_file: FILES/cert.pem, \
         client_cert: FILES/cert.pem, client_key: FILES/key.pem }] }",
    ] {
        let (code, said) = folder.run("check", yaml);
        assert_eq!(code, Some(0), "{yaml}: {said}");
        let (_, said) = folder.run("serve", yaml);
        assert!(said.contains("\"listening\""), "{yaml}: {said}");
    }
}
