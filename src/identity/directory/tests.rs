//! What is found, what is refused, and that changes stand together or not at all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::identity::samples::{key, secret, team, time};

const NOW: &str = "2026-11-22T00:00:00Z";

fn directory(keys: Vec<Key>, teams: Vec<Team>) -> Directory {
    Directory::new(keys, teams).expect("no conflicts")
}

fn resolve(directory: &Directory, number: u64, now: &str) -> Result<String, KeyRefused> {
    let found = directory.resolve(&secret(number), time(now));
    found.map(|identity| identity.key.name.to_string())
}

#[test]
fn a_key_is_found_unless_it_is_unknown_blocked_or_expired() {
    let at = Time::from(time("2026-12-01T00:00:00Z"));
    let expires = json!({ "expires": at });
    let both = json!({ "expires": at, "blocked": true });
    let directory = directory(
        vec![
            key("good", &secret(1), json!({})),
            key("blocked", &secret(2), json!({ "blocked": true })),
            key("expires", &secret(3), expires),
            key("both", &secret(4), both),
        ],
        vec![],
    );
    for (number, now, expected) in [
        (1, NOW, Ok("good")),
        (2, NOW, Err(KeyRefused::Blocked)),
        (3, "2026-11-30T23:59:59Z", Ok("expires")),
        (3, "2026-12-01T00:00:00Z", Err(KeyRefused::Expired { at })),
        (4, "2026-12-02T00:00:00Z", Err(KeyRefused::Blocked)),
        (9, NOW, Err(KeyRefused::Unknown)),
    ] {
        let found = resolve(&directory, number, now);
        assert_eq!(found, expected.map(str::to_owned), "{number} {now}");
    }
}

#[test]
fn a_replaced_secret_opens_until_the_end_of_its_grace_period() {
    let (now, end) = (time(NOW), "2026-11-22T01:00:00Z");
    let old = key("app", &secret(1), json!({}));
    let rotated = old.rotated(&secret(2), time(end), now).unwrap();
    let directory = directory(vec![old], vec![]);
    let directory = directory
        .with_changes([Change::PutKey(rotated.into())])
        .unwrap();
    for (number, now, expected) in [
        (1, NOW, true),
        (2, NOW, true),
        (1, end, false),
        (2, end, true),
    ] {
        let found = resolve(&directory, number, now);
        let expected = expected
            .then(|| "app".to_owned())
            .ok_or(KeyRefused::Unknown);
        assert_eq!(found, expected, "{number} {now}");
    }
}

#[test]
fn a_key_is_joined_with_its_team_by_name_or_id() {
    let id = TeamId::of_name("search");
    let directory = directory(
        vec![
            key("by-name", &secret(1), json!({ "team": "search" })),
            key("by-id", &secret(2), json!({ "team": id })),
            key("alone", &secret(3), json!({})),
        ],
        vec![team("search", json!({})), team("ads", json!({}))],
    );
    for (number, expected) in [(1, Some(id)), (2, Some(id)), (3, None)] {
        let identity = directory.resolve(&secret(number), time(NOW)).unwrap();
        assert_eq!(identity.team.as_ref().map(|it| it.id), expected);
    }
}

#[test]
fn every_conflict_is_reported_and_nothing_is_changed() {
    let keys = vec![
        key("app", &secret(1), json!({})),
        key("app", &secret(2), json!({})),
        key("other", &secret(1), json!({})),
        key("lost", &secret(3), json!({ "team": "nowhere" })),
    ];
    let teams = vec![team("search", json!({})), team("search", json!({}))];
    let conflicts = Directory::new(keys, teams).unwrap_err();
    let mut texts: Vec<_> = conflicts.iter().map(Conflict::to_string).collect();
    let id = |name| KeyId::of_name(name);
    let team = TeamId::of_name("search");
    let mut expected = [
        format!("the team search ({team}) has a name that is in use by the team {team}"),
        format!(
            "the key app ({0}) has a name that is in use by the key {0}",
            id("app")
        ),
        format!(
            "the key other ({}) has a digest that is in use by the key {}",
            id("other"),
            id("app")
        ),
        format!(
            "the key lost ({}) is in the team nowhere, which does not exist",
            id("lost")
        ),
    ];
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
}

#[test]
fn changes_of_one_batch_see_each_other() {
    let named = |name: &str, id: &str| {
        let number = id.len() as u64;
        let key = key(
            name,
            &secret(number),
            json!({ "id": KeyId::of_name(id), "team": "t" }),
        );
        Change::PutKey(key.into())
    };
    let start = directory(vec![], vec![team("t", json!({}))]);
    let start = start
        .with_changes([named("a", "1"), named("b", "22")])
        .unwrap();
    let swapped = start
        .with_changes([named("b", "1"), named("a", "22")])
        .unwrap();
    assert_eq!(resolve(&swapped, 1, NOW), Ok("b".into()));
    assert_eq!(
        resolve(&start, 1, NOW),
        Ok("a".into()),
        "the old one stays as it was"
    );

    let gone = Change::DeleteTeam(TeamId::of_name("t"));
    let conflicts = start.with_changes([gone.clone()]).unwrap_err();
    assert_eq!(conflicts.len(), 2, "{conflicts:?}");
    let keys = ["1", "22"].map(|id| Change::DeleteKey(KeyId::of_name(id)));
    let empty = start.with_changes(keys.into_iter().chain([gone])).unwrap();
    assert_eq!((empty.keys().count(), empty.teams().count()), (0, 0));
}

