//! What a response used: tokens and other units, read from a copy of its bytes. Providers count
//! differently; here is one normal form.

mod counts;
mod decode;
mod findings;
mod framing;
mod headers;
mod iterations;
mod number;
mod operation;
mod places;
mod pointers;
mod reader;
mod request;
mod scan;
mod sum;
#[cfg(test)]
mod tests;

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::money::{self, Usd};

pub use self::{
    operation::{Operation, operation},
    reader::{Expected, UsageReader},
    request::{RequestFacts, RequestReader, estimated_input, request_facts},
};

/// What one response used. `None` is unknown, which is not zero: an explicit zero is a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    pub source: UsageSource,
    /// All tokens of the request, cached ones included.
    pub input: Option<u64>,
    /// Those of `input` that were read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Those of `input` that were written to the provider's cache, whatever their lifetime.
    pub cache_write: Option<u64>,
    /// Those of `cache_write` that are kept for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// All tokens of the response, those of reasoning included.
    pub output: Option<u64>,
    /// Those of `output` that were spent on reasoning.
    pub reasoning: Option<u64>,
    #[serde(skip_serializing_if = "Units::is_empty")]
    pub units: Units,
    /// What the upstream itself says that the response cost.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "money::computed_option"
    )]
    pub upstream_cost: Option<Usd>,
}

/// What is counted besides text tokens. Tokens of audio and images are part of `input` and
/// `output`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Units {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_audio_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_audio_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_image_tokens: Option<u64>,
    /// Searches of the web, or of a rerank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Of audio or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<u64>,
}

impl Units {
    pub fn is_empty(&self) -> bool {
        *self == Units::default()
    }
}

/// Where the counts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The upstream said them.
    Reported,
    /// At least one of them was estimated, since the response was cut before the report, or has
    /// none.
    Estimated,
    #[default]
    Unknown,
}

/// What was read from one response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub usage: Usage,
    /// The model that the response names.
    pub model: Option<Box<str>>,
    pub response_id: Option<Box<str>>,
    pub finish_reason: Option<Box<str>>,
    /// Such as `priority` or `batch`, which have prices of their own.
    pub service_tier: Option<Box<str>>,
    /// Chunks of a stream that carried output.
    pub chunks: Option<NonZeroU64>,
    /// The tokens of the longest input, where the model was run several times for one request.
    pub longest_input: Option<u64>,
    /// What was wrong with the first count that could not be used.
    pub flaw: Option<UsageFlaw>,
}

/// Why a count could not be used. The transfer itself is not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageFlaw {
    /// Negative, fractional, no number, or larger than anything possible.
    NotACount,
    /// Counts that contradict each other, such as more cached tokens than tokens.
    Contradiction,
    /// The part with the usage is longer or nested deeper than is read.
    TooLarge,
    /// The body is not what its headers announce: broken JSON, or a broken encoding.
    Malformed,
    /// Decoded, the body grows out of proportion.
    Bomb,
    /// The coding is not one that is decoded.
    UnknownCoding,
}
