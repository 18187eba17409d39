//! What did the operator set? Reads file, environment and flags into checked [`Settings`].
//! The order: `document` (YAML with places) → `expand` (variables) → `tree` → `file` (keys and
//! values) → `layers` (environment, flags) → `defaults` (and rules)
//! → `settings`.

mod address;
mod defaults;
mod document;
mod error;
mod expand;
mod file;
mod in_vain;
mod layers;
mod measure;
mod name;
mod objects;
mod reference;
mod settings;
mod show;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod word;

pub use address::BaseText;
pub use document::Position;
pub use error::{ConfigError, Place};
pub use layers::{Environment, Flags, VARIABLES};
pub use objects::Objects;
pub use reference::{SETTINGS, Setting, page};
pub use settings::{
    Cors, CredentialNames, Dns, Downstream, Drain, Guard, Log, Memory, Settings, Timeouts, Tls,
    Upstream, UpstreamTls,
};
pub use value::{Kind, Listen, Workers, from_flag};
pub use word::{AccessLog, GuardPreset, LogFormat};
