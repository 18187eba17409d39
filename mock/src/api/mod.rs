//! The APIs the mock pretends to be, one file each: a call in, an answer out, no I/O.

pub(crate) mod audio;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod echo;
pub(crate) mod embeddings;
pub(crate) mod files;
pub(crate) mod images;
pub(crate) mod lists;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod multipart;
pub(crate) mod own;
pub(crate) mod responses;
