//! From a base URL as written to the one thing that can be dialled, with a small memory of recent verdicts per worker: most
//! requests name a host that was vetted a moment ago.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use super::plan::Plan;
use crate::{
    egress::{BaseUrl, BaseUrlError, NamedBy, Policy, VettedTarget},
    error::{Code, GatewayError},
    resolve::Resolver,
};

/// A name's verdict is kept this long; how long its addresses are kept is the resolver's business (their TTL).
const NAME_KEPT: Duration = Duration::from_secs(1);
/// An address literal's verdict changes only with the settings.
const LITERAL_KEPT: Duration = Duration::from_secs(60);
/// Verdicts remembered at most; client-chosen hosts must not grow memory.
const MOST_KEPT: usize = 1024;

/// A base URL and the addresses judged for it.
#[derive(Debug)]
pub struct Target {
    pub base: BaseUrl,
    pub vetted: VettedTarget,
}

/// Vets targets for one worker.
pub struct Targets {
    policy: Arc<Policy>,
    resolver: Arc<Resolver>,
    by_caller: RefCell<HashMap<Box<str>, Verdict>>,
    by_settings: RefCell<HashMap<Box<str>, Verdict>>,
}

struct Verdict {
    target: Rc<Target>,
    until: Instant,
}

impl Targets {
    pub fn new(policy: Arc<Policy>, resolver: Arc<Resolver>) -> Self {
        Targets {
            policy,
            resolver,
            by_caller: RefCell::default(),
            by_settings: RefCell::default(),
        }
    }

    /// Parse once, host rules, one resolution, a judgement of every address.
    pub async fn vet(&self, plan: &Plan) -> Result<Rc<Target>, GatewayError> {
        if let Some(target) = self.recall(plan) {
            return Ok(target);
        }
        let base = BaseUrl::parse(plan.target()).map_err(|error| unreadable(plan, &error))?;
        let pass = self.policy.judge_host(&base, plan.named_by())?;
        let (resolved, kept) = match pass.lookup_name() {
            Some(name) => (self.resolver.resolve(name).await?, NAME_KEPT),
            None => (Arc::from([]), LITERAL_KEPT),
        };
        let vetted = self.policy.judge_addresses(pass, &resolved)?;
        let target = Rc::new(Target { base, vetted });
        self.remember(plan, &target, kept);
        Ok(target)
    }

    fn verdicts(&self, named_by: NamedBy) -> &RefCell<HashMap<Box<str>, Verdict>> {
        match named_by {
            NamedBy::Caller => &self.by_caller,
            NamedBy::Settings => &self.by_settings,
        }
    }

    fn recall(&self, plan: &Plan) -> Option<Rc<Target>> {
        let verdicts = self.verdicts(plan.named_by()).borrow();
        let verdict = verdicts.get(plan.target())?;
        (Instant::now() < verdict.until).then(|| verdict.target.clone())
    }

    fn remember(&self, plan: &Plan, target: &Rc<Target>, kept: Duration) {
        let mut verdicts = self.verdicts(plan.named_by()).borrow_mut();
        if verdicts.len() >= MOST_KEPT {
            verdicts.clear();
        }
        let verdict = Verdict {
            target: target.clone(),
            until: Instant::now() + kept,
        };
        verdicts.insert(plan.target().into(), verdict);
    }
}

fn unreadable(plan: &Plan, error: &BaseUrlError) -> GatewayError {
    let (code, place) = match plan.named_by() {
        NamedBy::Caller => (Code::InvalidHeader, "x-gateway-custom-host"),
        NamedBy::Settings => (Code::Internal, "default_target"),
    };
    GatewayError::new(code, format!("{place}: {error}"))
}
