//! Which rule set did the operator choose? Names and properties; `rules` applies them.

use std::fmt;
use std::str::FromStr;

/// The rule sets an operator chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// `https` on port 443 to public addresses. Entries are not used.
    Public,
    /// Only listed hosts. A name entry admits public addresses; a network entry admits its own.
    Allowlist,
    /// What `Public` allows, and what entries list, with `http` too unless they say `https://`.
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

/// A preset name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no preset: use `public`, `allowlist`, `self_hosted` or `dev`")]
pub struct UnknownPreset(String);

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Public, Self::Allowlist, Self::SelfHosted, Self::Dev]
            .into_iter()
            .find(|preset| preset.as_str() == name)
            .ok_or_else(|| UnknownPreset(name.to_owned()))
    }
}
