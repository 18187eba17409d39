//! What does a request say of model and length, by which it is estimated? Stands in for
//! `usage::request_facts`, which has this signature and knows every dialect.

use std::borrow::Cow;

use serde::Deserialize;

/// What a request says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    pub model: Option<Box<str>>,
    /// The most tokens that a response may have.
    pub max_tokens: Option<u64>,
    /// How many responses it wants.
    pub choices: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'b> {
    #[serde(borrow)]
    model: Option<Cow<'b, str>>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    n: Option<u64>,
}

/// Reads what a body says, if all of it is there.
pub fn request_facts(_path: &str, _type: &[u8], body: &[u8], is_whole: bool) -> RequestFacts {
    let whole = is_whole.then(|| serde_json::from_slice::<Body<'_>>(body).ok());
    let body = whole.flatten().unwrap_or_default();
    let most = [
        body.max_tokens,
        body.max_completion_tokens,
        body.max_output_tokens,
    ];
    RequestFacts {
        model: body.model.map(|model| (&*model).into()),
        max_tokens: most.into_iter().flatten().max(),
        choices: body.n,
    }
}
