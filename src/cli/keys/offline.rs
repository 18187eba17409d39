//! `throughway keys create --offline`: a new key, and its entry for the settings file. Asks nobody.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::failure::Failure;
use crate::identity::{
    KeyId, Object as _,
    key::{Issued, Key},
    token::GatewayKey,
};

/// A key that no gateway knows yet.
pub struct Offline {
    /// The text for its holder.
    pub key: GatewayKey,
    /// A settings file that has this key and nothing else.
    pub settings: Value,
}

/// What is left out of the entry: the entry's own name, what a file may leave out, and defaults.
const LEFT_OUT: [&str; 3] = ["id", "name", "created_at"];

/// Makes the key that is asked for.
///
/// # Errors
/// The request is at fault.
pub fn create(request: &Value) -> Result<Offline, Failure> {
    let key = GatewayKey::generate(&mut rand::rng());
    let issued = Issued {
        id: KeyId::new(Uuid::now_v7()),
        secret: &key,
        now: Timestamp::now(),
    };
    let made = Key::create(request, issued)?;
    let mut entry = made.document();
    if let Some(fields) = entry.as_object_mut() {
        fields.retain(|name, value| !LEFT_OUT.contains(&name.as_str()) && !is_default(name, value));
    }
    let settings = json!({ "keys": { made.name.as_str(): entry } });
    Ok(Offline { key, settings })
}

fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "blocked" => *value == json!(false),
        "role" => *value == json!("member"),
        _ => false,
    }
}
