//! The APIs the mock pretends to be, one file each: a call in, an answer out, no I/O.

pub(super) mod audio;
pub(super) mod chat;
pub(super) mod completions;
pub(super) mod echo;
pub(super) mod embeddings;
pub(super) mod files;
pub(super) mod images;
pub(super) mod lists;
pub(super) mod messages;
pub(super) mod models;
pub(super) mod multipart;
pub(super) mod own;
pub(super) mod responses;
