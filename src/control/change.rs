//! One change that the admin API asks for: checked against everything, made durable with its audit
//! row, and put in force.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{
    owner::Owner,
    read::{Found, object},
    refused::{conflict, field, unusable},
};
use crate::{
    config::Places,
    error::{Code, GatewayError},
    gateway::{Actor, Basis, EndpointOwner, Gateway, Item, LeftOut, StoredEndpoint, Version},
    identity::{
        EndpointId, KeyId, TeamId, directory,
        key::{Issued, Key},
        team::Team,
        token::GatewayKey,
    },
    store::{self, AuditEntry, Edit, Kind, ObjectId, StoreError},
};

/// How often a change is tried that another replica's change precedes.
const TRIES: usize = 4;

/// A change, and who asks for it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub actor: Actor,
    pub kind: Kind,
    pub action: Action,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Action {
    Create {
        document: Value,
    },
    Patch {
        id: String,
        patch: Value,
        expected: Expected,
    },
    /// Gives a key another secret; the present one lives for `grace`.
    Rotate {
        id: String,
        grace: Duration,
        expected: Expected,
    },
    Delete {
        id: String,
        expected: Expected,
    },
}

/// The revisions that the object may have; `None`: any.
pub type Expected = Option<Vec<u64>>;

/// What became of a change.
pub struct Changed {
    /// The object as it is now; `None`: it was deleted.
    pub item: Option<Item>,
    pub version: Version,
    /// The secret of a new or a rotated key.
    pub secret: Option<GatewayKey>,
}

/// An object as the store has it.
struct Stored {
    /// The error: its document cannot be read.
    item: Result<Item, LeftOut>,
    version: Version,
}

/// A change as it was decided.
struct Decided {
    name: &'static str,
    before: Option<Stored>,
    after: Option<Item>,
    secret: Option<GatewayKey>,
}

impl Owner {
    pub async fn change(&mut self, asked: Asked) -> Result<Changed, GatewayError> {
        let store = self.writable()?;
        for _ in 1..TRIES {
            let decided = self.decide(&asked)?;
            match store.apply(decided.edit(&asked)).await {
                Ok(applied) => return self.made(decided, applied).await,
                // Another replica was first; who gave no revision wants the change in any case.
                Err(StoreError::RevisionConflict { .. }) if !asked.action.expects() => {
                    self.refresh().await?;
                }
                Err(error) => return Err(unusable(&error)),
            }
        }
        let message = "the object is being changed by others again and again";
        Err(GatewayError::new(Code::Conflict, message))
    }

    /// What is to be written, after all checks that need no store.
    fn decide(&self, asked: &Asked) -> Result<Decided, GatewayError> {
        let gateway = self.gateway();
        let decided = match &asked.action {
            Action::Create { document } => created(asked.kind, document, &self.basis())?,
            Action::Patch {
                id,
                patch,
                expected,
            } => {
                let before = self.found(&gateway, asked.kind, id, expected)?;
                let after = readable(&before)?.patched(patch, Timestamp::now(), &self.basis());
                let after = after.map_err(|error| field(&error))?;
                Decided::update("update", before, after, None)
            }
            Action::Rotate {
                id,
                grace,
                expected,
            } => rotated(self.found(&gateway, asked.kind, id, expected)?, *grace)?,
            Action::Delete { id, expected } => Decided {
                name: "delete",
                before: Some(self.found(&gateway, asked.kind, id, expected)?),
                after: None,
                secret: None,
            },
        };
        self.check(&gateway, &decided)?;
        Ok(decided)
    }

    fn check(&self, gateway: &Gateway, decided: &Decided) -> Result<(), GatewayError> {
        if let Some(after) = &decided.after {
            let checked = after.check_references(&self.known());
            checked.map_err(|error| field(&error))?;
        }
        if let Some(Item::Endpoint(endpoint)) = &decided.after {
            self.check_endpoint(gateway, endpoint)?;
        }
        let tried = gateway
            .access
            .directory()
            .with_changes([decided.change(gateway)].into_iter().flatten());
        let (ObjectId { id, .. }, _) = decided.object();
        tried.map(drop).map_err(|found| conflict(&found, &id))
    }

