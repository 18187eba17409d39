//! The keys, teams and endpoints of settings and store together: which are in force, and where each
//! comes from. The settings win: an object of the store that conflicts with them is left out.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    endpoints::{Basis, Endpoints},
    item::Item,
};
use crate::{
    config::Settings,
    identity::{
        KeyId, TeamId,
        directory::{Change, Conflict, Directory},
    },
    store::{self, Kind, ObjectId},
};

/// Keys, teams and endpoints, as one snapshot has them.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    pub directory: Arc<Directory>,
    pub endpoints: Arc<Endpoints>,
    pub stored: Arc<Stored>,
}

/// What is known of the store's objects besides their documents.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    keys: HashMap<KeyId, Version>,
    teams: HashMap<TeamId, Version>,
    /// They are in the store and not in force.
    pub left_out: Vec<LeftOut>,
}

/// Which state of an object of the store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub revision: u64,
    pub updated_at: Timestamp,
}

/// An object of the store that is in force, or is to be.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub item: Item,
    pub version: Version,
}

/// An object of the store that cannot be in force.
#[derive(Clone, Debug)]
pub struct LeftOut {
    pub id: ObjectId,
    pub name: String,
    pub version: Version,
    /// `None`: its document cannot be read.
    pub item: Option<Item>,
    pub reason: String,
}

impl Candidate {
    /// An object as the store has it.
    ///
    /// # Errors
    /// Its document cannot be read.
    pub fn read(object: &store::Object) -> Result<Self, LeftOut> {
        let version = Version {
            revision: object.revision,
            updated_at: object.updated_at,
        };
        match Item::read(object) {
            Ok(item) => Ok(Candidate { item, version }),
            Err(error) => Err(LeftOut {
                id: ObjectId::new(object.kind, object.id.clone()),
                name: object.name.clone(),
                version,
                item: None,
                reason: format!("its document cannot be read: {error}"),
            }),
        }
    }

    pub(super) fn left_out(self, reason: String) -> LeftOut {
        LeftOut {
            id: self.item.id(),
            name: self.item.name().to_owned(),
            version: self.version,
            item: Some(self.item),
            reason,
        }
    }
}

impl Stored {
    /// The version of a key of the store that is in force; `None`: it is of the settings.
    pub fn key(&self, id: KeyId) -> Option<Version> {
        self.keys.get(&id).copied()
    }

    /// The version of a team of the store that is in force; `None`: it is of the settings.
    pub fn team(&self, id: TeamId) -> Option<Version> {
        self.teams.get(&id).copied()
    }

    /// A key of the store is in force.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    fn put(&mut self, candidate: &Candidate) {
        match &candidate.item {
            Item::Key(key) => drop(self.keys.insert(key.id, candidate.version)),
            Item::Team(team) => drop(self.teams.insert(team.id, candidate.version)),
            // `Endpoints` has their versions.
            Item::Endpoint(_) => {}
        }
    }
}

impl Objects {
    /// The settings' objects alone.
    pub fn of_settings(settings: &Settings) -> Self {
        Objects {
            directory: Arc::new(settings.directory.0.clone()),
            endpoints: Arc::new(Endpoints::of_settings(settings)),
            stored: Arc::default(),
        }
    }

    /// The objects of the settings with those of the store; `unreadable` are left out already.
    pub fn joined(basis: &Basis<'_>, candidates: Vec<Candidate>, unreadable: Vec<LeftOut>) -> Self {
        Self::joined_after(basis, candidates, unreadable, None)
    }

    /// `before`: endpoints that were joined with the same settings.
    fn joined_after(
        basis: &Basis<'_>,
        mut candidates: Vec<Candidate>,
        unreadable: Vec<LeftOut>,
        before: Option<&Endpoints>,
    ) -> Self {
        let mut left_out = unreadable;
        let endpoints = candidates.extract_if(.., |it| it.item.kind() == Kind::Endpoint);
        let (endpoints, refused) = Endpoints::joined(basis, endpoints.collect(), before);
        left_out.extend(refused);
        let settings = &basis.settings.directory.0;
        let directory = directory(settings, &mut candidates, &mut left_out);
        let mut stored = Stored {
            left_out,
            ..Stored::default()
        };
        candidates.iter().for_each(|it| stored.put(it));
        Objects {
            directory: Arc::new(directory),
            endpoints: Arc::new(endpoints),
            stored: Arc::new(stored),
        }
    }

    /// The store's objects, to be joined with other settings.
    pub fn of_store(&self) -> (Vec<Candidate>, Vec<LeftOut>) {
        let key_of = |id| self.stored.key(id);
        let keys = self.directory.keys().filter_map(|it| {
            let item = Item::Key(Box::new(it.key.as_ref().clone()));
            let version = key_of(it.key.id)?;
            Some(Candidate { item, version })
        });
        let teams = self.directory.teams().filter_map(|it| {
            let version = self.stored.team(it.id)?;
            let item = Item::Team(Box::new(it.as_ref().clone()));
            Some(Candidate { item, version })
        });
        let endpoints = self.endpoints.all_stored().map(|it| Candidate {
            item: Item::Endpoint(it.item.clone()),
            version: it.version,
        });
        let mut candidates: Vec<_> = keys.chain(teams).chain(endpoints).collect();
        let mut unreadable = Vec::new();
        for left_out in &self.stored.left_out {
            match &left_out.item {
                Some(item) => candidates.push(Candidate {
                    item: item.clone(),
                    version: left_out.version,
                }),
                None => unreadable.push(left_out.clone()),
            }
        }
        (candidates, unreadable)
    }

