//! Who may be dialled? Everything between a base URL as written and the one type that can be
//! dialled, `VettedTarget`: `BaseUrl::parse` → `Policy::judge_host` → (resolve) →
//! `Policy::judge_addresses`. Pure: no clock, no I/O; resolving and dialling happen elsewhere.

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

pub use addresses::{AddressClass, carried, classify};
pub use allow::{AllowEntry, AllowEntryError};
pub use base_url::{BaseUrl, BaseUrlError, MAX_BASE_URL_BYTES};
pub use denied::Denied;
pub use dot_segments::has_dot_segment;
pub use host::{Host, Scheme};
pub use preset::Preset;
pub use rules::{MAX_ADDRESSES, NamedBy, Policy};
pub use target::{HostPass, VettedTarget};
