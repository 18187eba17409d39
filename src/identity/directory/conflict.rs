//! Why keys and teams cannot stand together in one directory.

use std::fmt;

use super::table::InUse;
use crate::identity::{
    id::{KeyId, TeamId},
    name::{Name, TeamRef},
};

/// One conflict. The ids are those of the object that came later and of the one it conflicts with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error("the key {name} ({key}) has {what} that is in use by the key {other}")]
    Key {
        key: KeyId,
        name: Name,
        what: InUse,
        other: KeyId,
    },
    #[error("the team {name} ({team}) has {what} that is in use by the team {other}")]
    Team {
        team: TeamId,
        name: Name,
        what: InUse,
        other: TeamId,
    },
    /// Also the conflict of a team that goes or is renamed while keys name it.
    #[error("the key {name} ({key}) is in the team {team}, which does not exist")]
    UnknownTeam {
        key: KeyId,
        name: Name,
        team: TeamRef,
    },
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InUse::Id => "an id",
            InUse::Name => "a name",
            InUse::Digest => "a digest",
        })
    }
}
