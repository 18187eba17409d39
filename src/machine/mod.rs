//! What does this machine give the process: how much memory, how many descriptors?

pub mod descriptors;
pub mod memory;
