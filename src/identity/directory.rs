//! The index of all keys and teams, by which a request finds its identity in one look-up. It never
//! changes: a change makes another directory, which shares all that stayed with this one, so that
//! requests may go on with the one they began with.

mod build;
mod conflict;
mod shared;
mod table;
/// A key that is blocked or has expired opens nothing.
fn usable(identity: &Arc<Identity>, now: Timestamp) -> Result<&Arc<Identity>, KeyRefused> {
    match identity.key.expires.filter(|expires| expires.is_past(now)) {
        _ if identity.key.blocked => Err(KeyRefused::Blocked),
        Some(at) => Err(KeyRefused::Expired { at }),
        None => Ok(identity),
    }
}

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;

use self::{build::Builder, table::Table};
pub use self::{conflict::Conflict, table::InUse};
use super::{
    id::{KeyId, TeamId},
    joined::Identity,
    key::Key,
    name::Name,
    team::Team,
    time::Time,
    token::GatewayKey,
};

/// All keys and teams.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    identities: Table<Identity>,
    teams: Table<Team>,
}

/// One change of a directory.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds the key, or replaces the one of the same id.
    PutKey(Box<Key>),
    DeleteKey(KeyId),
    /// Adds the team, or replaces the one of the same id.
    PutTeam(Box<Team>),
    DeleteTeam(TeamId),
}

/// Why a key does not open the gateway. The holder has proved the secret, and may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// Never made here, deleted, or rotated out.
    #[error("the gateway key is unknown: it was never made here, was deleted, or was replaced")]
    Unknown,
    #[error("the gateway key is blocked")]
    Blocked,
    #[error("the gateway key expired at {at}")]
    Expired { at: Time },
}

impl Directory {
    /// Finds whose key it is.
    ///
    /// # Errors
    /// It is unknown, or does not open the gateway at this time.
    pub fn resolve(&self, key: &GatewayKey, now: Timestamp) -> Result<&Arc<Identity>, KeyRefused> {
        let digest = key.digest();
        let found = self.identities.by_digest(&digest);
        let is_live = |it: &&Arc<Identity>| it.key.is_live(&digest, now);
        usable(found.filter(is_live).ok_or(KeyRefused::Unknown)?, now)
    }

    /// The key of this id, as if its holder had sent it.
    ///
    /// # Errors
    /// It is unknown, or does not open the gateway at this time.
    pub fn resolve_id(&self, id: KeyId, now: Timestamp) -> Result<&Arc<Identity>, KeyRefused> {
        usable(self.key(id).ok_or(KeyRefused::Unknown)?, now)
    }

    pub fn key(&self, id: KeyId) -> Option<&Arc<Identity>> {
        self.identities.by_id(id)
    }

    pub fn key_by_name(&self, name: &Name) -> Option<&Arc<Identity>> {
        self.identities.by_name(name)
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<Identity>> {
        self.identities.iter()
    }

    pub fn team(&self, id: TeamId) -> Option<&Arc<Team>> {
        self.teams.by_id(id)
    }

    pub fn team_by_name(&self, name: &Name) -> Option<&Arc<Team>> {
        self.teams.by_name(name)
    }

    /// All teams, in no order.
    pub fn teams(&self) -> impl Iterator<Item = &Arc<Team>> {
        self.teams.iter()
    }

    /// The directory of these keys and teams.
    ///
    /// # Errors
    /// Every conflict between them.
    pub fn new(
        keys: impl IntoIterator<Item = Key>,
        teams: impl IntoIterator<Item = Team>,
    ) -> Result<Self, Vec<Conflict>> {
        let teams = teams.into_iter().map(|it| Change::PutTeam(Box::new(it)));
        let keys = keys.into_iter().map(|it| Change::PutKey(Box::new(it)));
        Self::default().with_changes(teams.chain(keys))
    }

    /// The directory after all of these changes, which stand together or not at all: two keys may
    /// swap their names, and a team may go together with its keys. Each concerns another object.
    ///
    /// # Errors
    /// Every conflict that there would be.
    pub fn with_changes(
        &self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Self, Vec<Conflict>> {
        let mut builder = Builder::new(self.clone());
        changes.into_iter().for_each(|change| builder.take(change));
        builder.finish()
    }
}