    /// Checks what an endpoint is joined with besides the settings.
    fn check_endpoint(
        &self,
        gateway: &Gateway,
        stored: &StoredEndpoint,
    ) -> Result<(), GatewayError> {
        let endpoint = stored.resolved(&self.basis());
        let endpoint = endpoint.map_err(|error| field(&error))?;
        let checked = endpoint.check_reachable(&gateway.policy);
        checked.map_err(|error| field(&error))?;
        let other = match gateway.endpoints.conflict(&endpoint, stored.id) {
            None => return Ok(()),
            Some(EndpointOwner::Store(other)) => format!("{} ({})", other.name(), other.id),
            Some(EndpointOwner::Settings(place)) => {
                let at = self.settings.places.entry("endpoints", &place.to_string());
                let at = at.map_or(String::new(), |at| format!(" at {at}"));
                format!("endpoints[{place}] of the settings file{at}")
            }
        };
        let message = format!("path and method are in use by {other}: give them other `methods`");
        Err(GatewayError::about(Code::Conflict, "path", message))
    }

    /// The object of the store, if it has one of the expected revisions.
    fn found(
        &self,
        gateway: &Gateway,
        kind: Kind,
        id: &str,
        expected: &Expected,
    ) -> Result<Stored, GatewayError> {
        let found = object(gateway, kind, id)?;
        let (version, item) = match found {
            Found::OfFile(item) => return Err(of_the_file(&item, gateway, &self.settings.places)),
            Found::OfStore { item, version, .. } => (version, Ok(item)),
            Found::Unreadable(left_out) => (left_out.version, Err(left_out)),
        };
        match expected {
            Some(expected) if !expected.contains(&version.revision) => {
                let message = format!(
                    "the object was changed since: its ETag is \"{}\" now",
                    version.revision
                );
                Err(GatewayError::new(Code::PreconditionFailed, message))
            }
            Some(_) | None => Ok(Stored { item, version }),
        }
    }

    /// Puts a change in force that is durable.
    async fn made(
        &mut self,
        decided: Decided,
        applied: store::Applied,
    ) -> Result<Changed, GatewayError> {
        if applied.revision != self.revision + 1 {
            // Others changed something before; should it be unreadable now, it follows later.
            let _ = self.follow().await;
        }
        if self.revision < applied.revision {
            let deleted: Vec<ObjectId> = match applied.object {
                Some(_) => Vec::new(),
                None => vec![decided.object().0],
            };
            self.take(applied.object.as_slice(), &deleted);
            if applied.revision == self.revision + 1 {
                self.revision = applied.revision;
            }
        }
        let updated_at = applied.object.as_ref().map(|it| it.updated_at);
        Ok(Changed {
            version: Version {
                revision: applied.revision,
                updated_at: updated_at.unwrap_or_else(Timestamp::now),
            },
            item: decided.after,
            secret: decided.secret,
        })
    }
}

impl Action {
    /// The caller says which revision the object must have.
    fn expects(&self) -> bool {
        match self {
            Action::Create { .. } => false,
            Action::Patch { expected, .. }
            | Action::Rotate { expected, .. }
            | Action::Delete { expected, .. } => expected.is_some(),
        }
    }
}

impl Stored {
    /// For the audit log. A document that cannot be read may hold anything, so it is left out.
    fn shown(&self) -> Option<Value> {
        self.item.as_ref().ok().map(Item::shown)
    }
}

impl Decided {
    fn update(name: &'static str, before: Stored, after: Item, secret: Option<GatewayKey>) -> Self {
        Decided {
            name,
            before: Some(before),
            after: Some(after),
            secret,
        }
    }

    /// Id and name of the object.
    fn object(&self) -> (ObjectId, &str) {
        match (&self.after, self.before.as_ref().map(|it| &it.item)) {
            (Some(item), _) | (None, Some(Ok(item))) => (item.id(), item.name()),
            (None, Some(Err(left_out))) => (left_out.id.clone(), &left_out.name),
            (None, None) => (ObjectId::new(Kind::Key, ""), ""),
        }
    }

