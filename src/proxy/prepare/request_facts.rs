//! What does a request say of model and length, by which it is estimated? To be replaced by
//! `usage::request_facts`, which knows every dialect.

use std::borrow::Cow;

use serde::Deserialize;

/// What the beginning of a body says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RequestFacts<'b> {
    #[serde(borrow)]
    pub model: Option<Cow<'b, str>>,
    pub max_tokens: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    pub max_output_tokens: Option<u64>,
}

impl RequestFacts<'_> {
    /// The most tokens that the response may have.
    pub fn most_output(&self) -> Option<u64> {
        let given = [
            self.max_tokens,
            self.max_completion_tokens,
            self.max_output_tokens,
        ];
        given.into_iter().flatten().max()
    }
}

/// Reads what a body says, if all of it is there.
pub fn request_facts(body: &[u8], is_whole: bool) -> RequestFacts<'_> {
    let whole = is_whole.then(|| serde_json::from_slice(body).ok());
    whole.flatten().unwrap_or_default()
}
