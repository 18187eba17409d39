//! Sealed secrets in the store: where they open, with which keys, and that nothing of them can be
//! read in the database's files.

use std::{fs, path::Path};

use memchr::memmem;
use serde_json::{Value, json};
use throughway::{
    secret::Secret,
    store::{Edit, Kind, Location, SealError, SealedPlace, Store, StoreError},
};

use crate::support::{
    NEW_KEY, OLD_KEY, Postgres, Stage, create, entry, on_each_shared, refused, seal_keys, sql,
    update,
};

const CANARY: &str = "sk-live-e5b7c1-canary";
const POINTER: &str = "/credential/bearer";

fn place(id: &str) -> SealedPlace<'_> {
    SealedPlace {
        kind: Kind::Key,
        id,
        pointer: POINTER,
    }
}

/// Makes an object with a sealed secret.
async fn seal(store: &Store, id: &str) -> Value {
    let keys = store.seal_keys().expect("keys");
    let sealed = keys.seal(place(id), &Secret::new(CANARY)).expect("sealed");
    store.apply(create(id, id)).await.expect("created");
    store.apply(holding(id, &sealed)).await.expect("updated");
    sealed
}

fn holding(id: &str, sealed: &Value) -> Edit {
    let mut edit = update(id, id, json!({ "credential": { "bearer": sealed } }), None);
    edit.audit.after = Some(json!({ "credential": { "bearer": sealed } }));
    edit
}

/// What the objects' sealed values say, or why they do not.
async fn opened(store: &Store) -> Vec<Result<String, SealError>> {
    let keys = store.seal_keys().expect("keys");
    let objects = store.load().await.expect("loaded").objects;
    let open = |object: &throughway::store::Object| {
        let value = &object.document["credential"]["bearer"];
        let secret = keys.open(place(&object.id), value)?;
        Ok(secret.expose().to_owned())
    };
    objects.iter().map(open).collect()
}

#[tokio::test]
async fn a_sealed_secret_opens_after_a_restart_with_its_key_only() {
    on_each_shared(async |stage: Stage| {
        // Without a sealed value, any key or none will do.
        stage
            .open_sealed(&[NEW_KEY])
            .await
            .expect("opens")
            .close()
            .await;
        stage.open().await.close().await;
        let store = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        seal(&store, "key_1").await;
        store.close().await;

        let store = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        assert_eq!(opened(&store).await, [Ok(CANARY.to_owned())]);
        store.close().await;
        let error = stage
            .open_sealed(&[NEW_KEY])
            .await
            .err()
            .expect("the wrong key");
        assert_eq!(error, StoreError::Seal(SealError::WrongKeys));
        let error = refused(throughway::store::Options::new(stage.location.clone())).await;
        assert_eq!(error, StoreError::Seal(SealError::NoKeys));
    })
    .await;
}

#[tokio::test]
async fn a_moved_secret_is_refused() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        let sealed = seal(&store, "key_1").await;
        store
            .apply(create("key_2", "other"))
            .await
            .expect("created");
        let error = store
            .apply(holding("key_2", &sealed))
            .await
            .expect_err("moved");
        assert!(
            matches!(error, StoreError::Seal(SealError::Forged { .. })),
            "{error}"
        );
        assert!(
            error.to_string().contains("key key_2, /credential/bearer"),
            "{error}"
        );
    })
    .await;
}

/// Two replicas must not seal with different keys.
#[tokio::test]
async fn a_second_program_cannot_seal_with_another_key() {
    on_each_shared(async |stage: Stage| {
        let one = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        let two = stage
            .open_sealed(&[NEW_KEY])
            .await
            .expect("nothing is sealed yet");
        seal(&one, "key_1").await;
        two.apply(create("key_2", "key_2")).await.expect("created");
        let sealed = seal_keys(&[NEW_KEY]).seal(place("key_2"), &Secret::new("x"));
        let error = two.apply(holding("key_2", &sealed.expect("sealed"))).await;
        assert_eq!(error, Err(StoreError::Seal(SealError::WrongKeys)));
    })
    .await;
}

