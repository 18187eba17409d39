//! Each operation, on each of the three stores.

use serde_json::json;
use throughway::store::{
    AuditPage, Change, Changes, Contents, Edit, Kind, ObjectId, Store, StoreError,
};

use crate::support::{Stage, create, delete, document, entry, id, on_each, on_each_shared, update};

#[tokio::test]
async fn an_object_is_created_updated_and_deleted() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        let made = store.apply(create("key_1", "app")).await.expect("created");
        assert_eq!(made.revision, 1);
        let made = made.object.expect("an object");
        assert_eq!(made.revision, 1);
        assert_eq!(made.document, document(json!({ "made_as": "app" })));
        let loaded = store.load().await.expect("loaded");
        assert_eq!(loaded.objects, std::slice::from_ref(&made));

        let change = update("key_1", "web", json!({ "blocked": true }), Some(1));
        let changed = store.apply(change).await.expect("updated");
        let changed = changed.object.expect("an object");
        assert_eq!((&*changed.name, changed.revision), ("web", 2));
        assert_eq!(changed.document, document(json!({ "blocked": true })));
        assert_eq!(changed.created_at, made.created_at);
        assert!(changed.updated_at >= made.updated_at);
        let loaded = store.load().await.expect("loaded");
        assert_eq!((loaded.objects, loaded.revision), (vec![changed], 2));

        let deleted = store
            .apply(delete("key_1", Some(2)))
            .await
            .expect("deleted");
        assert_eq!((deleted.revision, deleted.object), (3, None));
        let loaded = store.load().await.expect("loaded");
        let empty = Contents {
            objects: vec![],
            revision: 3,
        };
        assert_eq!(loaded, empty);
    })
    .await;
}

/// Refused edits, each with what the error must begin with.
fn refusals() -> Vec<(Edit, &'static str)> {
    let team = |name: &str| Edit {
        change: Change::Create {
            object: ObjectId::new(Kind::Team, "team_1"),
            name: name.to_owned(),
            document: document(json!({})),
        },
        audit: entry("create", "team_1"),
    };
    vec![
        (
            create("key_9", "app"),
            "the name `app` is in use by another key",
        ),
        (create("key_1", "other"), "key key_1 exists already"),
        (
            update("key_2", "app", json!({}), None),
            "the name `app` is in use by another key",
        ),
        (
            update("key_1", "app", json!({}), Some(2)),
            "key key_1 was changed meanwhile: its revision is 1, not 2",
        ),
        (
            delete("key_1", Some(7)),
            "key key_1 was changed meanwhile: its revision is 1, not 7",
        ),
        (
            update("key_9", "x", json!({}), None),
            "there is no key key_9",
        ),
        (delete("key_9", None), "there is no key key_9"),
        (
            team(""),
            "team team_1: the id and the name must not be empty",
        ),
        (
            team("a\0b"),
            "team team_1: the id and the name must not be empty",
        ),
        (
            team(&"x".repeat(257)),
            "team team_1: the id and the name must not be empty",
        ),
        (
            update(
                "key_1",
                "app",
                json!({ "secret": { "$sealed": "v1.a.b" } }),
                None,
            ),
            "secrets need a `secret_key`",
        ),
    ]
}

#[tokio::test]
async fn a_refused_change_leaves_nothing_behind() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        for edit in [create("key_1", "app"), create("key_2", "web")] {
            store.apply(edit).await.expect("created");
        }
        let before = state(&store).await;
        for (edit, expected) in refusals() {
            let error = store.apply(edit.clone()).await.expect_err(expected);
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(!error.is_outage(), "{error}");
            assert_eq!(state(&store).await, before, "{edit:?}");
        }
        store
            .apply(create("key_3", "next"))
            .await
            .expect("the store goes on");
    })
    .await;
}

#[tokio::test]
async fn several_changes_are_made_all_or_none() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("key_1", "app")).await.expect("created");
        let before = state(&store).await;
        let edits = vec![
            create("key_2", "web"),
            delete("key_1", None),
            update("key_2", "web", json!({}), Some(99)),
        ];
        let error = store
            .apply_all(edits)
            .await
            .expect_err("the last one fails");
        assert!(
            matches!(error, StoreError::RevisionConflict { found: 2, .. }),
            "{error}"
        );
        assert_eq!(state(&store).await, before);

        // A name is free as soon as its object is deleted or renamed.
        let edits = vec![
            delete("key_1", Some(1)),
            create("key_2", "app"),
            update("key_2", "renamed", json!({}), Some(3)),
            create("key_3", "app"),
        ];
        let applied = store.apply_all(edits).await.expect("all");
        let revisions: Vec<u64> = applied.iter().map(|it| it.revision).collect();
        assert_eq!(revisions, [2, 3, 4, 5]);
        let (contents, audit) = state(&store).await;
        let names: Vec<&str> = contents.objects.iter().map(|it| &*it.name).collect();
        assert_eq!((names, contents.revision), (vec!["renamed", "app"], 5));
        assert_eq!(audit.rows.len(), 5);
        assert_eq!(store.apply_all(vec![]).await, Ok(vec![]));
    })
    .await;
}

