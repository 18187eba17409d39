//! How is one value in a JSON body found or replaced, with every other byte left as it was sent?
//!
//! `serde_json` parses, and lends values as slices of the body; where a slice lies in the body is where it is replaced. Of
//! duplicate keys all are edited, and the last one is read, as JavaScript and Python read it.

mod edit;
mod find;
mod object;
#[cfg(test)]
mod tests;

pub use edit::{BodyEdit, override_params, strip_model_prefix};
pub use find::{asks_for_stream, find, model};
pub use object::Object;

/// Why a body cannot be edited. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEditable {
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("it is JSON, but no object")]
    NoObject,
}
