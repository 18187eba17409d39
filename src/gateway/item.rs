//! A key, a team or an endpoint: what the admin API changes and the store keeps.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::endpoints::{Basis, StoredEndpoint};
use crate::{
    identity::{
        Known, Object as _, directory,
        document::{FieldError, read},
        key::Key,
        team::Team,
    },
    store::{self, Kind, ObjectId},
};

/// A key, a team or an endpoint.
#[derive(Clone, Debug)]
pub enum Item {
    Key(Box<Key>),
    Team(Box<Team>),
    Endpoint(Arc<StoredEndpoint>),
}

impl Item {
    /// Reads what the store keeps.
    ///
    /// # Errors
    /// The first problem of the document, or of its id and name, which the store has a second time.
    pub fn read(object: &store::Object) -> Result<Self, FieldError> {
        let document = Value::Object(object.document.clone());
        let item = match object.kind {
            Kind::Key => Item::Key(Box::new(read(&document)?)),
            Kind::Team => Item::Team(Box::new(read(&document)?)),
            Kind::Endpoint => Item::Endpoint(Arc::new(StoredEndpoint::read(&object.document)?)),
        };
        if item.id().id != object.id {
            return Err(FieldError::new("id", "is not the one that the store has"));
        }
        if item.name() != object.name {
            return Err(FieldError::new("name", "is not the one that the store has"));
        }
        Ok(item)
    }

    pub fn kind(&self) -> Kind {
        match self {
            Item::Key(_) => Kind::Key,
            Item::Team(_) => Kind::Team,
            Item::Endpoint(_) => Kind::Endpoint,
        }
    }

    pub fn id(&self) -> ObjectId {
        let id = match self {
            Item::Key(key) => key.id.to_string(),
            Item::Team(team) => team.id.to_string(),
            Item::Endpoint(endpoint) => endpoint.id.to_string(),
        };
        ObjectId::new(self.kind(), id)
    }

    pub fn name(&self) -> &str {
        match self {
            Item::Key(key) => key.name.as_str(),
            Item::Team(team) => team.name.as_str(),
            Item::Endpoint(endpoint) => endpoint.name(),
        }
    }

    /// The document as the store keeps it.
    pub fn document(&self) -> Map<String, Value> {
        let document = match self {
            Item::Key(key) => key.document(),
            Item::Team(team) => team.document(),
            Item::Endpoint(endpoint) => return endpoint.document(),
        };
        match document {
            Value::Object(fields) => fields,
            // A document is always an object; an empty one would be refused when it is read.
            _ => Map::new(),
        }
    }

    /// The document as the API and the audit log show it: without
    /// digests and secrets.
    pub fn shown(&self) -> Value {
        match self {
            Item::Key(key) => key.shown(),
            Item::Team(team) => team.document(),
            Item::Endpoint(endpoint) => endpoint.shown(),
        }
    }

    /// # Errors
    /// The first name in it that nothing has.
    pub fn check_references(&self, known: &impl Known) -> Result<(), FieldError> {
        match self {
            Item::Key(key) => key.check_references(known),
            Item::Team(team) => team.check_references(known),
            // Checked whenever it is joined with the settings.
            Item::Endpoint(_) => Ok(()),
        }
    }

    /// The item after a merge patch.
    ///
    /// # Errors
    /// The first problem of the patch, or of what it would make of the item.
    pub fn patched(
        &self,
        patch: &Value,
        now: Timestamp,
        basis: &Basis<'_>,
    ) -> Result<Self, FieldError> {
        Ok(match self {
            Item::Key(key) => Item::Key(Box::new(key.patched(patch, now)?)),
            Item::Team(team) => Item::Team(Box::new(team.patched(patch)?)),
            Item::Endpoint(endpoint) => Item::Endpoint(Arc::new(endpoint.patched(patch, basis)?)),
        })
    }

    /// The change of keys and teams that adds or replaces it.
    pub fn put(&self) -> Option<directory::Change> {
        match self {
            Item::Key(key) => Some(directory::Change::PutKey(key.clone())),
            Item::Team(team) => Some(directory::Change::PutTeam(team.clone())),
            Item::Endpoint(_) => None,
        }
    }

    /// The change of keys and teams that removes it.
    pub fn removal(&self) -> Option<directory::Change> {
        match self {
            Item::Key(key) => Some(directory::Change::DeleteKey(key.id)),
            Item::Team(team) => Some(directory::Change::DeleteTeam(team.id)),
            Item::Endpoint(_) => None,
        }
    }
}