#[tokio::test]
async fn a_follower_is_told_what_changed_and_what_was_deleted() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        for (key, name) in [("key_1", "a"), ("key_2", "b"), ("key_3", "c")] {
            store.apply(create(key, name)).await.expect("created");
        }
        store.apply(delete("key_1", None)).await.expect("deleted");
        store
            .apply(update("key_2", "b", json!({}), None))
            .await
            .expect("updated");
        let changes = store.changes_since(3).await.expect("changes");
        assert_eq!(
            told(changes),
            (vec!["key_2".to_owned()], vec![id("key_1")], 5)
        );
        let changes = store.changes_since(5).await.expect("changes");
        assert_eq!(told(changes), (vec![], vec![], 5));

        store
            .apply(create("key_1", "a"))
            .await
            .expect("created again");
        let changes = store.changes_since(3).await.expect("changes");
        let changed = vec!["key_2".to_owned(), "key_1".to_owned()];
        assert_eq!(told(changes), (changed, vec![], 6));

        let changes = store.changes_since(7).await.expect("changes");
        assert_eq!(changes, Changes::LoadAgain);
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_is_read_in_pages_newest_first() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("key_1", "a")).await.expect("created");
        let mut reload = entry("reload", "settings");
        reload.before = Some(json!({ "auth": "auto" }));
        store.append_audit(reload.clone()).await.expect("written");
        store.apply(delete("key_1", None)).await.expect("deleted");

        let page = store.audit(None, 2).await.expect("a page");
        let shown: Vec<_> = page
            .rows
            .iter()
            .map(|it| (it.sequence, it.revision))
            .collect();
        assert_eq!(shown, [(3, 2), (2, 1)]);
        assert_eq!(page.rows[1].entry, reload);
        assert_eq!(page.next, Some(2));
        let page = store.audit(page.next, 2).await.expect("a page");
        assert_eq!(page.rows.len(), 1);
        assert_eq!(page.rows[0].entry.action, "create");
        assert_eq!(page.next, None);
        let page = store.audit(Some(0), 2).await.expect("a page");
        assert_eq!((page.rows.len(), page.next), (0, None));
    })
    .await;
}

#[tokio::test]
async fn every_text_comes_back_as_it_was() {
    let texts = [
        "it's",
        "\"quoted\"",
        "a\\b",
        "%_",
        "zażółć 🦊",
        "'; DROP TABLE x; --",
        "$1 ?1",
    ];
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        for (at, text) in texts.iter().enumerate() {
            let change = Change::Create {
                object: id(&format!("key {at} {text}")),
                name: (*text).to_owned(),
                document: document(json!({
                    *text: [text, "\0\n", 1e300, 0.1, u64::MAX, null], "z": 1, "a": 2
                })),
            };
            let mut audit = entry("create", text);
            audit.actor = "a\0b".to_owned();
            let made = store.apply(Edit { change, audit }).await.expect(text);
            let loaded = store.load().await.expect("loaded");
            assert_eq!(loaded.objects.last(), made.object.as_ref());
        }
        let page = store.audit(None, 1).await.expect("a page");
        assert_eq!(page.rows[0].entry.actor, "a\0b");
    })
    .await;
}

#[tokio::test]
async fn a_name_is_unique_within_its_kind_only() {
    on_each(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("x_1", "app")).await.expect("created");
        let change = Change::Create {
            object: ObjectId::new(Kind::Team, "x_1"),
            name: "app".to_owned(),
            document: document(json!({})),
        };
        let audit = entry("create", "x_1");
        store.apply(Edit { change, audit }).await.expect("created");
        let loaded = store.load().await.expect("loaded");
        let kinds: Vec<Kind> = loaded.objects.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [Kind::Key, Kind::Team]);
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_after_it_is_opened_again() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open().await;
        for (key, name) in [("key_1", "a"), ("key_2", "b"), ("key_3", "c")] {
            store.apply(create(key, name)).await.expect("created");
        }
        store.apply(delete("key_2", None)).await.expect("deleted");
        let before = state(&store).await;
        store.close().await;
        let store = stage.open().await;
        assert_eq!(state(&store).await, before);
        assert_eq!(store.status().borrow().revision, 4);
    })
    .await;
}

async fn state(store: &Store) -> (Contents, AuditPage) {
    let contents = store.load().await.expect("loaded");
    (contents, store.audit(None, 1000).await.expect("a page"))
}

/// The ids of changed objects, the deleted objects, and the revision.
fn told(changes: Changes) -> (Vec<String>, Vec<ObjectId>, u64) {
    match changes {
        Changes::Since {
            changed,
            deleted,
            revision,
        } => {
            let changed = changed.into_iter().map(|object| object.id).collect();
            (changed, deleted, revision)
        }
        Changes::LoadAgain => panic!("no backup was restored"),
    }
}
