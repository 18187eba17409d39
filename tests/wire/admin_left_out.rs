//! Objects that the admin API shows and cannot change: those of the settings file, and those of the
//! store whose document cannot be read.

use serde_json::{Map, Value, json};
use throughway::{
    identity::KeyId,
    store::{AuditEntry, Change, Edit, Kind, Location, ObjectId, Options, Store},
};

use crate::support::{
    Gateway, Process,
    admin::{Admin, made},
    eventually,
    gateway_keys::digest,
    postgres::Directory,
};

fn message(error: &Value) -> &str {
    error["error"]["message"].as_str().expect("a message")
}

#[test]
fn objects_of_the_file_are_shown_and_not_changed() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let more = format!(
        "keys: {{ fixed: {{ digest: \"{digest}\", team: crew }} }}\nteams: {{ crew: {{}} }}\n"
    );
    let gateway = Gateway::with(&format!(
        "admin_token: secret\nstore: {{ kind: memory }}\n{more}"
    ));
    let admin = Admin::of(gateway.address);
    let listed = admin.json("GET", "/keys", "", 200);
    let shown = &listed["data"][0];
    assert_eq!(
        (&shown["name"], &shown["source"]),
        (&json!("fixed"), &json!("file"))
    );
    let one = format!("/keys/{}", shown["id"].as_str().expect("an id"));
    assert_eq!(admin.json("GET", &one, "", 200)["team"], "crew");
    for (method, path) in [
        ("PATCH", one.clone()),
        ("DELETE", one.clone()),
        ("POST", format!("{one}/rotate")),
    ] {
        let error = &admin.json(method, &path, "{}", 409)["error"];
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.contains("settings file, under keys.fixed"),
            "{message}"
        );
    }
    assert_eq!(
        admin.json("POST", "/keys", r#"{"name":"fixed"}"#, 409)["error"]["param"],
        "name"
    );
    admin.create(r#"{"name":"other","team":"crew"}"#);
}

#[test]
fn without_a_store_the_file_is_all() {
    let gateway = Gateway::with("admin_token: secret\nstore: { kind: \"off\" }\n");
    let admin = Admin::of(gateway.address);
    assert_eq!(admin.json("GET", "/keys", "", 200)["data"], json!([]));
    let error = &admin.json("POST", "/keys", r#"{"name":"app"}"#, 409)["error"];
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("`store.kind` is off"), "{message}");
}

#[test]
fn an_object_of_the_file_is_refused_with_its_file_and_line() {
    let settings = |more: &str| {
        format!(
            "admin_token: secret\nstore: {{ kind: memory }}\n{more}teams:\n  crew: {{}}\n\
             keys:\n  fixed:\n    digest: \"{}\"\n",
            digest(1)
        )
    };
    let gateway = Process::serving("admin-of-file", &settings(""));
    let admin = Admin::of(gateway.address);
    let id = |kind: &str| {
        let listed = admin.json("GET", kind, "", 200);
        listed["data"][0]["id"].as_str().expect("an id").to_owned()
    };
    let (key, team) = (
        format!("/keys/{}", id("/keys")),
        format!("/teams/{}", id("/teams")),
    );
    let refused = |line: u64, path: &str, name: &str| {
        let refused = admin.json("PATCH", path, r#"{"metadata":{"a":"b"}}"#, 409);
        let place = format!(".yaml:{line}:3: change it there");
        let message = message(&refused);
        message.contains(&place) && message.contains(name)
    };
    assert!(refused(6, &key, "under keys.fixed at /"));
    assert!(refused(4, &team, "under teams.crew at /"));
    // The line is right after a change that changes nothing else, too.
    gateway.write_settings(&settings("# One.\n# Two.\n"));
    eventually("the line is the new one", || refused(8, &key, "keys.fixed"));
}

/// What another program does with the store.
fn in_store(path: &std::path::Path, edit: Edit) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = Options::new(Location::File(path.to_owned()));
        let store = Store::open(options).await.expect("the store opens");
        store.apply(edit).await.expect("a change");
        store.close().await;
    });
}

#[test]
fn an_object_that_cannot_be_read_is_shown_with_the_reason_and_can_be_deleted() {
    let directory = Directory::new();
    let data = directory.path().join("data");
    let settings = format!(
        "admin_token: secret\nstore: {{ kind: sqlite }}\ndata_dir: {}\n",
        data.display()
    );
    let gateway = Process::serving("admin-unreadable", &settings);
    let admin = Admin::of(gateway.address);
    let good = admin.create(r#"{"name":"good"}"#);
    let id = KeyId::new(uuid::Uuid::now_v7()).to_string();
    let secret = json!({ "id": id, "name": "newer", "color": "SECRET-VALUE" });
    let document: Map<String, Value> = secret.as_object().expect("an object").clone();
    in_store(
        &data.join(throughway::store::DATABASE_FILE),
        Edit {
            change: Change::Create {
                object: ObjectId::new(Kind::Key, id.clone()),
                name: "newer".to_owned(),
                document,
            },
            audit: AuditEntry::default(),
        },
    );
    let listed = || admin.json("GET", "/keys", "", 200)["data"].clone();
    eventually("it is listed", || {
        listed().as_array().is_some_and(|it| it.len() == 2)
    });
    let path = format!("/keys/{id}");
    let shown = admin.json("GET", &path, "", 200);
    assert_eq!(listed()[1], shown);
    assert_eq!(
        (&shown["id"], &shown["name"]),
        (&json!(id), &json!("newer"))
    );
    let error = shown["error"].as_str().expect("an error");
    assert!(error.contains("cannot be read"), "{error}");
    assert!(!shown.to_string().contains("SECRET-VALUE"), "{shown}");

    for (method, path) in [("PATCH", path.clone()), ("POST", format!("{path}/rotate"))] {
        let refused = admin.json(method, &path, "{}", 409);
        assert!(
            message(&refused).contains("can only be deleted"),
            "{refused}"
        );
    }
    admin.json("POST", "/keys", r#"{"name":"newer"}"#, 409);
    admin.json("DELETE", &path, "", 204);
    admin.json("GET", &path, "", 404);
    assert_eq!(listed().as_array().map(Vec::len), Some(1));
    let audit = admin.json("GET", "/audit", "", 200)["data"][0].clone();
    assert_eq!(
        (
            &audit["action"],
            &audit["id"],
            &audit["name"],
            &audit["before"]
        ),
        (&json!("delete"), &json!(id), &json!("newer"), &Value::Null)
    );
    // Its name is free, and all else works on.
    made(&admin.json("POST", "/keys", r#"{"name":"newer"}"#, 201));
    assert!(admin.opens(&good.key));
}
