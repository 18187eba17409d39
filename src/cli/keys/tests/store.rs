//! Keys in the store of a gateway that does not run.

use super::{super::*, ran};
use crate::{
    identity::token::GatewayKey,
    store::{DATABASE_FILE, Location, Options, Store},
};

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
