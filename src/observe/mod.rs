//! What the gateway tells about itself: counters for Prometheus, and how logs are set up.

pub mod logs;
pub mod metrics;