#[tokio::test]
async fn a_rotation_seals_all_with_the_first_key() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        for id in ["key_1", "key_2", "key_3"] {
            seal(&store, id).await;
        }
        store
            .apply(create("key_4", "plain"))
            .await
            .expect("created");
        let before = store.load().await.expect("loaded").revision;
        store.close().await;

        let store = stage.open_sealed(&[NEW_KEY, OLD_KEY]).await.expect("opens");
        let rotated = store
            .rotate_secrets(entry("rotate", ""))
            .await
            .expect("rotated");
        assert_eq!(
            (rotated.values, rotated.objects, rotated.revision),
            (3, 3, before + 3)
        );
        assert_eq!(store.status().borrow().revision, before + 3);
        let again = store
            .rotate_secrets(entry("rotate", ""))
            .await
            .expect("rotated");
        assert_eq!((again.values, again.revision), (0, before + 3));
        let page = store.audit(None, 2).await.expect("a page");
        let after = page.rows[1].entry.after.clone();
        assert_eq!(after, Some(json!({ "values": 3, "objects": 3 })));
        store.close().await;

        let store = stage
            .open_sealed(&[NEW_KEY])
            .await
            .expect("the new key alone");
        sql(&stage, "DELETE FROM throughway_objects WHERE id = 'key_4'").await;
        assert_eq!(opened(&store).await, vec![Ok(CANARY.to_owned()); 3]);
        store.close().await;
        let error = stage
            .open_sealed(&[OLD_KEY])
            .await
            .err()
            .expect("the old key");
        assert_eq!(error, StoreError::Seal(SealError::WrongKeys));
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_cannot_open_one_value_changes_none() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        for id in ["key_1", "key_2", "key_3"] {
            seal(&store, id).await;
        }
        let swap = "UPDATE throughway_objects SET document =
             (SELECT document FROM throughway_objects WHERE id = 'key_1') WHERE id = 'key_3'";
        sql(&stage, swap).await;
        store.close().await;
        let store = stage.open_sealed(&[NEW_KEY, OLD_KEY]).await.expect("opens");
        let before = (store.load().await, store.audit(None, 1000).await);
        let error = store
            .rotate_secrets(entry("rotate", ""))
            .await
            .expect_err("one is forged");
        assert!(
            error.to_string().contains("key key_3, /credential/bearer"),
            "{error}"
        );
        assert_eq!((store.load().await, store.audit(None, 1000).await), before);
        store.close().await;
        stage
            .open_sealed(&[OLD_KEY])
            .await
            .expect("the canary is the old one");
    })
    .await;
}

#[tokio::test]
async fn no_secret_can_be_read_in_the_files() {
    let server = Postgres::start();
    let file = Stage::file();
    let Location::File(path) = &file.location else {
        panic!("a file");
    };
    let directories = [
        path.parent().expect("a directory").to_owned(),
        server.data(),
    ];
    let url = server.new_database().await;
    for (stage, directory) in [&file, &Stage::at_url(&url)].into_iter().zip(directories) {
        let store = stage.open_sealed(&[OLD_KEY]).await.expect("opens");
        seal(&store, "key_1").await;
        store.close().await;
        let store = stage.open_sealed(&[NEW_KEY, OLD_KEY]).await.expect("opens");
        store
            .rotate_secrets(entry("rotate", ""))
            .await
            .expect("rotated");
        // What the search would find, so that it is known to look at the right files.
        assert!(found(&directory, "/credential/bearer") || found(&directory, "credential"));
        for secret in [CANARY, OLD_KEY, NEW_KEY] {
            assert!(
                !found(&directory, secret),
                "{secret} in {}",
                directory.display()
            );
        }
        let page = store.audit(None, 1000).await.expect("a page");
        assert!(!format!("{page:?}").contains("v1."), "{page:?}");
    }
}

/// Whether a file below the directory has the text.
fn found(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("a directory").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return found(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        memmem::find(&bytes, text.as_bytes()).is_some()
    })
}
