//! What the store holds: objects with a name and a JSON document, how they are changed, and the
//! audit rows that tell of it. What a document means is decided by those who use the store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The kind of an object. Names are unique within a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Key,
    Team,
    Endpoint,
}

impl Kind {
    /// Every kind, for tables of routes and tests.
    pub const ALL: [Kind; 3] = [Kind::Key, Kind::Team, Kind::Endpoint];

    /// The name in the database, in errors and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Key => "key",
            Kind::Team => "team",
            Kind::Endpoint => "endpoint",
        }
    }

    /// The kind with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One object as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub kind: Kind,
    pub id: String,
    pub name: String,
    pub document: Map<String, Value>,
    /// The store's counter at the object's last change: its entity tag.
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which object: its kind and id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    pub kind: Kind,
    pub id: String,
}

impl ObjectId {
    pub fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
        }
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.id)
    }
}

/// A change of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Adds an object whose id and name are not in use.
    Create {
        object: ObjectId,
        name: String,
        document: Map<String, Value>,
    },
    /// Replaces name and document.
    Update {
        object: ObjectId,
        name: String,
        document: Map<String, Value>,
        /// The revision that the object must still have; `None` accepts any.
        expected: Option<u64>,
    },
    Delete {
        object: ObjectId,
        /// The revision that the object must still have; `None` accepts any.
        expected: Option<u64>,
    },
}

impl Change {
    pub fn object(&self) -> &ObjectId {
        match self {
            Change::Create { object, .. }
            | Change::Update { object, .. }
            | Change::Delete { object, .. } => object,
        }
    }

    /// The document that the object gets.
    pub fn document(&self) -> Option<&Map<String, Value>> {
        match self {
            Change::Create { document, .. } | Change::Update { document, .. } => Some(document),
            Change::Delete { .. } => None,
        }
    }
}

/// A change and the audit row that is written with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub change: Change,
    pub audit: AuditEntry,
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    pub revision: u64,
    /// The object as it is stored now; `None` after a deletion.
    pub object: Option<Object>,
}

/// The whole store at one revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    pub objects: Vec<Object>,
    pub revision: u64,
}

/// What happened since a revision.
#[derive(Clone, Debug, PartialEq)]
pub enum Changes {
    /// Objects as they are now, in the order of their last change, and the deleted ones.
    Since {
        changed: Vec<Object>,
        deleted: Vec<ObjectId>,
        revision: u64,
    },
    /// Not everything since the revision is known, so the store is to be loaded again: it is older
    /// because a backup was restored, or the deletions since are no longer remembered.
    LoadAgain,
}

/// Who changed what. Values must hold no secrets; sealed ones are replaced by a fixed word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditEntry {
    /// Who: a key's id, `admin_token`, or the user of the command line.
    pub actor: String,
    /// By which way: `api`, `cli` or `file`.
    pub source: String,
    /// What was done, as in `create` or `rotate`.
    pub action: String,
    /// The kind of what was changed, which need not be an object of the store.
    pub kind: String,
    pub id: String,
    pub name: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// An audit entry as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// Counts the rows; also the cursor of a page.
    pub sequence: u64,
    pub at: Timestamp,
    /// The store's revision after the change.
    pub revision: u64,
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// A page of the audit log, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    pub rows: Vec<AuditRow>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<u64>,
}
