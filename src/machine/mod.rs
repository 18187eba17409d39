//! What the machine provides to the process: memory, file descriptors and the time.

pub mod clock;
pub mod descriptors;
pub mod memory;
