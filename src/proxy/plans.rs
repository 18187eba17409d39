//! A worker's memory of plans: requests alike in what they say of targets share one. Bound to one policy and one set of
//! settings: others need other `Plans`, or old verdicts would live on.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use foldhash::quality::RandomState;

use super::plan::{self, Chosen, Known, Makers, Plan, Prefix};
use crate::{
    directives::{Directives, Provider},
    egress::Policy,
    error::GatewayError,
};

/// Plans kept at most, and bytes of the texts they were made from; callers must not grow memory.
const MOST_KEPT: usize = 1024;
const MOST_BYTES: usize = 4 << 20;

/// Makes plans and keeps them.
pub struct Plans {
    known: Arc<Known>,
    policy: Arc<Policy>,
    kept: RefCell<Kept>,
}

/// By everything a plan is made of. A custom host alone is its own key; other keys begin with a byte that no host has.
#[derive(Default)]
struct Kept {
    plans: HashMap<Box<str>, Rc<Plan>, RandomState>,
    bytes: usize,
}

/// What was found.
pub enum Found {
    Plan(Rc<Plan>),
    /// The body's `model` has to be read first.
    AsksModel,
}

impl Plans {
    pub fn new(known: Arc<Known>, policy: Arc<Policy>) -> Self {
        Plans {
            known,
            policy,
            kept: RefCell::default(),
        }
    }

    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The plan for what these headers, and the prefix of the body's `model`, say.
    ///
    /// # Errors
    /// See [`plan::choose`]. Refusals are not kept.
    pub fn find(&self, directives: &Directives, prefix: Prefix<'_>) -> Result<Found, GatewayError> {
        let composite;
        let key = match only_host(directives) {
            Some(host) => host,
            None => {
                composite = key(directives, prefix);
                &composite
            }
        };
        if let Some(plan) = self.kept.borrow().plans.get(key) {
            return Ok(Found::Plan(plan.clone()));
        }
        let makers = Makers {
            known: &self.known,
            policy: &self.policy,
        };
        match plan::choose(directives, prefix, makers)? {
            Chosen::AsksModel => Ok(Found::AsksModel),
            Chosen::Plan(plan) => {
                let plan = Rc::new(Plan {
                    text: key.into(),
                    ..plan
                });
                self.kept.borrow_mut().put(key, plan.clone());
                Ok(Found::Plan(plan))
            }
        }
    }
}

impl Kept {
    fn put(&mut self, key: &str, plan: Rc<Plan>) {
        if self.plans.len() >= MOST_KEPT || self.bytes + key.len() > MOST_BYTES {
            *self = Kept::default();
        }
        self.bytes += key.len();
        self.plans.insert(key.into(), plan);
    }
}

/// The commonest request says nothing but a host.
fn only_host(directives: &Directives) -> Option<&str> {
    match (&directives.config, &directives.provider) {
        (None, None | Some(Provider::Passthrough)) => directives.custom_host.as_deref(),
        _ => None,
    }
}

fn key(directives: &Directives, prefix: Prefix<'_>) -> String {
    let (sign, provider) = match &directives.provider {
        None => ("", ""),
        Some(Provider::Passthrough) => ("=", "passthrough"),
        Some(Provider::Named(name)) => ("=", name.as_str()),
        Some(Provider::Settings(name)) => ("@", name.as_str()),
    };
    let (read, prefix) = match prefix {
        Prefix::Unread => ("?", ""),
        Prefix::Read(None) => ("-", ""),
        Prefix::Read(Some(name)) => ("@", name),
    };
    let host = directives.custom_host.as_deref().unwrap_or_default();
    let config = directives.config.as_deref().unwrap_or_default();
    [
        "\n", sign, provider, "\n", host, "\n", read, prefix, "\n", config,
    ]
    .concat()
}
