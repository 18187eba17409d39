//! What does this machine give the process: how much memory?

pub mod memory;
