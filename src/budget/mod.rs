//! What may be spent, and in which time: the definition of a budget (`read`), its calendar windows
//! (`window`), and the name under which a budget is counted (`scoped`). Nothing is counted here.

mod read;
mod scoped;
mod window;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    read::signed_usd,
    scoped::{BudgetId, Scoped},
    window::{Calendar, Period, Span, Window},
};
use crate::money::Usd;

/// How much may be spent in each window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What people call it; unique among the budgets of one owner that are alike.
    pub name: Option<Box<str>>,
    pub limit: Amount,
    pub window: Window,
    /// From this share on, responses carry a warning.
    pub soft: Option<Share>,
    pub by: By,
    pub only: Match,
    pub on_unknown_usage: OnUnknownUsage,
}

/// An amount of what is counted: billionths of a dollar, or tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    pub unit: Unit,
    pub count: u64,
}

impl Amount {
    /// The most that can be counted: Redis' scripts know whole numbers up to 2^53.
    pub const MOST: u64 = 1_000_000_000_000_000;
    /// The most that is added up, whatever upstreams say that they cost: below 2^53, too.
    pub const MOST_IN_ALL: u64 = 9 * Self::MOST;

    /// As people read it: `4.98 USD`, `1200 tokens`.
    pub fn shown(unit: Unit, count: u64) -> String {
        match unit {
            Unit::Usd => format!("{} USD", Usd::from_nano(count)),
            Unit::Tokens => format!("{count} tokens"),
        }
    }
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    Usd,
    Tokens,
}

impl Unit {
    /// The field of a budget that has its limit.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Usd => "usd",
            Unit::Tokens => "tokens",
        }
    }
}

/// A share of a budget, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    pub fn of(part: u64, whole: u64) -> Self {
        let thousandths = u128::from(part) * 1000 / u128::from(whole.max(1));
        Share(u16::try_from(thousandths).unwrap_or(u16::MAX))
    }

    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// By what a budget is counted separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// All requests together.
    #[default]
    Nothing,
    /// The gateway key; the caller where there is none.
    Key,
    /// The key's team; the key where there is none.
    Team,
    /// The endpoint's path; other requests are not counted.
    Endpoint,
    /// The upstream's scheme, host and port.
    Origin,
    /// A value of the request's metadata that is trusted.
    Metadata(Box<str>),
}

impl By {
    const EXPECTED: &str = "must be key, team, endpoint, origin, none, or metadata.NAME with a \
                            name of at most 128 bytes";
    const LONGEST_NAME: usize = 128;

    fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(By::Nothing),
            "key" => Some(By::Key),
            "team" => Some(By::Team),
            "endpoint" => Some(By::Endpoint),
            "origin" => Some(By::Origin),
            _ => {
                let name = text.strip_prefix("metadata.")?;
                let fits = (1..=Self::LONGEST_NAME).contains(&name.len());
                fits.then(|| By::Metadata(name.into()))
            }
        }
    }

    /// As it is written.
    pub fn name(&self) -> String {
        match self {
            By::Nothing => "none".to_owned(),
            By::Key => "key".to_owned(),
            By::Team => "team".to_owned(),
            By::Endpoint => "endpoint".to_owned(),
            By::Origin => "origin".to_owned(),
            By::Metadata(name) => format!("metadata.{name}"),
        }
    }
}

/// Which requests a budget is for: those of which all of this holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Name or id of the gateway key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<str>>,
    /// Name or id of the key's team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Box<str>>,
    /// The path of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Box<str>>,
    /// The upstream's scheme, host and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<str>>,
    /// Values of the request's metadata that are trusted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Match {
    pub fn is_everything(&self) -> bool {
        *self == Match::default()
    }
}

/// What is done with a request of which it is not known what it uses or costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknownUsage {
    /// The estimate counts, or nothing where there is none.
    #[default]
    Estimate,
    /// A request without an estimate is refused.
    Deny,
    /// Nothing counts.
    Allow,
}
