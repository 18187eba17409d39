//! How is one value in a JSON body found or replaced, with every other byte left as it was sent?
//!
//! `serde_json` parses, and lends values as slices of the body; where a slice lies in the body is
//! where it is replaced. Of duplicate keys all are edited, and the last one is read, as JavaScript
//! and Python read it. All of it takes time in proportion to the body, and memory for what is asked
//! for alone; for large bodies that is still too long for a worker's thread.

mod edit;
mod entries;
mod find;
mod object;
#[cfg(test)]
mod tests;

pub use edit::{ROOM_FOR_COPIES, override_params, strip_model_prefix};
pub use entries::{each_entry, each_item};
pub use find::{Paths, Said, compact, said};
pub use object::Object;

/// Why a body cannot be edited. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEditable {
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("it is JSON, but no object")]
    NoObject,
    #[error("it has a key to be set so often that it would become too large")]
    TooLarge,
}
