//! Who calls, and what may they do? The text of gateway keys ([`token`]) and the places where it
//! may stand in a request ([`places`]); the documents of keys and teams ([`key`], [`team`]); what
//! they may use ([`allow`]); and the index by which a request finds its [`Identity`]
//! ([`directory`]). Pure: no clock, no dice, no I/O. Which HTTP status a refusal gets is decided
//! elsewhere.

pub mod allow;
mod base62;
mod budgets;
mod change;
pub mod directory;
pub mod document;
mod id;
mod joined;
pub mod key;
pub mod limits;
pub mod merge_patch;
mod metadata;
mod name;
pub mod places;
mod references;
#[cfg(test)]
mod samples;
pub mod team;
pub mod text;
mod time;
pub mod token;

pub use self::{
    budgets::Budgets,
    change::Object,
    id::{EndpointId, KeyId, TeamId},
    joined::Identity,
    limits::{Limits, OwnLimit},
    metadata::{Metadata, TrustedNames},
    name::{ConfigName, Name, TeamRef},
    references::Known,
    time::Time,
};
