use clap::Parser as _;
use serde_json::Value;

use super::*;
use crate::{
    cli::args::{Cli, Command},
    secret::Secret,
    store::{
        Change, DATABASE_FILE, Edit, Kind, Location, ObjectId, Options, SealKeys, SealedPlace,
        Store,
    },
};

const OLD: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=";
const NEW: &str = "Zt7mP2cVbN8xWqL4rKjH5gFdS9aQwErTyUiOpAsDfGh=";
const CANARY: &str = "sk-canary";
const POINTER: &str = "/credential/bearer";

fn place(id: &str) -> SealedPlace<'_> {
    SealedPlace {
        kind: Kind::Key,
        id,
        pointer: POINTER,
    }
}

fn keys(texts: &[&str]) -> SealKeys {
    let secrets: Vec<Secret> = texts.iter().map(|text| Secret::new(*text)).collect();
    SealKeys::new(&secrets).unwrap()
}

struct Directory(std::path::PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("throughway-secrets-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        Directory(path)
    }

    fn on<T>(&self, texts: &[&str], work: impl AsyncFnOnce(&Store) -> T) -> T {
        let mut options = Options::new(Location::File(self.0.join(DATABASE_FILE)));
        options.seal_keys = Some(keys(texts));
        actix_rt::System::new().block_on(async {
            let store = Store::open(options).await.unwrap();
            let done = work(&store).await;
            store.close().await;
            done
        })
    }

    /// An object with a sealed value in each of these ids.
    fn seal(&self, ids: &[&str]) {
        self.on(&[OLD], async |store| {
            for id in ids {
                let sealed = store
                    .seal_keys()
                    .unwrap()
                    .seal(place(id), &Secret::new(CANARY));
                let document = json!({ "credential": { "bearer": sealed.unwrap() } });
                let change = Change::Create {
                    object: ObjectId::new(Kind::Key, *id),
                    name: (*id).to_owned(),
                    document: document.as_object().unwrap().clone(),
                };
                let audit = AuditEntry::default();
                store.apply(Edit { change, audit }).await.unwrap();
            }
        });
    }

    /// How many values these keys open.
    fn opened(&self, texts: &[&str]) -> usize {
        self.on(texts, async |store| {
            let objects = store.load().await.unwrap().objects;
            let opens = |object: &&crate::store::Object| {
                let value = &object.document["credential"]["bearer"];
                let opened = store.seal_keys().unwrap().open(place(&object.id), value);
                opened.is_ok_and(|secret| secret.matches(CANARY.as_bytes()))
            };
            objects.iter().filter(opens).count()
        })
    }

    fn rotate(&self, secret_key: &str, more: &[&str]) -> (u8, String, String) {
        let file = self.0.join("throughway.yaml");
        std::fs::create_dir_all(&self.0).unwrap();
        std::fs::write(&file, format!("secret_key: {secret_key}\n")).unwrap();
        let (file, directory) = (file.to_str().unwrap(), self.0.to_str().unwrap());
        let words = [
            "throughway",
            "secrets",
            "rotate",
            "--config",
            file,
            "--data-dir",
            directory,
        ];
        let Command::Secrets(command) = Cli::parse_from(words.iter().chain(more)).command() else {
            panic!("not secrets");
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&command, &Environment::default(), &mut out, &mut err).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (code, text(out), text(err))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_rotation_says_how_many_secrets_it_sealed() {
    let store = Directory::new("good");
    store.seal(&["key_1", "key_2"]);
    let list = format!("[\"{NEW}\", \"{OLD}\"]");
    let (code, out, err) = store.rotate(&list, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.contains(": 2 secrets of 2 objects were sealed with the first"),
        "{out}"
    );
    assert_eq!(store.opened(&[NEW]), 2);

    let (_, out, _) = store.rotate(&list, &["--json"]);
    let again: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(again, json!({ "values": 0, "objects": 0 }));
    assert!(!out.contains(CANARY) && !out.contains(NEW));
}

#[test]
fn without_the_key_that_sealed_nothing_is_changed() {
    let store = Directory::new("wrong");
    store.seal(&["key_1", "key_2"]);
    for (list, expected) in [
        (format!("\"{NEW}\""), "sealed with another `secret_key`"),
        ("[]".to_owned(), "secrets need a `secret_key`"),
        (
            "hunter2".to_owned(),
            "secret_key must hold at least 32 bytes",
        ),
    ] {
        let (code, out, err) = store.rotate(&list, &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{list}");
        assert!(
            err.starts_with("error: ") && err.contains(expected),
            "{list} {err}"
        );
    }
    assert_eq!(store.opened(&[OLD]), 2);
}