#[test]
fn a_changed_team_is_joined_with_the_keys_it_had() {
    let start = directory(
        vec![
            key("app", &secret(1), json!({ "team": "search" })),
            key("alone", &secret(2), json!({})),
        ],
        vec![team("search", json!({}))],
    );
    let changed = team("search", json!({ "allow": { "models": ["gpt-*"] } }));
    let changed = start
        .with_changes([Change::PutTeam(changed.into())])
        .unwrap();
    let needs_model = |directory: &Directory, number| {
        let identity = directory.resolve(&secret(number), time(NOW)).unwrap();
        identity.needs_model()
    };
    assert!(needs_model(&changed, 1) && !needs_model(&changed, 2));
    assert!(!needs_model(&start, 1));
    let renamed = team("ads", json!({ "id": TeamId::of_name("search") }));
    let conflicts = start
        .with_changes([Change::PutTeam(renamed.into())])
        .unwrap_err();
    assert!(
        matches!(conflicts[..], [Conflict::UnknownTeam { .. }]),
        "{conflicts:?}"
    );
}

#[test]
fn equal_parts_are_shared() {
    let fields = json!({
        "team": "t",
        "default_config": "chain",
        "metadata": { "a": "b" },
        "allow": { "hosts": ["*.openai.com"] },
    });
    let keys = [1, 2].map(|number| key(&format!("k{number}"), &secret(number), fields.clone()));
    let directory = directory(keys.into(), vec![team("t", json!({}))]);
    let [first, second] = [1, 2].map(|it| directory.resolve(&secret(it), time(NOW)).unwrap());
    let [first, second] = [&first.key, &second.key];
    let allows = [first, second].map(|key| key.allow.as_ref().unwrap());
    assert!(Arc::ptr_eq(allows[0], allows[1]));
    let names = [first, second].map(|key| key.metadata.as_ref().unwrap().iter().next().unwrap().0);
    assert!(std::ptr::eq(names[0], names[1]));
    assert!(std::ptr::eq(
        first.default_config.as_ref().unwrap().as_str(),
        second.default_config.as_ref().unwrap().as_str()
    ));
}

#[test]
fn key_wins_over_team_over_request() {
    let of_team = json!({
        "default_config": "of-team",
        "metadata": { "env": "team", "cost": "team" },
        "limits": [{ "requests": 2 }],
    });
    let of_key = json!({
        "team": "t",
        "metadata": { "env": "key" },
        "limits": [{ "requests": 1 }],
    });
    let directory = directory(
        vec![key("app", &secret(1), of_key)],
        vec![team("t", of_team)],
    );
    let identity = directory.resolve(&secret(1), time(NOW)).unwrap();
    assert_eq!(identity.default_config().unwrap().as_str(), "of-team");
    let request = [("env", "request"), ("user", "ada")];
    let mut merged: BTreeMap<String, String> = request
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    identity.merge_metadata(&mut merged);
    let merged = serde_json::to_value(merged).unwrap();
    assert_eq!(
        merged,
        json!({ "env": "key", "cost": "team", "user": "ada" })
    );
    let owners: Vec<_> = identity.limits().map(|(owner, _)| owner).collect();
    use crate::identity::allow::Owner;
    assert_eq!(owners, [Owner::Key, Owner::Team]);
}

/// One step of the model below: put or delete a key with this id, name and secret.
#[derive(Clone, Debug)]
struct Step {
    id: u8,
    name: u8,
    secret: u8,
    deletes: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let fields = (0..5_u8, 0..5_u8, 0..5_u8, any::<bool>());
    fields.prop_map(|(id, name, secret, deletes)| Step {
        id,
        name,
        secret,
        deletes,
    })
}

fn id_of(number: u8) -> KeyId {
    KeyId::of_name(&number.to_string())
}

proptest! {
    #[test]
    fn any_changes_agree_with_a_plain_map(steps in prop::collection::vec(step(), 0..40)) {
        let mut directory = Directory::default();
        // By id: name and secret.
        let mut model: BTreeMap<u8, (u8, u8)> = BTreeMap::new();
        for step in steps {
            let Step { id, name, secret: number, deletes } = step;
            let mut others = model.iter().filter(|(it, _)| **it != id);
            let in_use = others.any(|(_, other)| other.0 == name || other.1 == number);
            let change = match deletes {
                true => Change::DeleteKey(id_of(id)),
                false => {
                    let fields: Value = json!({ "id": id_of(id) });
                    Change::PutKey(key(&format!("n{name}"), &secret(number.into()), fields).into())
                }
            };
            match directory.with_changes([change]) {
                Ok(changed) => {
                    prop_assert!(deletes || !in_use);
                    directory = changed;
                    match deletes {
                        true => drop(model.remove(&id)),
                        false => drop(model.insert(id, (name, number))),
                    }
                }
                Err(_) => prop_assert!(!deletes && in_use),
            }
            prop_assert_eq!(directory.keys().count(), model.len());
            for number in 0..5 {
                let found = resolve(&directory, number, NOW).ok();
                let mut known = model.values();
                let known = known.find(|it| u64::from(it.1) == number);
                prop_assert_eq!(found, known.map(|it| format!("n{}", it.0)));
                let by_id = directory.key(id_of(number as u8)).map(|it| it.key.name.to_string());
                let known = model.get(&(number as u8)).map(|it| format!("n{}", it.0));
                prop_assert_eq!(by_id, known);
            }
        }
    }
}
