//! Keys, teams and times for the tests of this module.

use jiff::Timestamp;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use super::{document::read, key::Key, team::Team, token::GatewayKey};

/// Always the same secret for a number.
pub fn secret(number: u64) -> GatewayKey {
    GatewayKey::generate(&mut StdRng::seed_from_u64(number))
}

/// A key with this name and secret, and other fields.
pub fn key(name: &str, secret: &GatewayKey, fields: Value) -> Key {
    let mut document = json!({ "name": name, "digest": secret.digest() });
    super::merge_patch::apply(&mut document, &fields);
    read(&document).expect("a key")
}

pub fn team(name: &str, fields: Value) -> Team {
    let mut document = json!({ "name": name });
    super::merge_patch::apply(&mut document, &fields);
    read(&document).expect("a team")
}

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}
