//! What may a request use? Estimated before it is sent, by its length, by the most tokens that it
//! allows, and by what responses of its kind usually have.

use std::borrow::Cow;

use actix_http::{
    Method,
    header::{self, HeaderValue},
};
use bytes::Bytes;
use serde_json::Value;

use super::{
    buffer_body,
    models::{in_path, in_query},
};
use crate::{
    error::GatewayError,
    http::{encoding::is_encoded, media_type::is_upload},
    money::Usd,
    proxy::{
        admit::Admitted,
        plan::{Plan, Target},
        sender::Sender,
    },
    spend::Learner,
    upstream::BodyLength,
    usage::{RequestFacts, request_facts},
};

/// How far the body is looked at.
const LOOK: u64 = 64 * 1024;
/// The bytes of one token, on the short side.
const BYTES_PER_TOKEN: u64 = 3;
/// A longer body is no text that a model reads. Nobody's request holds more of a budget back.
const LONGEST_TEXT: u64 = 32 << 20;
/// No upstream makes more responses to one request.
const MOST_CHOICES: u64 = 128;
/// The response's tokens while nothing is known of them.
const UNKNOWN_OUTPUT: u64 = 4096;
/// Ends of paths whose responses have no tokens of their own.
const NO_OUTPUT: [&str; 8] = [
    "/embeddings",
    "/embed",
    "/rerank",
    "/moderations",
    "/count_tokens",
    ":embedContent",
    ":batchEmbedContents",
    ":countTokens",
];

/// What a request may use.
pub struct Estimate {
    pub input: u64,
    /// The model that the request names.
    pub model: Option<Box<str>>,
    /// The most tokens that the request allows of each response.
    most: Option<u64>,
    /// How many responses the request wants.
    choices: u64,
    learner: Learner,
    has_output: bool,
    /// It only reads: nothing is generated for it.
    reads: bool,
}

/// What a request may cost at one target or several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Price {
    pub whole: Usd,
    /// The request's own part.
    pub input: Usd,
    /// There is no price at one of the targets.
    pub is_unknown: bool,
}

impl Estimate {
    /// # Errors
    /// What goes wrong with the body.
    pub async fn of(admitted: &Admitted<'_>, sender: &impl Sender) -> Result<Self, GatewayError> {
        let method = &admitted.head.method;
        let is_tunnel = admitted.length == BodyLength::Tunnel;
        let reads = !is_tunnel
            && matches!(
                *method,
                Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE
            );
        let said = match reads || !has_text(admitted) {
            true => RequestFacts::default(),
            false => said(admitted, sender).await?,
        };
        let choices = choices(&said);
        let model = said.model.or_else(|| named_in_url(admitted));
        let key = admitted.holder().map(|holder| holder.key.id);
        let learner = Learner::new(key.as_ref().map(|id| id.as_bytes()), model.as_deref());
        let path = admitted.routed.path;
        let has_output = !reads && !NO_OUTPUT.iter().any(|it| path.ends_with(it));
        Ok(Estimate {
            input: if reads { 0 } else { input(admitted) },
            model,
            most: said.max_tokens,
            choices,
            learner,
            has_output,
            reads,
        })
    }

    /// By what later requests are estimated. The length of several responses together says nothing
    /// of one, and not every upstream makes as many as it is asked for.
    pub fn learner(&self, plan: &Plan) -> Option<Learner> {
        let mut targets = plan.targets.iter().filter_map(set_by);
        let is_single = self.choices == 1 && targets.all(|set| choices(&set) == 1);
        is_single.then_some(self.learner)
    }

