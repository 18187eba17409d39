//! The endpoints of settings and store together, as one table. The settings win: an endpoint of the
//! store that shares a path and a method with theirs is left out.

mod hosts;
mod secrets;
mod stored;
mod texts;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

pub use self::stored::StoredEndpoint;
use super::{
    item::Item,
    objects::{Candidate, LeftOut, Version, parsed},
};
use crate::{
    config::{Settings, check_endpoint},
    endpoint::{Endpoint, Table},
    identity::{EndpointId, document::FieldError},
    store::{Kind, ObjectId, SealKeys},
};

/// With what the store's objects are joined: the settings, and the keys that open secrets.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    pub settings: &'a Settings,
    pub keys: Option<&'a SealKeys>,
}

impl Basis<'_> {
    fn check(&self, endpoint: &Endpoint) -> Result<(), FieldError> {
        check_endpoint(endpoint, self.settings)
    }
}

/// The endpoints in force.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Those of the settings, then those of the store in the order of their ids.
    pub table: Arc<Table>,
    /// The places of those of the settings.
    of_settings: Arc<HashMap<EndpointId, usize>>,
    stored: BTreeMap<EndpointId, InForce>,
}

/// An endpoint of the store that is in force.
#[derive(Clone, Debug)]
pub struct InForce {
    pub item: Arc<StoredEndpoint>,
    pub endpoint: Arc<Endpoint>,
    pub version: Version,
}

impl InForce {
    fn new(
        item: &Arc<StoredEndpoint>,
        version: Version,
        basis: &Basis<'_>,
    ) -> Result<Self, FieldError> {
        Ok(InForce {
            item: item.clone(),
            endpoint: item.resolved(basis)?,
            version,
        })
    }
}

impl Endpoints {
    /// The settings' endpoints alone.
    pub fn of_settings(settings: &Settings) -> Self {
        Endpoints {
            table: settings.endpoints.clone(),
            of_settings: Arc::new(places(settings)),
            stored: BTreeMap::new(),
        }
    }

    /// One of the store that is in force.
    pub fn stored(&self, id: EndpointId) -> Option<&InForce> {
        self.stored.get(&id)
    }

    /// All of the store that are in force, in the order of their ids.
    pub fn all_stored(&self) -> impl Iterator<Item = &InForce> {
        self.stored.values()
    }

    /// One of the settings by its id, and its place among them.
    pub fn in_settings(&self, id: EndpointId) -> Option<(usize, &Endpoint)> {
        let place = *self.of_settings.get(&id)?;
        Some((place, self.table.get(place)?))
    }

    /// The ids of all.
    pub fn ids(&self) -> impl Iterator<Item = EndpointId> {
        let own = self.of_settings.keys();
        own.chain(self.stored.keys()).copied()
    }

    /// The endpoint in force that shares a path and a method with this one, besides the one of
    /// this id.
    pub fn conflict(&self, endpoint: &Endpoint, id: EndpointId) -> Option<Owner<'_>> {
        let mut meeting = self.table.meeting(endpoint);
        meeting.find_map(|place| match place.checked_sub(self.of_settings.len()) {
            None => Some(Owner::Settings(place)),
            Some(place) => {
                let other = self.stored.values().nth(place)?;
                (other.item.id != id).then_some(Owner::Store(&other.item))
            }
        })
    }

    /// The settings' endpoints with these of the store, and those that are left out. Of two that
    /// conflict, the older one stays, on every replica the same. `before`: what was joined with
    /// the same settings, and need not be read again.
    pub fn joined(
        basis: &Basis<'_>,
        candidates: Vec<Candidate>,
        before: Option<&Endpoints>,
    ) -> (Self, Vec<LeftOut>) {
        let mut left_out = Vec::new();
        let mut stored = BTreeMap::new();
        for candidate in candidates {
            let Item::Endpoint(item) = &candidate.item else {
                continue;
            };
            let same = before.and_then(|it| it.stored(item.id));
            let same = same.filter(|it| it.version == candidate.version);
            let read = || InForce::new(item, candidate.version, basis);
            match same.cloned().map_or_else(read, Ok) {
                Ok(in_force) => drop(stored.insert(item.id, in_force)),
                Err(error) => left_out.push(candidate.left_out(error.to_string())),
            }
        }
        let mut table = Table::clone(&basis.settings.endpoints);
        stored.retain(|_, it: &mut InForce| match table.add(it.endpoint.clone()) {
            Ok(()) => true,
            Err(first) => {
                let other = table.get(first).map(Endpoint::name).unwrap_or_default();
                left_out.push(it.left_out(&other));
                false
            }
        });
        let endpoints = Endpoints {
            table: Arc::new(table),
            of_settings: Arc::new(places(basis.settings)),
            stored,
        };
        (endpoints, left_out)
    }

    /// After changes of the store, where nothing conflicts; `None`: they are to be joined anew.
    pub fn changed(
        &self,
        basis: &Basis<'_>,
        changed: &[Candidate],
        deleted: &[ObjectId],
    ) -> Option<Self> {
        let mut stored = self.stored.clone();
        let deleted = deleted.iter().filter(|it| it.kind == Kind::Endpoint);
        for id in deleted {
            stored.remove(&parsed(&id.id)?);
        }
        for Candidate { item, version } in changed {
            if let Item::Endpoint(item) = item {
                stored.insert(item.id, InForce::new(item, *version, basis).ok()?);
            }
        }
        let mut table = Table::clone(&basis.settings.endpoints);
        for it in stored.values() {
            table.add(it.endpoint.clone()).ok()?;
        }
        Some(Endpoints {
            table: Arc::new(table),
            of_settings: self.of_settings.clone(),
            stored,
        })
    }
}

fn places(settings: &Settings) -> HashMap<EndpointId, usize> {
    let own = settings.endpoints.iter().enumerate();
    own.map(|(place, it)| (stored::id_of_settings(it), place))
        .collect()
}

impl InForce {
    fn left_out(&self, other: &str) -> LeftOut {
        let candidate = Candidate {
            item: Item::Endpoint(self.item.clone()),
            version: self.version,
        };
        candidate.left_out(format!(
            "path and method are in use by the endpoint {other}"
        ))
    }
}

/// Who has a path and a method already.
#[derive(Debug)]
pub enum Owner<'e> {
    /// The endpoint at this place in the settings.
    Settings(usize),
    Store(&'e StoredEndpoint),
}
