//! Any two requests have the same key exactly when they are equivalent.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

impl Asked {
    /// The request without the fields that must not affect the key.
    fn plain(&self) -> Self {
        let (mut plain, noise) = (self.clone(), Noise::default());
        plain
            .headers
            .retain(|(name, _)| !noise.contains(&name.parse().unwrap(), Readers::Others));
        plain.headers.sort_by_key(|(name, _)| *name);
        if plain.namespace.is_shared() {
            plain.credentials = None;
        }
        plain
    }

    /// The request with one field taken from another request.
    fn with(&self, field: usize, other: &Self) -> Self {
        let (mut mixed, other) = (self.clone(), other.clone());
        match field {
            0 => mixed.namespace = other.namespace,
            1 => mixed.credentials = other.credentials,
            2 => mixed.targets = other.targets,
            3 => mixed.method = other.method,
            4 => mixed.path = other.path,
            5 => mixed.query = other.query,
            6 => mixed.headers = other.headers,
            _ => mixed.body = other.body,
        }
        mixed
    }
}

const FIELDS: usize = 8;

fn namespace() -> impl Strategy<Value = Namespace> {
    prop_oneof![
        Just(Namespace::None),
        "[ab]{0,2}".prop_map(|name| Namespace::Caller(name.into())),
        "[ab]{0,2}".prop_map(|name| Namespace::Settings(name.into())),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    const BASES: [&str; 7] = [
        "https://a.example/v1",
        "http://a.example/v1",
        "https://b.example/v1",
        "https://a.example:444/v1",
        "https://a.example/v",
        "https://a.example/v1?1",
        "https://a.example",
    ];
    let word = || "[ab]{0,1}";
    (
        select(&BASES[..]),
        select(&[NamedBy::Caller, NamedBy::Settings][..]),
        any::<bool>(),
        vec((select(&["x-a", "x-b"][..]), option::of(word())), 0..3),
        vec((word(), word()), 0..3),
        option::of(word()),
    )
        .prop_map(
            |(base, named_by, gets_credentials, edits, params, model_prefix)| Place {
                base,
                named_by,
                gets_credentials,
                credential: gets_credentials.then_some([7; 32]),
                edits,
                override_params: params
                    .into_iter()
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
                model_prefix,
            },
        )
}

fn asked() -> impl Strategy<Value = Asked> {
    const NAMES: [&str; 6] = [
        "accept",
        "x-a",
        "x-b",
        "user-agent",
        "x-stainless-os",
        "idempotency-key",
    ];
    let caller = (
        namespace(),
        option::of((0..3_u8).prop_map(|byte| [byte; 32])),
        vec(place(), 0..3),
    );
    let message = (
        select(&["POST", "PUT"][..]),
        "[/a]{0,3}",
        option::of("[&a]{0,2}"),
        vec((select(&NAMES[..]), "[ab]{0,2}"), 0..4),
        vec(0..2_u8, 0..3),
    );
    (caller, message).prop_map(|(caller, message)| {
        let (namespace, credentials, targets) = caller;
        let (method, path, query, headers, body) = message;
        Asked {
            namespace,
            credentials,
            targets,
            method,
            path,
            query,
            headers,
            body,
        }
    })
}

proptest! {
    #[test]
    fn keys_are_equal_exactly_when_requests_are_equivalent(a in asked(), b in asked()) {
        prop_assert_eq!(a.key() == b.key(), a.plain() == b.plain());
    }

    #[test]
    fn one_different_field_changes_the_key(a in asked(), b in asked(), field in 0..FIELDS) {
        let mixed = a.with(field, &b);
        prop_assert_eq!(mixed.key() == a.key(), mixed.plain() == a.plain());
    }

    #[test]
    fn different_lists_of_fields_have_different_encodings(
        a in vec(vec(0..2_u8, 0..3), 0..4),
        b in vec(vec(0..2_u8, 0..3), 0..4),
    ) {
        let key = |list: &Vec<Vec<u8>>| {
            let mut fields = Fields::new(FORMAT);
            fields.list(list, |fields, item| fields.field(item));
            fields.key()
        };
        prop_assert_eq!(key(&a) == key(&b), a == b);
    }

    #[test]
    fn moving_a_field_boundary_changes_the_encoding(
        bytes in vec(any::<u8>(), 0..9),
        one in 0..9_usize,
        other in 0..9_usize,
    ) {
        let key = |at: usize| {
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            let mut fields = Fields::new(FORMAT);
            fields.field(left);
            fields.field(right);
            fields.key()
        };
        let (one, other) = (one.min(bytes.len()), other.min(bytes.len()));
        prop_assert_eq!(key(one) == key(other), one == other);
    }
}