    /// All its tokens, at the target where they are most.
    pub fn tokens<'t>(
        &self,
        admitted: &Admitted<'_>,
        targets: impl Iterator<Item = &'t Target>,
    ) -> u64 {
        let outputs = targets.map(|target| self.output(admitted, target));
        self.input.saturating_add(outputs.max().unwrap_or(0))
    }

    /// The response's tokens at a target, which may allow more of them than the caller.
    fn output(&self, admitted: &Admitted<'_>, target: &Target) -> u64 {
        if !self.has_output {
            return 0;
        }
        let set = set_by(target).unwrap_or_default();
        let choices = self.choices.max(choices(&set));
        let spend = &admitted.gateway.process.budgets.spend;
        let usual = spend.usual_output(self.learner, target.base.origin());
        let likely = usual.unwrap_or(UNKNOWN_OUTPUT);
        let most = self.most.max(set.max_tokens);
        let each = most.map_or(likely, |most| most.min(likely));
        each.saturating_mul(choices)
    }

    /// What it may cost at the dearest of these targets.
    pub fn price<'t>(
        &self,
        admitted: &Admitted<'_>,
        targets: impl Iterator<Item = &'t Target>,
    ) -> Price {
        let endpoint = admitted.routed.endpoint();
        if let Some(cost) = endpoint.and_then(|endpoint| endpoint.cost_per_request) {
            return Price {
                whole: cost,
                input: cost,
                is_unknown: false,
            };
        }
        if self.reads {
            return Price::default();
        }
        targets.fold(Price::default(), |dearest, target| {
            self.dearer(admitted, dearest, target)
        })
    }

    fn dearer(&self, admitted: &Admitted<'_>, dearest: Price, target: &Target) -> Price {
        let prices = &admitted.gateway.estimates;
        let model = target.model_change().of(self.model.as_deref());
        let (origin, model) = (target.base.origin(), model.as_deref());
        let output = self.output(admitted, target);
        match prices.estimate(origin, model, self.input, output) {
            None => Price {
                is_unknown: true,
                ..dearest
            },
            Some(cost) => Price {
                whole: dearest.whole.max(cost.whole),
                input: dearest.input.max(cost.input),
                ..dearest
            },
        }
    }
}

/// What a target sets in the body, in place of what the caller says there.
fn set_by(target: &Target) -> Option<RequestFacts> {
    if target.override_params.is_empty() {
        return None;
    }
    let members = target.override_params.iter();
    let members = members.map(|(name, json)| format!("{}:{json}", Value::from(&**name)));
    let body = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    Some(request_facts("/", b"", body.as_bytes(), true))
}

/// How many responses a body asks for.
fn choices(said: &RequestFacts) -> u64 {
    said.choices.unwrap_or(1).clamp(1, MOST_CHOICES)
}

/// The tokens of the body, as far as its length is known.
fn input(admitted: &Admitted<'_>) -> u64 {
    if is_upload(admitted.head.headers()) {
        return 0;
    }
    let bytes = match admitted.length {
        BodyLength::Exact(length) => length,
        BodyLength::Chunked => admitted.body.borrow().bytes_read(),
        BodyLength::Tunnel | BodyLength::None => 0,
    };
    bytes.min(LONGEST_TEXT).div_ceil(BYTES_PER_TOKEN)
}

/// The body may be JSON that can be read.
fn has_text(admitted: &Admitted<'_>) -> bool {
    let headers = admitted.head.headers();
    admitted.length.is_editable() && !is_encoded(headers) && !is_upload(headers)
}

/// What the beginning of the body says.
async fn said(admitted: &Admitted<'_>, sender: &impl Sender) -> Result<RequestFacts, GatewayError> {
    buffer_body::read_beginning(sender, &admitted.body, LOOK).await?;
    let body = admitted.body.borrow();
    // It was read for the record.
    if let Some(facts) = body.facts() {
        return Ok(facts);
    }
    let segments = body.beginning();
    let text = match segments {
        [whole] => Cow::Borrowed(&**whole),
        segments => Cow::Owned(beginning(segments)),
    };
    let length = text.len().min(LOOK as usize);
    let is_whole = body.is_complete() && text.len() == length;
    let start = text.get(..length).unwrap_or_default();
    let head = admitted.head;
    let path = head.uri.path_and_query().map_or("", |it| it.as_str());
    let kind = head.headers().get(header::CONTENT_TYPE);
    let kind = kind.map(HeaderValue::as_bytes).unwrap_or_default();
    Ok(request_facts(path, kind, start, is_whole))
}

fn beginning(segments: &[Bytes]) -> Vec<u8> {
    let mut text = Vec::new();
    for segment in segments {
        let room = (LOOK as usize + 1).saturating_sub(text.len());
        text.extend_from_slice(segment.get(..room.min(segment.len())).unwrap_or_default());
    }
    text
}

fn named_in_url(admitted: &Admitted<'_>) -> Option<Box<str>> {
    let in_path = in_path(admitted.routed.path, true);
    let query = admitted.routed.query;
    let mut in_query = query.into_iter().flat_map(in_query);
    let named = in_path.into_iter().next().or_else(|| in_query.next());
    named.map(String::into_boxed_str)
}
