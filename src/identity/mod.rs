//! Who calls, and what may they do? The text of gateway keys ([`token`]) and the places where it
//! may stand in a request ([`places`]); the documents of keys and teams ([`key`], [`team`]); what
//! they may use ([`allow`]); and the index by which a request finds its [`Identity`]
//! ([`directory`]). Pure: no clock, no dice, no I/O. Which HTTP status a refusal gets is decided
//! elsewhere.

mod base62;
mod change;
pub mod document;
mod id;
mod limits;
mod merge_patch;
mod metadata;
mod name;
mod text;
mod time;
pub mod token;

pub use self::{
    change::Object,
    id::{KeyId, TeamId},
    limits::{Limits, OwnLimit},
    metadata::{Metadata, TrustedNames},
    name::{ConfigName, Name, TeamRef},
    time::Time,
};
