//! Settings of what requests cost, and of what is counted and reported of them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use smart_default::SmartDefault;

use crate::config::enums::KeyLabel;
use crate::config::kind::Kind as _;
use crate::config::prices::Overrides;
use crate::config::units::Count;
use crate::price::Override;

/// What models cost; see [prices](prices.md).
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSettings {
    /// A table of prices: a file of genai-prices, or LiteLLM's
    /// `model_prices_and_context_window.json`.
    ///
    /// It wins over the table in the program. It is read with the settings and whenever it changes;
    /// one that cannot be used is an error at the start, and later changes nothing.
    #[schemars(title = "path", example = &"/etc/throughway/prices.json")]
    pub file: Option<PathBuf>,
    /// Prices of your own, in dollars: by `model`, in which `*` stands for any characters, and
    /// `origin` if they are for one host only.
    ///
    /// The first that fits gives the whole price and wins over every table. Records of the past
    /// keep the cost that they have.
    #[serde(with = "Overrides")]
    #[schemars(
        with = "Vec<Map<String, Json>>",
        title = "list of prices",
        example = json!([{ "model": "my-llama-*", "input": 0.1, "output": 0.4 }])
    )]
    pub overrides: Vec<Override>,
}

/// What `/gateway/metrics` counts besides what it always does.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricSettings {
    /// Whether requests, tokens and cost are also counted by gateway key and by team: `key`, `team`.
    ///
    /// Each key or team then has series of its own, under its name.
    #[schemars(title = "list of `key` and `team`", example = ["team"])]
    pub labels: Vec<KeyLabel>,
    /// Most series of each metric by key and team.
    ///
    /// What is beyond is counted together, as `other`.
    #[default(1000)]
    #[serde(with = "Count::<100_000>")]
    #[schemars(example = 5000)]
    pub max_series: usize,
}
