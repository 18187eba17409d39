//! The config object as a tree of validated values, before inheritance and lookups. Has no `Debug`:
//! it contains keys.

use std::{sync::Arc, time::Duration};

use super::{
    Provider,
    condition::Condition,
    limit::Limit,
    policy::{Auth, BodyEdit, BreakerPolicy, HeaderEdit, Hedge, Retry, StatusCodes, TimeoutsAsked},
};
use crate::{credential::Credential, secret::Secret};

/// One object of a config: a target, or a group if it has `targets`.
#[derive(Default)]
pub struct Entry {
    pub name: Option<Box<str>>,
    /// Weight in a load balance; zero is never chosen. `None` means 1.
    pub weight: Option<f64>,
    pub strategy: Option<Strategy>,
    /// Empty if the entry is a target itself.
    pub targets: Vec<Entry>,
    pub provider: Option<Provider>,
    /// As written; not yet parsed as a URL.
    pub custom_host: Option<Box<str>>,
    pub api_key: Option<Secret>,
    pub auth: Option<Auth>,
    /// Given in the settings only, and never beside `api_key` or `auth`.
    pub credential: Option<Arc<Credential>>,
    /// Headers to set, or to remove (`None`).
    pub headers: Vec<HeaderEdit>,
    pub forward_authorization: Option<bool>,
    /// Top-level keys of the body, each with the JSON text of its new value.
    pub override_params: Vec<BodyEdit>,
    pub retry: Option<Retry>,
    pub request_timeout: Option<Duration>,
    pub timeouts: Option<TimeoutsAsked>,
    /// Abort a stream that ends without its final event.
    pub strict_end: Option<bool>,
    pub hedge: Option<Hedge>,
    pub cache: Option<CacheAsked>,
    pub rate_limit: Option<Limit>,
}

impl Entry {
    /// The operator gave a credential with it.
    pub fn has_credential(&self) -> bool {
        self.api_key.is_some() || self.auth.is_some() || self.credential.is_some()
    }

    /// Every target names its provider or its host.
    pub fn names_every_target(&self) -> bool {
        fn named(entry: &Entry, inherited: bool) -> bool {
            let hosted = inherited || entry.custom_host.is_some();
            match entry.targets.is_empty() {
                true => hosted || entry.provider.is_some(),
                false => entry.targets.iter().all(|target| named(target, hosted)),
            }
        }
        named(self, false)
    }
}

/// `strategy` of a group.
pub struct Strategy {
    pub mode: Mode,
    pub breaker: Option<BreakerPolicy>,
}

/// How a group uses its targets.
pub enum Mode {
    /// The first target only.
    Single,
    /// In order, until one succeeds. `on`: statuses that count as failures; `None`: all from 400.
    Fallback { on: Option<StatusCodes> },
    /// One target, by weight.
    LoadBalance { sticky: Option<Sticky> },
    /// The target of the first condition that holds; `then` and `default` are indices into
    /// `targets`.
    Conditional {
        conditions: Vec<(Condition, usize)>,
        default: Option<usize>,
    },
}

/// `strategy.sticky`: requests that agree in these fields go to the same target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    pub hash_fields: Vec<super::condition::Field>,
    /// After this time the choice is made anew. `None`: it holds while targets and weights stay the
    /// same.
    pub ttl: Option<Duration>,
}

/// A parsed `cache` value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheAsked {
    /// `false`: no cache, even if an outer object enables it.
    Off,
    On {
        max_age: Option<Duration>,
        namespace: Option<Box<str>>,
    },
}
