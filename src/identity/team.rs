//! The document of a team: what all keys of the team share.

use std::{ops::Deref, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{
    allow::Allow,
    budgets::Budgets,
    change::{self, Object, OwnField},
    document::FieldError,
    id::TeamId,
    limits::Limits,
    metadata::Metadata,
    name::{ConfigName, Name},
    time::Time,
};

/// A team: a document that has an id. Its members are the keys that name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Team(TeamDocument);

/// The document as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TeamDocument {
    /// Stays when the team is renamed. The settings file may leave it out.
    #[serde(default)]
    pub id: TeamId,
    pub name: Name,
    /// The config of requests that name no target, where their key has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_config: Option<ConfigName>,
    /// Added to the metadata of its keys' requests; the keys' own wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Holds for all its keys, besides their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Arc<Allow>>,
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    #[serde(default, skip_serializing_if = "Budgets::is_empty")]
    pub budgets: Budgets,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

impl Object for Team {
    const OWN_FIELDS: &'static [OwnField] = &[
        ("id", "is given by the gateway and never changes"),
        ("created_at", "is given by the gateway and never changes"),
    ];
}

impl Team {
    /// A new team, as a request asks for it.
    ///
    /// # Errors
    /// The first problem of the request.
    pub fn create(request: &Value, id: TeamId, now: Timestamp) -> Result<Self, FieldError> {
        let own = [("id", json!(id)), ("created_at", json!(Time::from(now)))];
        change::create(request, own)
    }

    /// The team after a merge patch.
    ///
    /// # Errors
    /// The first problem of the patch, or of what it would make of the team.
    pub fn patched(&self, patch: &Value) -> Result<Self, FieldError> {
        change::patch(self, patch)
    }
}

impl<'de> Deserialize<'de> for Team {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut document = TeamDocument::deserialize(from)?;
        if !document.id.is_given() {
            document.id = TeamId::of_name(document.name.as_str());
        }
        document.limits = document.limits.of(format_args!("teams.{}", document.id));
        document.budgets = document.budgets.of(format!("teams.{}", document.id));
        Ok(Team(document))
    }
}

impl Deref for Team {
    type Target = TeamDocument;

    fn deref(&self) -> &TeamDocument {
        &self.0
    }
}
