//! Which objects are in force, and which are left out.

use serde_json::json;

use super::*;

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

fn settings(objects: &[store::Object]) -> Directory {
    let read = |it: &store::Object| Candidate::read(it).expect("readable").item.put();
    let changes = objects.iter().map(read);
    Directory::default()
        .with_changes(changes)
        .expect("no conflict")
}

fn joined(settings: &Directory, stored: &[store::Object]) -> Objects {
    let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
    for object in stored {
        match Candidate::read(object) {
            Ok(candidate) => candidates.push(candidate),
            Err(left_out) => unreadable.push(left_out),
        }
    }
    Objects::joined(settings, candidates, unreadable)
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
    let alone = Objects::joined(&Directory::default(), candidates, unreadable);
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
    let changed = objects.changed(&[candidate(&b)], &deleted).expect("simple");
    assert_eq!(names(&changed), (texts(&["b", "fixed"]), vec![]));
    let conflict = candidate(&key("fixed", json!({})));
    assert!(
        objects
            .changed(std::slice::from_ref(&conflict), &[])
            .is_none()
    );
    let anew = objects.joined_anew(&file, vec![conflict], Vec::new(), &deleted);
    assert_eq!(names(&anew), (texts(&["b", "fixed"]), texts(&["fixed"])));
    // The store cannot delete what is of the settings.
    let fixed = [ObjectId::new(
        Kind::Key,
        KeyId::of_name("fixed").to_string(),
    )];
    let same = objects.changed(&[], &fixed).expect("simple");
    assert_eq!(names(&same), names(&objects));
}
