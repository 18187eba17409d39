use serde_json::{Value, json};

use super::{SealError, SealKeys, SealedPlace, document};
use crate::{
    secret::Secret,
    store::object::{Kind, Object, ObjectId},
};

const OLD: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a7bZcVdEeFfGg8=";
const NEW: &str = "1fA9cKq7uT0mVb2xWe5rZy8sLp3oHn6dGj4iQaRkXtM=";
const CANARY: &str = "sk-live-canary";

fn keys(texts: &[&str]) -> SealKeys {
    let texts: Vec<Secret> = texts.iter().copied().map(Secret::new).collect();
    SealKeys::new(&texts).expect("good keys")
}

fn place(id: &'static str, pointer: &'static str) -> SealedPlace<'static> {
    SealedPlace {
        kind: Kind::Key,
        id,
        pointer,
    }
}

fn sealed(keys: &SealKeys) -> Value {
    let secret = Secret::new(CANARY);
    keys.seal(place("key_1", "/credential"), &secret)
        .expect("sealed")
}

fn object(document: Value) -> Object {
    let Value::Object(document) = document else {
        panic!("an object");
    };
    Object {
        kind: Kind::Key,
        id: "key_1".to_owned(),
        name: "app".to_owned(),
        document,
        revision: 1,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_sealed_value_opens_at_its_place_and_shows_nothing() {
    let keys = keys(&[OLD]);
    let value = sealed(&keys);
    let opened = keys.open(place("key_1", "/credential"), &value);
    assert_eq!(opened.expect("opened").expose(), CANARY);
    assert!(!value.to_string().contains(CANARY));
    assert_ne!(value, sealed(&keys), "the same nonce twice");
    assert!(!format!("{keys:?}").contains(OLD));
}

#[test]
fn a_moved_or_changed_value_is_refused() {
    let keys = keys(&[OLD]);
    let value = sealed(&keys);
    let team = SealedPlace {
        kind: Kind::Team,
        ..place("key_1", "/credential")
    };
    for place in [
        place("key_2", "/credential"),
        place("key_1", "/other"),
        team,
    ] {
        let refused = keys.open(place, &value);
        assert!(
            matches!(refused, Err(SealError::Forged { .. })),
            "{place:?}: {refused:?}"
        );
    }
    let text = value["$sealed"].as_str().expect("text");
    let last = text.len() - 3;
    let flipped = if &text[last..=last] == "A" { "B" } else { "A" };
    let changed = json!({ "$sealed": format!("{}{flipped}{}", &text[..last], &text[last + 1..]) });
    let refused = keys.open(place("key_1", "/credential"), &changed);
    assert!(
        matches!(refused, Err(SealError::Forged { .. })),
        "{refused:?}"
    );
}

#[test]
fn what_is_no_sealed_value_is_refused() {
    let keys = keys(&[OLD]);
    let good = sealed(&keys)["$sealed"].as_str().expect("text").to_owned();
    let key_id = good.split('.').nth(1).expect("a key id").to_owned();
    let table = [
        json!({ "$sealed": "" }),
        json!({ "$sealed": 1 }),
        json!({ "$sealed": good.replacen("v1", "v2", 1) }),
        json!({ "$sealed": good, "more": 1 }),
        json!({ "$sealed": format!("v1.{key_id}.%%%") }),
        json!(good),
    ];
    for value in table {
        let refused = keys.open(place("key_1", "/credential"), &value);
        assert!(
            matches!(refused, Err(SealError::Malformed { .. })),
            "{value}"
        );
    }
    let short = json!({ "$sealed": format!("v1.{key_id}.AAAA") });
    let refused = keys.open(place("key_1", "/credential"), &short);
    assert!(
        matches!(refused, Err(SealError::Forged { .. })),
        "{refused:?}"
    );
}

#[test]
fn the_first_key_seals_and_all_open() {
    let value = sealed(&keys(&[OLD]));
    let both = keys(&[NEW, OLD]);
    assert!(both.open(place("key_1", "/credential"), &value).is_ok());
    assert!(!both.is_current(&value));
    assert!(both.is_current(&sealed(&both)));
    let refused = keys(&[NEW]).open(place("key_1", "/credential"), &value);
    assert!(
        matches!(refused, Err(SealError::UnknownKey { .. })),
        "{refused:?}"
    );
}

#[test]
fn the_canary_tells_which_keys_sealed_the_store() {
    let canary = keys(&[OLD]).canary().expect("a canary");
    assert_eq!(keys(&[OLD]).check_canary(&canary), Ok(true));
    assert_eq!(keys(&[NEW, OLD]).check_canary(&canary), Ok(false));
    assert_eq!(
        keys(&[NEW]).check_canary(&canary),
        Err(SealError::WrongKeys)
    );
    assert_eq!(keys(&[OLD]).check_canary("text"), Err(SealError::WrongKeys));
}

#[test]
fn every_sealed_value_of_a_document_is_found_and_sealed_anew() {
    let (old, both) = (keys(&[OLD]), keys(&[NEW, OLD]));
    let seal = |pointer| {
        old.seal(place("key_1", pointer), &Secret::new(CANARY))
            .expect("sealed")
    };
    let mut object = object(json!({
        "a/b": { "c~d": seal("/a~1b/c~0d") },
        "list": [1, { "x": seal("/list/1/x") }],
        "plain": "text",
    }));
    let id = ObjectId::new(Kind::Key, "key_1");
    assert_eq!(document::check(Some(&old), &id, &object.document), Ok(true));
    assert_eq!(document::reseal(&both, &mut object), Ok(2));
    assert_eq!(
        document::reseal(&both, &mut object),
        Ok(0),
        "sealed anew twice"
    );
    assert_eq!(
        document::check(Some(&keys(&[NEW])), &id, &object.document),
        Ok(true)
    );
    assert_eq!(object.document["plain"], json!("text"));
    let order: Vec<&String> = object.document.keys().collect();
    assert_eq!(order, ["a/b", "list", "plain"]);
}

#[test]
fn an_audit_row_shows_no_ciphertext() {
    let mut value = json!({ "credential": { "header": sealed(&keys(&[OLD])) }, "name": "app" });
    document::hide(&mut value);
    let hidden = json!({ "credential": { "header": "(sealed)" }, "name": "app" });
    assert_eq!(value, hidden);
}
