//! The config object as a tree of checked values, before anything is inherited or looked up. Cannot be printed: it holds keys.

use std::time::Duration;

use super::{
    Provider,
    condition::Condition,
    limit::Limit,
    policy::{Auth, BodyEdit, BreakerPolicy, HeaderEdit, Hedge, Retry, StatusCodes, TimeoutsAsked},
};
use crate::secret::Secret;

/// One object of a config: a target, or a group of them if it has `targets`.
#[derive(Default)]
pub struct Entry {
    pub name: Option<Box<str>>,
    /// Share among the targets of a loadbalance; zero is never chosen. None: 1.
    pub weight: Option<f64>,
    pub strategy: Option<Strategy>,
    /// Empty: the entry is a target itself.
    pub targets: Vec<Entry>,
    pub provider: Option<Provider>,
    /// As written; not parsed as a URL yet.
    pub custom_host: Option<Box<str>>,
    pub api_key: Option<Secret>,
    pub auth: Option<Auth>,
    /// Lines to set, or (`None`) to take out.
    pub headers: Vec<HeaderEdit>,
    pub forward_authorization: Option<bool>,
    /// Top-level keys of the body, each with the JSON text of its value.
    pub override_params: Vec<BodyEdit>,
    pub retry: Option<Retry>,
    pub request_timeout: Option<Duration>,
    pub timeouts: Option<TimeoutsAsked>,
    /// A stream without its last event is broken off.
    pub strict_end: Option<bool>,
    pub hedge: Option<Hedge>,
    pub cache: Option<CacheAsked>,
    pub rate_limit: Option<Limit>,
}

/// `strategy` of a group.
pub struct Strategy {
    pub mode: Mode,
    pub breaker: Option<BreakerPolicy>,
}

/// How a group uses its targets.
pub enum Mode {
    /// The first, and no other.
    Single,
    /// In order, until one does not fail. `on`: move on for these statuses only; none: for any from 400.
    Fallback { on: Option<StatusCodes> },
    /// One, by weight.
    LoadBalance { sticky: Option<Sticky> },
    /// The first condition that holds names it; `then` and `default` are places in `targets`.
    Conditional {
        conditions: Vec<(Condition, usize)>,
        default: Option<usize>,
    },
}

/// `strategy.sticky`: requests alike in these fields go to the same target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    pub hash_fields: Vec<super::condition::Field>,
    /// After so long the choice is drawn anew. None: it holds while targets and weights stay.
    pub ttl: Option<Duration>,
}

/// `cache`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheAsked {
    /// `false`: no cache, whatever is said around.
    Off,
    On {
        max_age: Option<Duration>,
        namespace: Option<Box<str>>,
    },
}