    /// The change of the directory. What is not in force cannot be removed from it.
    fn change(&self, gateway: &Gateway) -> Option<directory::Change> {
        if let Some(after) = &self.after {
            return after.put();
        }
        let item = self.before.as_ref()?.item.as_ref().ok()?;
        let stored = match item {
            Item::Key(key) => gateway.stored.key(key.id),
            Item::Team(team) => gateway.stored.team(team.id),
            Item::Endpoint(_) => None,
        };
        stored.and_then(|_| item.removal())
    }

    fn edit(&self, asked: &Asked) -> Edit {
        let (object, name) = self.object();
        let expected = self.before.as_ref().map(|it| it.version.revision);
        let change = match &self.after {
            None => store::Change::Delete {
                object: object.clone(),
                expected,
            },
            Some(item) if self.before.is_none() => store::Change::Create {
                object: object.clone(),
                name: item.name().to_owned(),
                document: item.document(),
            },
            Some(item) => store::Change::Update {
                object: object.clone(),
                name: item.name().to_owned(),
                document: item.document(),
                expected,
            },
        };
        let audit = AuditEntry {
            actor: asked.actor.name.clone(),
            source: asked.actor.source.to_owned(),
            action: self.name.to_owned(),
            kind: asked.kind.name().to_owned(),
            id: object.id,
            name: name.to_owned(),
            before: self.before.as_ref().and_then(Stored::shown),
            after: self.after.as_ref().map(Item::shown),
        };
        Edit { change, audit }
    }
}

fn created(kind: Kind, document: &Value, basis: &Basis<'_>) -> Result<Decided, GatewayError> {
    let (now, uuid) = (Timestamp::now(), Uuid::now_v7());
    let (item, secret) = match kind {
        Kind::Key => {
            let secret = GatewayKey::generate(&mut rand::rng());
            let issued = Issued {
                id: KeyId::new(uuid),
                secret: &secret,
                now,
            };
            let key = Key::create(document, issued).map_err(|error| field(&error))?;
            (Item::Key(Box::new(key)), Some(secret))
        }
        Kind::Team => {
            let team = Team::create(document, TeamId::new(uuid), now);
            let team = team.map_err(|error| field(&error))?;
            (Item::Team(Box::new(team)), None)
        }
        Kind::Endpoint => {
            let endpoint = StoredEndpoint::create(document, EndpointId::new(uuid), now, basis);
            let endpoint = endpoint.map_err(|error| field(&error))?;
            (Item::Endpoint(Arc::new(endpoint)), None)
        }
    };
    Ok(Decided {
        name: "create",
        before: None,
        after: Some(item),
        secret,
    })
}

fn rotated(before: Stored, grace: Duration) -> Result<Decided, GatewayError> {
    let Item::Key(key) = readable(&before)? else {
        return Err(GatewayError::new(
            Code::UnknownRoute,
            "only a key has a secret that is rotated",
        ));
    };
    let now = Timestamp::now();
    let secret = GatewayKey::generate(&mut rand::rng());
    let ends = now.saturating_add(grace).unwrap_or(Timestamp::MAX);
    let after = key.rotated(&secret, ends, now);
    let after = Item::Key(Box::new(after.map_err(|error| field(&error))?));
    Ok(Decided::update("rotate", before, after, Some(secret)))
}

/// The item that is to be changed.
fn readable(before: &Stored) -> Result<&Item, GatewayError> {
    before.item.as_ref().map_err(|left_out| {
        let message = format!("{}: it can only be deleted", left_out.reason);
        GatewayError::new(Code::Conflict, message)
    })
}

fn of_the_file(item: &Item, gateway: &Gateway, places: &Places) -> GatewayError {
    let (section, entry) = match item {
        Item::Key(key) => ("keys", key.name.to_string()),
        Item::Team(team) => ("teams", team.name.to_string()),
        Item::Endpoint(endpoint) => {
            let found = gateway.endpoints.in_settings(endpoint.id);
            let place = found.map(|(place, _)| place.to_string());
            ("endpoints", place.unwrap_or_default())
        }
    };
    let place = places.entry(section, &entry);
    let place = place.map_or(String::new(), |place| format!(" at {place}"));
    let entry = match item {
        Item::Key(_) | Item::Team(_) => format!(".{entry}"),
        Item::Endpoint(_) => format!("[{entry}]"),
    };
    let message =
        format!("it is one of the settings file, under {section}{entry}{place}: change it there");
    GatewayError::new(Code::Conflict, message)
}
