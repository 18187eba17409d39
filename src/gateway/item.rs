//! A key or a team: what the admin API changes and the store keeps.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    identity::{
        Known, Object as _, directory,
        document::{FieldError, read},
        key::Key,
        team::Team,
    },
    store::{self, Kind, ObjectId},
};

/// A key or a team.
#[derive(Clone, Debug)]
pub enum Item {
    Key(Box<Key>),
    Team(Box<Team>),
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
        }
    }

    pub fn id(&self) -> ObjectId {
        let id = match self {
            Item::Key(key) => key.id.to_string(),
            Item::Team(team) => team.id.to_string(),
        };
        ObjectId::new(self.kind(), id)
    }

    pub fn name(&self) -> &str {
        match self {
            Item::Key(key) => key.name.as_str(),
            Item::Team(team) => team.name.as_str(),
        }
    }

    /// The document as the store keeps it.
    pub fn document(&self) -> Map<String, Value> {
        let document = match self {
            Item::Key(key) => key.document(),
            Item::Team(team) => team.document(),
        };
        match document {
            Value::Object(fields) => fields,
            // A document is always an object; an empty one would be refused when it is read.
            _ => Map::new(),
        }
    }

    /// The document as the API and the audit log show it: without digests.
    pub fn shown(&self) -> Value {
        match self {
            Item::Key(key) => key.shown(),
            Item::Team(team) => team.document(),
        }
    }

    /// # Errors
    /// The first name in it that nothing has.
    pub fn check_references(&self, known: &impl Known) -> Result<(), FieldError> {
        match self {
            Item::Key(key) => key.check_references(known),
            Item::Team(team) => team.check_references(known),
        }
    }

    /// The item after a merge patch.
    ///
    /// # Errors
    /// The first problem of the patch, or of what it would make of the item.
    pub fn patched(&self, patch: &Value, now: Timestamp) -> Result<Self, FieldError> {
        Ok(match self {
            Item::Key(key) => Item::Key(Box::new(key.patched(patch, now)?)),
            Item::Team(team) => Item::Team(Box::new(team.patched(patch)?)),
        })
    }

    /// The change that adds or replaces it.
    pub fn put(&self) -> directory::Change {
        match self {
            Item::Key(key) => directory::Change::PutKey(key.clone()),
            Item::Team(team) => directory::Change::PutTeam(team.clone()),
        }
    }

    /// The change that removes it.
    pub fn removal(&self) -> directory::Change {
        match self {
            Item::Key(key) => directory::Change::DeleteKey(key.id),
            Item::Team(team) => directory::Change::DeleteTeam(team.id),
        }
    }
}
