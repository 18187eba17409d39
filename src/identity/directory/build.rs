//! Makes a directory from another one and a batch of changes.

use std::sync::Arc;

use super::{
    Change, Conflict, Directory,
    shared::SharedParts,
    table::{Entry, InUse, Table},
};
use crate::identity::{
    id::{KeyId, TeamId},
    joined::Identity,
    key::Key,
    name::{Name, TeamRef},
    team::Team,
    token::Digest,
};

/// A directory in the making.
#[derive(Default)]
pub(super) struct Builder {
    directory: Directory,
    shared: SharedParts,
    keys: Vec<Arc<Key>>,
    teams: Vec<Arc<Team>>,
    /// A team was changed, added or removed.
    teams_changed: bool,
    conflicts: Vec<Conflict>,
}

impl Builder {
    pub fn new(directory: Directory) -> Self {
        Builder {
            directory,
            ..Self::default()
        }
    }

    /// Takes out what a change replaces or deletes. What it adds waits until all that goes is gone,
    /// so that what one change frees, another may use.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::PutKey(mut key) => {
                self.directory.identities.remove(key.id);
                key.share(|document| self.shared.share(document));
                self.keys.push(Arc::from(key));
            }
            Change::DeleteKey(id) => self.directory.identities.remove(id),
            Change::PutTeam(team) => {
                self.remove_team(team.id);
                self.teams.push(Arc::from(team));
            }
            Change::DeleteTeam(id) => self.remove_team(id),
        }
    }

    pub fn finish(mut self) -> Result<Directory, Vec<Conflict>> {
        for team in std::mem::take(&mut self.teams) {
            self.add_team(team);
        }
        if self.teams_changed {
            self.join_anew();
        }
        for key in std::mem::take(&mut self.keys) {
            self.add_key(key);
        }
        match self.conflicts.is_empty() {
            true => Ok(self.directory),
            false => Err(self.conflicts),
        }
    }

    fn remove_team(&mut self, id: TeamId) {
        self.directory.teams.remove(id);
        self.teams_changed = true;
    }

    fn add_team(&mut self, team: Arc<Team>) {
        let conflicts = self.directory.teams.in_use(&team);
        if conflicts.is_empty() {
            return self.directory.teams.insert(team);
        }
        let conflict = |(what, other): (InUse, &Arc<Team>)| Conflict::Team {
            team: team.id,
            name: team.name.clone(),
            what,
            other: other.id,
        };
        self.conflicts.extend(conflicts.into_iter().map(conflict));
    }

    /// Joins the keys that stay with the teams as they are now.
    fn join_anew(&mut self) {
        let Directory { identities, teams } = &mut self.directory;
        let conflicts = &mut self.conflicts;
        identities.update(|identity| {
            let named = identity.key.team.as_ref()?;
            let Some(team) = find_team(teams, named) else {
                conflicts.push(unknown_team(&identity.key, named));
                return None;
            };
            let is_same = identity
                .team
                .as_ref()
                .is_some_and(|it| Arc::ptr_eq(it, team));
            (!is_same).then(|| {
                let key = identity.key.clone();
                let team = Some(team.clone());
                Arc::new(Identity::new(key, team))
            })
        });
    }

    fn add_key(&mut self, key: Arc<Key>) {
        let named = key.team.as_ref();
        let team = named.and_then(|named| find_team(&self.directory.teams, named));
        if let (Some(named), None) = (named, team) {
            self.conflicts.push(unknown_team(&key, named));
        }
        let team = team.cloned();
        self.add_identity(Identity::new(key, team));
    }

    fn add_identity(&mut self, identity: Identity) {
        let conflicts = self.directory.identities.in_use(&identity);
        if conflicts.is_empty() {
            return self.directory.identities.insert(Arc::new(identity));
        }
        let key = &identity.key;
        let conflict = |(what, other): (InUse, &Arc<Identity>)| Conflict::Key {
            key: key.id,
            name: key.name.clone(),
            what,
            other: other.key.id,
        };
        self.conflicts.extend(conflicts.into_iter().map(conflict));
    }
}

fn find_team<'t>(teams: &'t Table<Team>, named: &TeamRef) -> Option<&'t Arc<Team>> {
    match named {
        TeamRef::Id(id) => teams.by_id(*id),
        TeamRef::Name(name) => teams.by_name(name),
    }
}

fn unknown_team(key: &Key, named: &TeamRef) -> Conflict {
    Conflict::UnknownTeam {
        key: key.id,
        name: key.name.clone(),
        team: named.clone(),
    }
}

impl Entry for Identity {
    type Id = KeyId;

    fn id(&self) -> KeyId {
        self.key.id
    }

    fn name(&self) -> &Name {
        &self.key.name
    }

    fn digests(&self) -> impl Iterator<Item = &Digest> {
        let previous = self.key.previous_digests.iter();
        std::iter::once(&self.key.digest).chain(previous.map(|it| &it.digest))
    }
}

impl Entry for Team {
    type Id = TeamId;

    fn id(&self) -> TeamId {
        self.id
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn digests(&self) -> impl Iterator<Item = &Digest> {
        std::iter::empty()
    }
}