    /// After changes of the store, where nothing conflicts; `None`: they are to be joined anew.
    pub fn changed(
        &self,
        basis: &Basis<'_>,
        changed: &[Candidate],
        deleted: &[ObjectId],
    ) -> Option<Self> {
        if !self.stored.left_out.is_empty() {
            return None;
        }
        let mut stored = Stored::clone(&self.stored);
        let removals = deleted.iter().filter_map(|it| stored.remove(it));
        let mut changes: Vec<_> = removals.collect();
        for candidate in changed {
            if self.is_of_settings(&candidate.item) {
                return None;
            }
            stored.put(candidate);
            changes.extend(candidate.item.put());
        }
        let is_endpoint = |it: &Candidate| it.item.kind() == Kind::Endpoint;
        let has_endpoints =
            changed.iter().any(is_endpoint) || deleted.iter().any(|it| it.kind == Kind::Endpoint);
        let endpoints = match has_endpoints {
            true => Arc::new(self.endpoints.changed(basis, changed, deleted)?),
            false => self.endpoints.clone(),
        };
        let directory = match changes.is_empty() {
            true => self.directory.clone(),
            false => Arc::new(self.directory.with_changes(changes).ok()?),
        };
        Some(Objects {
            directory,
            endpoints,
            stored: Arc::new(stored),
        })
    }

    fn is_of_settings(&self, item: &Item) -> bool {
        match item {
            Item::Key(key) => {
                self.directory.key(key.id).is_some() && self.stored.key(key.id).is_none()
            }
            Item::Team(team) => {
                self.directory.team(team.id).is_some() && self.stored.team(team.id).is_none()
            }
            Item::Endpoint(endpoint) => self.endpoints.in_settings(endpoint.id).is_some(),
        }
    }

    /// After changes of the store, whatever conflicts there are.
    pub fn joined_anew(
        &self,
        basis: &Basis<'_>,
        changed: Vec<Candidate>,
        unreadable: Vec<LeftOut>,
        deleted: &[ObjectId],
    ) -> Self {
        let (mut candidates, mut left_out) = self.of_store();
        let mut gone: HashSet<ObjectId> = deleted.iter().cloned().collect();
        gone.extend(changed.iter().map(|it| it.item.id()));
        gone.extend(unreadable.iter().map(|it| it.id.clone()));
        candidates.retain(|it| !gone.contains(&it.item.id()));
        left_out.retain(|it| !gone.contains(&it.id));
        candidates.extend(changed);
        left_out.extend(unreadable);
        Self::joined_after(basis, candidates, left_out, Some(&self.endpoints))
    }
}

impl Stored {
    /// Forgets an object, and says which change takes it out of the directory.
    fn remove(&mut self, object: &ObjectId) -> Option<Change> {
        match object.kind {
            Kind::Key => {
                let id = parsed(&object.id)?;
                self.keys.remove(&id).map(|_| Change::DeleteKey(id))
            }
            Kind::Team => {
                let id = parsed(&object.id)?;
                self.teams.remove(&id).map(|_| Change::DeleteTeam(id))
            }
            Kind::Endpoint => None,
        }
    }
}

/// The directory of the settings with these keys and teams. What conflicts with it goes from
/// `candidates` to `left_out`.
fn directory(
    settings: &Directory,
    candidates: &mut Vec<Candidate>,
    left_out: &mut Vec<LeftOut>,
) -> Directory {
    let has_id = |it: &Candidate| match &it.item {
        Item::Key(key) => settings.key(key.id).is_some(),
        Item::Team(team) => settings.team(team.id).is_some(),
        Item::Endpoint(_) => false,
    };
    let of_settings = candidates.extract_if(.., |it| has_id(it));
    let reason = || "the settings have an object of this id".to_owned();
    left_out.extend(of_settings.map(|it| it.left_out(reason())));
    loop {
        let changes = candidates.iter().filter_map(|it| it.item.put());
        let conflicts = match settings.with_changes(changes) {
            Ok(directory) => return directory,
            Err(conflicts) => conflicts,
        };
        let before = candidates.len();
        let refused = reasons(&conflicts);
        let removed = candidates.extract_if(.., |it| refused.contains_key(&it.item.id()));
        left_out.extend(removed.map(|it| {
            let reason = refused.get(&it.item.id()).cloned();
            it.left_out(reason.unwrap_or_default())
        }));
        if candidates.len() == before {
            // No conflict names an object of the store, which the directory does not do.
            let rest = candidates.drain(..);
            left_out.extend(rest.map(|it| it.left_out("it has a conflict".to_owned())));
        }
    }
}

/// An id from its text.
pub fn parsed<T: DeserializeOwned>(id: &str) -> Option<T> {
    serde_json::from_value(Value::from(id)).ok()
}

/// The refused objects, each with its first conflict.
fn reasons(conflicts: &[Conflict]) -> HashMap<ObjectId, String> {
    let mut reasons = HashMap::new();
    for conflict in conflicts {
        let id = match conflict {
            Conflict::Key { key, .. } | Conflict::UnknownTeam { key, .. } => {
                ObjectId::new(Kind::Key, key.to_string())
            }
            Conflict::Team { team, .. } => ObjectId::new(Kind::Team, team.to_string()),
        };
        reasons.entry(id).or_insert_with(|| conflict.to_string());
    }
    reasons
}

#[cfg(test)]
mod tests;
