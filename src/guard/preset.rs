//! The rule sets an operator can choose. This file has their names and properties; `rules` applies
//! them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rule sets an operator can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// `https` on port 443 to public addresses. `guard.allow` is not used.
    Public,
    /// Only hosts in `guard.allow`. A name entry permits public addresses, a network entry its own.
    Allowlist,
    /// What `public` permits, and what entries list, also over `http` unless they say `https://`.
    SelfHosted,
    /// Everything except addresses that are never allowed. For a gateway that listens on loopback
    /// only.
    Dev,
}

impl Preset {
    /// The default, which depends on where the gateway listens.
    pub fn default_for(listens_on_loopback_only: bool) -> Self {
        match listens_on_loopback_only {
            true => Self::Dev,
            false => Self::Public,
        }
    }

    /// Whether the preset is only safe while nobody else can reach the gateway.
    pub fn needs_loopback_listener(self) -> bool {
        self == Self::Dev
    }

    /// Whether `guard.allow` has an effect under this preset.
    pub fn uses_entries(self) -> bool {
        match self {
            Self::Allowlist | Self::SelfHosted => true,
            Self::Public | Self::Dev => false,
        }
    }

    /// The name in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Allowlist => "allowlist",
            Self::SelfHosted => "self_hosted",
            Self::Dev => "dev",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
