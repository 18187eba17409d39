//! Documents of keys and teams: read, made, changed, rotated.

use serde_json::{Value, json};

use super::*;
use crate::identity::{
    TeamId,
    document::read,
    samples::{key, secret, team, time},
    team::Team,
};

const NOW: &str = "2026-11-22T00:00:00Z";

fn issued(secret: &GatewayKey) -> Issued<'_> {
    Issued {
        id: KeyId::of_name("test"),
        secret,
        now: time(NOW),
    }
}

/// Every field that a request may give.
fn full() -> Value {
    json!({
        "name": "app",
        "team": "search",
        "role": "viewer",
        "expires": "2027-01-01T00:00:00Z",
        "blocked": true,
        "default_config": "chain",
        "metadata": { "app": "web", "env": "prod" },
        "trust_metadata": ["user"],
        "allow": { "models": ["gpt-*"], "methods": ["POST"] },
        "limits": [{ "requests": 60, "window": "1m", "burst": 60 }],
    })
}

#[test]
fn a_full_document_is_made_and_comes_back() {
    let secret = secret(1);
    let key = Key::create(&full(), issued(&secret)).unwrap();
    let document = key.document();
    let mut expected = json!({
        "id": KeyId::of_name("test"),
        "digest": secret.digest(),
        "prefix": secret.display_prefix(),
        "created_at": NOW,
    });
    merge(&mut expected, &full());
    assert_eq!(document, expected);
    assert_eq!(read(&document), Ok(key));
}

fn merge(document: &mut Value, more: &Value) {
    crate::identity::merge_patch::apply(document, more);
}

#[test]
fn the_api_shows_no_digest() {
    let now = time(NOW);
    let key = key("app", &secret(1), json!({}));
    let key = key
        .rotated(&secret(2), time("2026-11-23T00:00:00Z"), now)
        .unwrap();
    assert!(key.document().to_string().contains("sha256:"));
    assert!(!key.shown().to_string().contains("sha256:"));
    assert_eq!(key.shown()["prefix"], json!(secret(2).display_prefix()));
}

#[test]
fn the_settings_file_may_leave_the_id_out() {
    let key = key("app", &secret(1), json!({}));
    assert_eq!(key.id, KeyId::of_name("app"));
    assert_eq!(key.role, Role::Member);
    let of_team = team("search", json!({ "limits": [{ "requests": 1 }] }));
    assert_eq!(of_team.id, TeamId::of_name("search"));
    let place = &of_team.limits.iter().next().unwrap().scoped.place;
    assert_eq!(**place, format!("teams.{}.limits[0]", of_team.id));
}

#[test]
fn bad_requests_name_the_field_and_what_is_allowed() {
    let allowed = "Allowed: id, name, digest, prefix, previous_digests, team, role, expires, \
                   blocked, default_config, metadata, trust_metadata, allow, limits, budgets, \
                   created_at";
    for (change, expected) in [
        (json!({ "name": null }), "name is missing".to_owned()),
        (
            json!({ "nmae": "x" }),
            format!("nmae is not a field here. Did you mean name? {allowed}"),
        ),
        (
            json!({ "role": "owner" }),
            "role must be one of member, viewer, admin".into(),
        ),
        (
            json!({ "blocked": "yes" }),
            "blocked must be a boolean, and this is text".into(),
        ),
        (
            json!({ "expires": "2026-13-01" }),
            "expires must be a date and time with an offset by RFC 3339, such as \
             2027-01-31T00:00:00Z"
                .into(),
        ),
        (
            json!({ "expires": NOW }),
            "expires must be in the future".into(),
        ),
        (
            json!({ "expires": "2020-01-01T00:00:00Z" }),
            "expires must be in the future".into(),
        ),
        (
            json!({ "allow": { "methods": ["GET", 5] } }),
            "allow.methods[1] must be a method in capital letters, such as GET or POST, but \
             neither CONNECT nor TRACE, which are never served, and this is a number"
                .into(),
        ),
        (
            json!({ "limits": [{ "requests": 1, "window": "1y" }] }),
            "limits[0].window must be a duration such as 500ms, 30s, 1m, 2h or 1d, or whole \
             milliseconds; at most a day"
                .into(),
        ),
        (
            json!({ "metadata": { "team": 5 } }),
            "metadata.team must be a string, and this is a number".into(),
        ),
        (
            json!({ "metadata": { "team": "x".repeat(129) } }),
            "metadata.team must be at most 128 characters, none of them a control character".into(),
        ),
        (
            json!({ "trust_metadata": ["user", ""] }),
            "trust_metadata[1] must have a name of 1 to 128 characters, none of them a control \
             character"
                .into(),
        ),
        (
            json!({ "id": "key_x" }),
            "id is given by the gateway and never changes".into(),
        ),
        (
            json!({ "digest": "sha256:00" }),
            "digest belongs to the secret, which only a rotation changes".into(),
        ),
    ] {
        let mut request = full();
        merge(&mut request, &change);
        let error = Key::create(&request, issued(&secret(1))).unwrap_err();
        assert_eq!(error.to_string(), expected, "{change}");
    }
    for request in [json!(null), json!([]), json!("app")] {
        let error = Key::create(&request, issued(&secret(1))).unwrap_err();
        assert_eq!(error.to_string(), "the document must be an object");
    }
}

