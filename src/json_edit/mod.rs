//! Finds and replaces values in a JSON body while every other byte stays as it was sent.
//!
//! `serde_json` parses and lends values as slices of the body, and the position of a slice tells
//! where to replace it. Of duplicate keys all are edited, and the last is read, as JavaScript and
//! Python do. Time is linear in the length of the body, and memory is needed only for the values
//! asked for. For large bodies even that takes too long for a worker thread.

mod edit;
mod entries;
mod find;
#[cfg(test)]
mod tests;

pub use edit::{ROOM_FOR_COPIES, override_params, strip_model_prefix};
pub use entries::{each_entry, each_item};
pub use find::{Paths, Said, compact, said};

/// Why a body cannot be edited. Never contains any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEditable {
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("it is JSON, but not an object")]
    NoObject,
    #[error("it repeats a key to be set so often that it would become too large")]
    TooLarge,
}
