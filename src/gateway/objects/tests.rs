//! Which objects are in force, and which are left out.

use serde_json::json;

use super::*;
use crate::{config::Identities, identity::EndpointId};

fn object(kind: Kind, id: &str, name: &str, more: &Value) -> store::Object {
    let mut document = json!({ "id": id, "name": name });
    if kind == Kind::Key {
        // Every key has a digest of its own.
        let digest: String = name.bytes().map(|it| format!("{it:02x}")).collect();
        document["digest"] = json!(format!("sha256:{digest:0>64}"));
    }
    for (field, value) in more.as_object().into_iter().flatten() {
        document[field] = value.clone();
    }
    store::Object {
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        document: document.as_object().expect("an object").clone(),
        revision: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn key(name: &str, more: Value) -> store::Object {
    let id = KeyId::of_name(&format!("stored {name}"));
    object(Kind::Key, &id.to_string(), name, &more)
}

fn team(name: &str) -> store::Object {
    let id = TeamId::of_name(&format!("stored {name}"));
    object(Kind::Team, &id.to_string(), name, &json!({}))
}

fn settings(objects: &[store::Object]) -> Settings {
    let read = |it: &store::Object| Candidate::read(it).expect("readable").item.put();
    let changes = objects.iter().filter_map(read);
    let directory = Directory::default().with_changes(changes);
    Settings {
        directory: Identities(directory.expect("no conflict")),
        ..Settings::default()
    }
}

fn basis(settings: &Settings) -> Basis<'_> {
    let keys = None;
    Basis { settings, keys }
}

fn joined(settings: &Settings, stored: &[store::Object]) -> Objects {
    let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
    for object in stored {
        match Candidate::read(object) {
            Ok(candidate) => candidates.push(candidate),
            Err(left_out) => unreadable.push(left_out),
        }
    }
    Objects::joined(&basis(settings), candidates, unreadable)
}

fn names(objects: &Objects) -> (Vec<String>, Vec<String>) {
    let keys = objects.directory.keys();
    let mut keys: Vec<_> = keys.map(|it| it.key.name.to_string()).collect();
    let left_out = objects.stored.left_out.iter();
    let mut left_out: Vec<_> = left_out.map(|it| it.name.clone()).collect();
    keys.sort();
    left_out.sort();
    (keys, left_out)
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn the_settings_win_and_what_conflicts_is_left_out() {
    let of_file = KeyId::of_name("of the file").to_string();
    let file = settings(&[object(Kind::Key, &of_file, "taken", &json!({}))]);
    let same_id = object(Kind::Key, &of_file, "other", &json!({}));
    let twin = json!({ "digest": format!("sha256:{:0>64}", "74616b656e") });
    for (stored, in_force, left_out) in [
        (vec![key("a", json!({}))], vec!["a", "taken"], vec![]),
        (vec![key("taken", json!({}))], vec!["taken"], vec!["taken"]),
        (vec![same_id], vec!["taken"], vec!["other"]),
        (vec![key("twin", twin)], vec!["taken"], vec!["twin"]),
        (
            vec![key("lost", json!({ "team": "none" })), key("a", json!({}))],
            vec!["a", "taken"],
            vec!["lost"],
        ),
        (
            vec![
                key("newer", json!({ "colour": "red" })),
                key("a", json!({})),
            ],
            vec!["a", "taken"],
            vec!["newer"],
        ),
    ] {
        let expected = (texts(&in_force), texts(&left_out));
        assert_eq!(names(&joined(&file, &stored)), expected);
    }
}

#[test]
fn a_team_that_is_left_out_takes_no_key_of_another_team_along() {
    let file = settings(&[object(
        Kind::Team,
        &TeamId::of_name("crew").to_string(),
        "crew",
        &json!({}),
    )]);
    let stored = [
        team("crew"),
        team("ours"),
        key("a", json!({ "team": "crew" })),
        key("b", json!({ "team": "ours" })),
    ];
    let objects = joined(&file, &stored);
    assert_eq!(names(&objects), (texts(&["a", "b"]), texts(&["crew"])));
    let (candidates, unreadable) = objects.of_store();
    assert_eq!(
        (candidates.len(), unreadable.len()),
        (4, 0),
        "nothing is forgotten"
    );
    let alone = Objects::joined(&basis(&Settings::default()), candidates, unreadable);
    assert_eq!(names(&alone), (texts(&["a", "b"]), vec![]));
}

#[test]
fn changes_are_taken_over_unless_something_conflicts() {
    let file = settings(&[object(
        Kind::Key,
        &KeyId::of_name("fixed").to_string(),
        "fixed",
        &json!({}),
    )]);
    let objects = joined(&file, &[key("a", json!({})), key("b", json!({}))]);
    let (a, b) = (key("a", json!({})), key("b", json!({ "blocked": true })));
    let candidate = |it: &store::Object| Candidate::read(it).expect("readable");
    let deleted = [ObjectId::new(Kind::Key, a.id.clone())];
    let changed = objects.changed(&basis(&file), &[candidate(&b)], &deleted);
    let changed = changed.expect("simple");
    assert_eq!(names(&changed), (texts(&["b", "fixed"]), vec![]));
    let conflict = candidate(&key("fixed", json!({})));
    assert!(
        objects
            .changed(&basis(&file), std::slice::from_ref(&conflict), &[])
            .is_none()
    );
    let anew = objects.joined_anew(&basis(&file), vec![conflict], Vec::new(), &deleted);
    assert_eq!(names(&anew), (texts(&["b", "fixed"]), texts(&["fixed"])));
    // The store cannot delete what is of the settings.
    let fixed = [ObjectId::new(
        Kind::Key,
        KeyId::of_name("fixed").to_string(),
    )];
    let same = objects.changed(&basis(&file), &[], &fixed).expect("simple");
    assert_eq!(names(&same), names(&objects));
}

fn endpoint(number: u8, path: &str, more: Value) -> store::Object {
    let id = EndpointId::new(uuid::Uuid::from_bytes([number; 16])).to_string();
    let mut document = json!({ "id": id, "path": path, "target": "http://h" });
    for (field, value) in more.as_object().into_iter().flatten() {
        document[field] = value.clone();
    }
    let name = crate::endpoint::name_of(&document).expect("a name");
    store::Object {
        kind: Kind::Endpoint,
        id,
        name,
        document: document.as_object().expect("an object").clone(),
        revision: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn with_endpoints(written: Value) -> Settings {
    let text = json!({ "endpoints": written, "secrets": { "KEY": "k" } }).to_string();
    let (environment, flags) = Default::default();
    Settings::parse(&text, std::path::Path::new("s"), &environment, &flags).expect("settings")
}

/// The names of the endpoints in force, and of those left out with their reasons.
fn endpoints(objects: &Objects) -> (Vec<String>, Vec<(String, String)>) {
    let in_force = objects.endpoints.table.iter().map(|it| it.name());
    let left_out = objects.stored.left_out.iter();
    let left_out = left_out.map(|it| (it.name.clone(), it.reason.clone()));
    (in_force.collect(), left_out.collect())
}

#[test]
fn endpoints_of_the_settings_win_and_then_the_older_ones() {
    let file = with_endpoints(json!([{ "path": "/a", "target": "http://h", "methods": ["GET"] }]));
    let stored = [
        endpoint(3, "/b", json!({ "methods": ["GET"] })),
        endpoint(1, "/a", json!({ "methods": ["POST"] })),
        endpoint(2, "/b", json!({ "methods": ["POST", "GET"] })),
        endpoint(4, "/a", json!({})),
        endpoint(5, "/c", json!({ "config": "missing" })),
        endpoint(6, "/d", json!({ "credential": { "bearer": "${OTHER}" } })),
        endpoint(7, "/e", json!({ "credential": { "bearer": "${KEY}" } })),
    ];
    let objects = joined(&file, &stored);
    let (in_force, left_out) = endpoints(&objects);
    assert_eq!(
        in_force,
        texts(&["/a [GET]", "/a [POST]", "/b [POST, GET]", "/e"])
    );
    for (name, reason) in [
        ("/b [GET]", "in use by the endpoint /b [POST, GET]"),
        ("/a", "in use by the endpoint /a [GET]"),
        ("/c", "config names no config"),
        ("/d", "credential.bearer refers to the secret OTHER"),
    ] {
        let found = left_out.iter().find(|it| it.0 == name);
        assert!(
            found.is_some_and(|it| it.1.contains(reason)),
            "{left_out:?}"
        );
    }
    assert_eq!(left_out.len(), 4);
    let (candidates, unreadable) = objects.of_store();
    assert_eq!((candidates.len(), unreadable.len()), (7, 0));
    // Without its settings, what was left out for their sake is in force.
    let alone = Objects::joined(&basis(&Settings::default()), candidates, unreadable);
    assert!(endpoints(&alone).0.contains(&"/a [POST]".to_owned()));
}

#[test]
fn a_change_of_one_endpoint_leaves_the_others_as_they_are() {
    let file = with_endpoints(json!([{ "path": "/a", "target": "http://h" }]));
    let stored = [endpoint(1, "/b", json!({})), endpoint(2, "/c", json!({}))];
    let objects = joined(&file, &stored);
    let candidate = |it: &store::Object| Candidate::read(it).expect("readable");
    let moved = candidate(&endpoint(1, "/d", json!({})));
    let deleted = [ObjectId::new(Kind::Endpoint, stored[1].id.clone())];
    let changed = objects.changed(&basis(&file), &[moved], &deleted);
    assert_eq!(endpoints(&changed.expect("simple")).0, texts(&["/a", "/d"]));
    for refused in [
        endpoint(3, "/a", json!({})),
        endpoint(3, "/b", json!({})),
        endpoint(3, "/x", json!({ "credential": { "bearer": "${NONE}" } })),
    ] {
        let refused = candidate(&refused);
        let at_once = objects.changed(&basis(&file), std::slice::from_ref(&refused), &[]);
        assert!(at_once.is_none());
        let anew = objects.joined_anew(&basis(&file), vec![refused], Vec::new(), &[]);
        assert_eq!(endpoints(&anew).0, texts(&["/a", "/b", "/c"]));
        assert_eq!(anew.stored.left_out.len(), 1);
    }
}

#[test]
fn a_change_among_ten_thousand_endpoints_reads_one_of_them() {
    let file = Settings::default();
    let stored: Vec<_> = (0..10_000_u32)
        .map(|number| {
            let mut object = endpoint(1, &format!("/e/{number}"), json!({}));
            let id = EndpointId::new(uuid::Uuid::from_u128(u128::from(number)));
            object.id = id.to_string();
            object.document["id"] = json!(object.id);
            object
        })
        .collect();
    let objects = joined(&file, &stored);
    assert_eq!(objects.endpoints.table.len(), 10_000);
    let moved = Candidate::read(&stored[5000]).expect("readable");
    let changed = objects.changed(&basis(&file), std::slice::from_ref(&moved), &[]);
    let changed = changed.expect("simple");
    assert_eq!(changed.endpoints.table.len(), 10_000);
    let addresses =
        |objects: &Objects| -> std::collections::HashSet<*const crate::endpoint::Endpoint> {
            let endpoints = objects.endpoints.table.iter();
            endpoints.map(std::ptr::from_ref).collect()
        };
    let (before, after) = (addresses(&objects), addresses(&changed));
    assert_eq!(
        after.difference(&before).count(),
        1,
        "none of the others is read anew"
    );
}