#[test]
fn a_patch_changes_clears_and_refuses_like_a_new_document() {
    let secret = secret(1);
    let key = Key::create(&full(), issued(&secret)).unwrap();
    let now = time(NOW);
    let patched = |patch| key.patched(&patch, now).map(|it| it.document());
    let mut expected = key.document();
    let patch = json!({ "team": null, "allow": { "models": null }, "metadata": { "env": "dev" } });
    merge(&mut expected, &patch);
    assert_eq!(patched(patch), Ok(expected));
    assert_eq!(patched(json!({})), Ok(key.document()));
    for (patch, path) in [
        (json!({ "name": null }), "name"),
        (json!({ "allow": { "models": [] } }), "allow.models"),
        (json!({ "colour": "red" }), "colour"),
        (json!({ "expires": "2020-01-01T00:00:00Z" }), "expires"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        assert_eq!(patched(patch).unwrap_err().path, path);
    }
    for (own, _) in Key::OWN_FIELDS {
        let same = key.document().get(*own).cloned().unwrap_or_default();
        assert_eq!(patched(json!({ *own: same })).unwrap_err().path, *own);
        assert_eq!(patched(json!({ *own: null })).unwrap_err().path, *own);
    }
}

#[test]
fn an_expired_key_may_still_be_changed() {
    let secret = secret(1);
    let key = Key::create(&full(), issued(&secret)).unwrap();
    let later = time("2028-01-01T00:00:00Z");
    assert!(key.patched(&json!({ "blocked": false }), later).is_ok());
    assert!(key.patched(&json!({ "expires": null }), later).is_ok());
    assert!(
        key.patched(&json!({ "expires": "2027-06-01T00:00:00Z" }), later)
            .is_err()
    );
}

#[test]
fn a_rotated_key_keeps_its_id_and_its_secret_lives_through_the_grace_period() {
    let (first, second, third) = (secret(1), secret(2), secret(3));
    let key = key("app", &first, json!({}));
    let [noon, one, two] =
        ["12", "13", "14"].map(|hour| time(&format!("2026-11-22T{hour}:00:00Z")));
    let rotated = key.rotated(&second, one, noon).unwrap();
    assert_eq!(rotated.id, key.id);
    assert_eq!(rotated.prefix, Some(second.display_prefix()));
    for (secret, now, lives) in [
        (&first, noon, true),
        (&first, one, false),
        (&second, noon, true),
        (&second, two, true),
        (&third, noon, false),
    ] {
        assert_eq!(rotated.is_live(&secret.digest(), now), lives, "{now}");
    }
    // Without grace the secret is gone at once; what was in its grace period stays in it.
    let again = rotated.rotated(&third, noon, noon).unwrap();
    let lives = [&first, &second, &third].map(|it| again.is_live(&it.digest(), noon));
    assert_eq!(lives, [true, false, true]);
    // What has ended is forgotten.
    assert!(
        again
            .rotated(&first, one, one)
            .unwrap()
            .previous_digests
            .is_empty()
    );
}

#[test]
fn secrets_in_their_grace_period_are_bounded() {
    let (now, end) = (time(NOW), time("2026-11-23T00:00:00Z"));
    let mut key = key("app", &secret(0), json!({}));
    for number in 1..=MOST_PREVIOUS as u64 {
        key = key.rotated(&secret(number), end, now).unwrap();
    }
    let error = key.rotated(&secret(99), end, now).unwrap_err();
    assert_eq!(error.path, "previous_digests");
    assert!(key.rotated(&secret(99), now, now).is_ok());
}

#[test]
fn roles_grow() {
    let rights = |role: Role| (role.may_read_admin(), role.may_change_admin());
    assert_eq!(rights(Role::Member), (false, false));
    assert_eq!(rights(Role::Viewer), (true, false));
    assert_eq!(rights(Role::Admin), (true, true));
}

#[test]
fn teams_are_made_and_changed_like_keys() {
    let id = TeamId::of_name("test");
    let request = json!({ "name": "search", "allow": { "models": ["gpt-*"] } });
    let team = Team::create(&request, id, time(NOW)).unwrap();
    assert_eq!(read(&team.document()), Ok(team.clone()));
    let renamed = team
        .patched(&json!({ "name": "ads", "allow": null }))
        .unwrap();
    assert_eq!(
        renamed.document(),
        json!({ "id": id, "name": "ads", "created_at": NOW })
    );
    for (patch, path) in [
        (json!({ "id": id }), "id"),
        (json!({ "role": "admin" }), "role"),
        (json!({ "allow": { "hosts": ["*"] } }), "allow.hosts[0]"),
    ] {
        assert_eq!(team.patched(&patch).unwrap_err().path, path);
    }
}
