//! What the gateway reports about itself: counters for Prometheus, and how logs are written.

mod clock;
pub mod escape;
mod json_events;
mod json_line;
#[cfg(test)]
mod kept;
mod log_writer;
pub mod logs;
pub mod metrics;
mod outcome;
mod text_events;
mod text_style;
