//! What did the operator set? Reads file, environment and flags into checked [`Settings`]. The
//! struct tree is in `settings`; `load` has the steps, and `reference` prints the documentation.

mod address;
mod at_start;
mod de;
mod document;
mod endpoints;
mod enums;
mod error;
mod expand;
mod fault;
mod header_secrets;
mod identities;
mod in_vain;
mod key_files;
mod kind;
mod layers;
mod load;
mod name;
mod object_rules;
mod objects;
mod places;
mod prices;
mod provider_keys;
mod reference;
mod rules;
mod secrets;
mod settings;
mod show;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
mod units;

pub use document::{Key, Node, Position, SyntaxError, Value};
pub use endpoints::check_endpoint;
pub use enums::{AccessLog, Auth, KeyLabel, LogFormat, ObjectStoreKind, RecordStore};
pub use error::{ConfigError, Place};
pub use header_secrets::HeaderSecrets;
pub use layers::{Environment, Flags};
pub use objects::Objects;
pub use places::Places;
pub use reference::{page, schema_page};
pub use secrets::Secrets;
pub use settings::{
    Cors, CredentialNames, Dns, Downstream, Drain, Guard, Identities, Log, Memory, MetricSettings,
    Otlp, PriceSettings, Settings, Telemetry, Timeouts, Tls, Upstream, UpstreamTls,
};
pub use source::SettingsSource;
pub use units::duration;
