//! Lets equal parts of many keys share their memory: most keys of an organisation have one of a few
//! `allow` objects, configs and teams.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use crate::identity::{allow::Allow, key::KeyDocument, metadata::TrustedNames, name::TeamRef};

/// The parts seen so far.
#[derive(Default)]
pub(super) struct SharedParts {
    texts: HashSet<Arc<str>>,
    allows: HashSet<Arc<Allow>>,
    trusted: HashSet<Arc<TrustedNames>>,
}

impl SharedParts {
    /// Replaces parts of a key by equal ones seen before.
    pub fn share(&mut self, key: &mut KeyDocument) {
        if let Some(TeamRef::Name(name)) = &mut key.team {
            share(&mut self.texts, &mut name.0);
        }
        if let Some(name) = &mut key.default_config {
            share(&mut self.texts, &mut name.0);
        }
        if let Some(allow) = &mut key.allow {
            share(&mut self.allows, allow);
        }
        if let Some(metadata) = &mut key.metadata {
            share(&mut self.texts, &mut metadata.0);
        }
        if let Some(names) = &mut key.trust_metadata {
            share(&mut self.trusted, names);
        }
    }
}

fn share<T: Hash + Eq + ?Sized>(seen: &mut HashSet<Arc<T>>, part: &mut Arc<T>) {
    match seen.get(part) {
        Some(same) => part.clone_from(same),
        None => drop(seen.insert(part.clone())),
    }
}
