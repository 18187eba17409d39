//! What usage costs: in billionths of a dollar, with the prices it was computed from.

pub mod built_in;
mod decimal;
mod file;
mod genai;
mod import;
mod litellm;
mod memo;
mod origin;
mod overrides;
mod sheet;
mod shown;
mod table;
mod unit;

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::{
    file::{PriceFile, Unusable},
    import::{Imported, import},
    origin::plain,
    overrides::Override,
    sheet::{Period, Price, PriceSet, Rate, Sheet, Variant},
    table::{Found, Prices, Sold},
    unit::Unit,
};
use crate::money::{self, Usd};

/// What requests may cost, by which budgets reserve before anything is sent.
pub trait PriceOf: Send + Sync {
    /// What so many tokens may cost now at an origin, without cached input and service tier.
    /// `None`: there is no price. Without a model, the dearest one of the origin counts.
    fn estimate(
        &self,
        origin: &str,
        model: Option<&str>,
        input_tokens: u64,
        output_tokens: u64,
    ) -> Option<Estimated>;
}

/// What a request may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimated {
    pub whole: Usd,
    /// Without the response's tokens.
    pub input: Usd,
}

/// What one request cost, and how that was computed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Cost {
    #[serde(deserialize_with = "money::computed")]
    pub usd: Usd,
    pub source: PriceSource,
    /// The date of the price table, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub table_date: Option<Arc<str>>,
    /// The prices that the sum is made of.
    #[serde(skip_serializing_if = "<[_]>::is_empty", default)]
    pub parts: Box<[CostPart]>,
}

/// One summand of a cost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CostPart {
    /// Such as `input` or `output`: a field of the usage.
    pub what: Cow<'static, str>,
    pub count: u64,
    /// The price of a million, or of one where `per_one` is set.
    #[serde(deserialize_with = "money::computed")]
    pub price: Usd,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub per_one: bool,
}

/// Where a price comes from, the first that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// The upstream said what the response cost.
    Upstream,
    /// `cost_per_request` of an endpoint.
    PerRequest,
    /// `prices.overrides` of the settings.
    Settings,
    /// The file of `prices.file`.
    File,
    /// The table in the program.
    BuiltIn,
    /// A stored response was sent: no upstream was asked.
    Cache,
}

impl PriceSource {
    /// Its name, as in records.
    pub fn name(self) -> &'static str {
        match self {
            PriceSource::Upstream => "upstream",
            PriceSource::PerRequest => "per_request",
            PriceSource::Settings => "settings",
            PriceSource::File => "file",
            PriceSource::BuiltIn => "built_in",
            PriceSource::Cache => "cache",
        }
    }
}
