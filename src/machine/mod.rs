//! What the machine provides to the process: memory and file descriptors.

pub mod descriptors;
pub mod memory;
