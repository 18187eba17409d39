//! Which rule set did the operator choose? Names and properties; `rules` applies them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rule sets an operator chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// `https` on port 443 to public addresses. Entries are not used.
    Public,
    /// Only listed hosts. A name entry admits public addresses; a network entry admits its own.
    Allowlist,
    /// What `public` allows, and what entries list, with `http` too unless they say `https://`.
    SelfHosted,
    /// Everything but the never-list. For a gateway that listens on loopback only.
    Dev,
}

impl Preset {
    /// The default for how the gateway listens.
    pub fn default_for(listens_on_loopback_only: bool) -> Self {
        match listens_on_loopback_only {
            true => Self::Dev,
            false => Self::Public,
        }
    }

    /// True if the preset is only safe while nobody else can reach the gateway.
    pub fn needs_loopback_listener(self) -> bool {
        self == Self::Dev
    }

    /// True if `guard.allow` has an effect under this preset.
    pub fn uses_entries(self) -> bool {
        match self {
            Self::Allowlist | Self::SelfHosted => true,
            Self::Public | Self::Dev => false,
        }
    }

    /// As in the settings.
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
