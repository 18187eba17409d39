//! Short forms of changes. The audit row of each tells what it did.

use serde_json::{Map, Value, json};
use throughway::store::{AuditEntry, Change, Edit, Kind, ObjectId};

pub fn id(id: &str) -> ObjectId {
    ObjectId::new(Kind::Key, id)
}

pub fn document(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(document) => document,
        other => panic!("no object: {other}"),
    }
}

/// Creates a key whose document tells its name.
pub fn create(object: &str, name: &str) -> Edit {
    edit(
        "create",
        Change::Create {
            object: id(object),
            name: name.to_owned(),
            document: document(json!({ "made_as": name })),
        },
    )
}

pub fn update(object: &str, name: &str, value: Value, expected: Option<u64>) -> Edit {
    edit(
        "update",
        Change::Update {
            object: id(object),
            name: name.to_owned(),
            document: document(value),
            expected,
        },
    )
}

pub fn delete(object: &str, expected: Option<u64>) -> Edit {
    let object = id(object);
    edit("delete", Change::Delete { object, expected })
}

fn edit(action: &str, change: Change) -> Edit {
    let audit = entry(action, &change.object().id);
    Edit { change, audit }
}

pub fn entry(action: &str, id: &str) -> AuditEntry {
    AuditEntry {
        actor: "tester".to_owned(),
        source: "api".to_owned(),
        action: action.to_owned(),
        kind: "key".to_owned(),
        id: id.to_owned(),
        ..AuditEntry::default()
    }
}
