//! From a base URL as written to the one thing that can be dialled, with a small memory of verdicts per worker: most requests
//! name a host that was vetted before. A name is asked for every time; its verdict stands while it has the same addresses.

use std::{cell::RefCell, collections::HashMap, net::IpAddr, rc::Rc, sync::Arc};

use super::plan::Plan;
use crate::{
    egress::{BaseUrl, BaseUrlError, NamedBy, Policy, VettedTarget},
    error::{Code, GatewayError},
    resolve::{ResolveError, Resolver},
};

/// Verdicts remembered at most; client-chosen hosts must not grow memory.
const MOST_KEPT: usize = 1024;

/// A base URL and the addresses judged for it. Prints no path and no query: they may hold a credential.
#[derive(Debug)]
pub struct Target {
    pub base: BaseUrl,
    pub vetted: VettedTarget,
}

/// Vets targets for one worker. Bound to one policy: other settings need other `Targets`, or old verdicts would live on.
pub struct Targets {
    policy: Arc<Policy>,
    resolver: Arc<Resolver>,
    by_caller: Verdicts,
    by_settings: Verdicts,
}

/// By the whole text of the base URL: scheme, port and path are part of what was judged.
type Verdicts = RefCell<HashMap<Box<str>, Verdict>>;

/// A target that passed, and what its name resolved to when it did. Refusals are not kept.
#[derive(Clone)]
struct Verdict {
    target: Rc<Target>,
    /// Empty for an address literal, whose verdict only the policy decides.
    judged: Arc<[IpAddr]>,
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
    ///
    /// # Errors
    /// `invalid_header` for what is no base URL, `target_denied` or `loop_detected` for what may not be dialled,
    /// `upstream_unreachable` for a name that cannot be resolved.
    pub async fn vet(&self, plan: &Plan) -> Result<Rc<Target>, GatewayError> {
        if let Some(verdict) = self.recall(plan) {
            let name = verdict.target.base.lookup_name();
            if self.addresses(name).await? == verdict.judged {
                return Ok(verdict.target);
            }
        }
        let base = BaseUrl::parse(plan.target()).map_err(|error| unreadable(plan, &error))?;
        let pass = self.policy.judge_host(&base, plan.named_by())?;
        let judged = self.addresses(pass.lookup_name()).await?;
        let vetted = self.policy.judge_addresses(pass, &judged)?;
        let target = Rc::new(Target { base, vetted });
        self.remember(plan, &target, judged);
        Ok(target)
    }

    /// What the name has now: the resolver keeps answers for their time. None for a literal.
    async fn addresses(&self, name: Option<&str>) -> Result<Arc<[IpAddr]>, ResolveError> {
        match name {
            // Boxed: a look-up's state is many times that of the request that waits for it, and most requests never wait.
            Some(name) => Box::pin(self.resolver.resolve(name)).await,
            None => Ok(Arc::from([])),
        }
    }

    fn verdicts(&self, named_by: NamedBy) -> &Verdicts {
        match named_by {
            NamedBy::Caller => &self.by_caller,
            NamedBy::Settings => &self.by_settings,
        }
    }

    fn recall(&self, plan: &Plan) -> Option<Verdict> {
        let verdicts = self.verdicts(plan.named_by()).borrow();
        verdicts.get(plan.target()).cloned()
    }

    fn remember(&self, plan: &Plan, target: &Rc<Target>, judged: Arc<[IpAddr]>) {
        let mut verdicts = self.verdicts(plan.named_by()).borrow_mut();
        if verdicts.len() >= MOST_KEPT {
            verdicts.clear();
        }
        let verdict = Verdict {
            target: target.clone(),
            judged,
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
