//! What the gateway tells about itself: counters for Prometheus, and how logs are made and written.

mod json_lines;
mod log_writer;
pub mod logs;
pub mod metrics;
