//! The SSRF guard: decides which hosts and addresses may be dialled. A base URL passes
//! `BaseUrl::parse`, `Policy::judge_host`, resolution, and `Policy::judge_addresses`; the result is
//! a `VettedTarget`, the only type that can be dialled. Pure: no clock, no I/O; resolving and
//! dialling happen elsewhere.

mod addresses;
mod allow;
mod base_url;
mod denied;
mod dot_segments;
mod host;
mod preset;
mod rules;
mod target;

#[cfg(test)]
mod tests;

pub use allow::AllowEntry;
pub use base_url::{BaseUrl, BaseUrlError};
pub use denied::Denied;
pub use dot_segments::has_dot_segment;
pub use host::Host;
pub use preset::Preset;
pub use rules::Policy;
pub use target::{HostPass, NamedBy, VettedTarget};
