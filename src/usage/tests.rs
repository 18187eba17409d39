//! Readings of whole responses: those of `fixtures/usage`, in any pieces and codings, and lies.

mod any_bytes;
mod any_split;
mod fixtures;
mod frames;
mod lies;
mod sample;
