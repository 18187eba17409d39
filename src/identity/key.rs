//! The document of a gateway key: one shape for the settings file, the API and the store.

use std::{ops::Deref, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, json};

use super::{
    allow::Allow,
    budgets::Budgets,
    change::{self, Object, OwnField},
    document::{FieldError, within},
    id::KeyId,
    limits::Limits,
    metadata::{Metadata, TrustedNames},
    name::{ConfigName, Name, TeamRef},
    time::Time,
    token::{Digest, DisplayPrefix, GatewayKey},
};

/// A gateway key, without its secret: a document that was checked as a whole and has an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Key(KeyDocument);

/// The document as it is written. Equal parts of many keys may share their memory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDocument {
    /// Stays when the key is renamed or rotated. The settings file may leave it out.
    #[serde(default)]
    pub id: KeyId,
    pub name: Name,
    pub digest: Digest,
    /// What people may see of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<DisplayPrefix>,
    /// Earlier secrets in their grace period.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub previous_digests: Box<[PreviousDigest]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamRef>,
    #[serde(default)]
    pub role: Role,
    /// From then on the key is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    #[serde(default)]
    pub blocked: bool,
    /// The config of requests that name no target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_config: Option<ConfigName>,
    /// Added to the metadata of its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_metadata: Option<Arc<TrustedNames>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Arc<Allow>>,
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    #[serde(default, skip_serializing_if = "Budgets::is_empty")]
    pub budgets: Budgets,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// An earlier secret of a key, which lives through a grace period.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousDigest {
    pub digest: Digest,
    /// From then on it is unknown.
    pub until: Time,
}

/// What the holder of a key may do besides sending requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing.
    #[default]
    Member,
    /// Read by the admin API.
    Viewer,
    /// Read and change by the admin API.
    Admin,
}

impl Role {
    pub fn may_read_admin(self) -> bool {
        self >= Role::Viewer
    }

    pub fn may_change_admin(self) -> bool {
        self >= Role::Admin
    }
}

/// What the gateway adds to a new key.
#[derive(Clone, Copy, Debug)]
pub struct Issued<'k> {
    pub id: KeyId,
    pub secret: &'k GatewayKey,
    pub now: Timestamp,
}

/// The most secrets of one key in their grace period.
const MOST_PREVIOUS: usize = 8;

const SECRET_IS_OWN: &str = "belongs to the secret, which only a rotation changes";

impl Object for Key {
    const OWN_FIELDS: &'static [OwnField] = &[
        ("id", "is given by the gateway and never changes"),
        ("created_at", "is given by the gateway and never changes"),
        ("digest", SECRET_IS_OWN),
        ("prefix", SECRET_IS_OWN),
        ("previous_digests", SECRET_IS_OWN),
    ];
}

impl Key {
    /// A new key, as a request asks for it.
    ///
    /// # Errors
    /// The first problem of the request.
    pub fn create(request: &Value, issued: Issued<'_>) -> Result<Self, FieldError> {
        let Issued { id, secret, now } = issued;
        let own = [
            ("id", json!(id)),
            ("digest", json!(secret.digest())),
            ("prefix", json!(secret.display_prefix())),
            ("created_at", json!(Time::from(now))),
        ];
        let key: Key = change::create(request, own)?;
        key.check_expiry(now).map(|()| key)
    }

    /// The key after a merge patch.
    ///
    /// # Errors
    /// The first problem of the patch, or of what it would make of the key.
    pub fn patched(&self, patch: &Value, now: Timestamp) -> Result<Self, FieldError> {
        let key = change::patch(self, patch)?;
        match key.expires == self.expires {
            // A key that has expired may still be changed otherwise.
            true => Ok(key),
            false => key.check_expiry(now).map(|()| key),
        }
    }

    /// The key with a new secret. The present one lives until `grace_ends`.
    ///
    /// # Errors
    /// Too many secrets are in their grace period.
    pub fn rotated(
        &self,
        secret: &GatewayKey,
        grace_ends: Timestamp,
        now: Timestamp,
    ) -> Result<Self, FieldError> {
        let (digest, until) = (self.digest, Time::from(grace_ends));
        let present = PreviousDigest { digest, until };
        let earlier = self.previous_digests.iter().cloned();
        let in_grace = earlier.chain([present]).filter(|it| !it.until.is_past(now));
        let document = KeyDocument {
            digest: secret.digest(),
            prefix: Some(secret.display_prefix()),
            previous_digests: in_grace.collect(),
            ..self.0.clone()
        };
        document.check_previous().map(|()| Key(document))
    }

    /// Whether this is the digest of its secret, or of an earlier one in its grace period.
    pub fn is_live(&self, digest: &Digest, now: Timestamp) -> bool {
        let mut previous = self.previous_digests.iter();
        self.digest.matches(digest)
            || previous.any(|it| it.digest.matches(digest) && !it.until.is_past(now))
    }

    /// Lets the document share memory with others; it must stay equal.
    pub(super) fn share(&mut self, share: impl FnOnce(&mut KeyDocument)) {
        share(&mut self.0);
    }

    /// The document as the API shows it: without digests.
    pub fn shown(&self) -> Value {
        let mut document = self.document();
        if let Some(fields) = document.as_object_mut() {
            fields.shift_remove("digest");
            fields.shift_remove("previous_digests");
        }
        document
    }

    fn check_expiry(&self, now: Timestamp) -> Result<(), FieldError> {
        match self.expires.is_some_and(|expires| expires.is_past(now)) {
            true => Err(FieldError::new("expires", "must be in the future")),
            false => Ok(()),
        }
    }
}

impl KeyDocument {
    fn check_previous(&self) -> Result<(), FieldError> {
        if self.previous_digests.len() <= MOST_PREVIOUS {
            return Ok(());
        }
        let reason = format!(
            "would hold more than {MOST_PREVIOUS} secrets in their grace period: \
             wait for one to end, or rotate without grace"
        );
        Err(FieldError::new("previous_digests", reason))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut document = KeyDocument::deserialize(from)?;
        if !document.id.is_given() {
            document.id = KeyId::of_name(document.name.as_str());
        }
        document.limits = document.limits.of(format_args!("keys.{}", document.id));
        document.budgets = document.budgets.of(format!("keys.{}", document.id));
        let previous = document.check_previous();
        previous.map_err(|it| D::Error::custom(within(&it.path, &it.reason)))?;
        Ok(Key(document))
    }
}

impl Deref for Key {
    type Target = KeyDocument;

    fn deref(&self) -> &KeyDocument {
        &self.0
    }
}

#[cfg(test)]
mod tests;
