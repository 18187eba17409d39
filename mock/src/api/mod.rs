//! The APIs that the mock imitates, one file each: from a call to a response, without I/O.

pub(crate) mod admin;
pub(crate) mod audio;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod echo;
pub(crate) mod embeddings;
pub(crate) mod files;
pub(crate) mod images;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod moderations;
mod multipart;
pub(crate) mod rerank;
pub(crate) mod responses;
