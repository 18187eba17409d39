//! Limits of tokens: `tokens` of the limits that settings, config, provider, key and team have.
//! They are reserved and settled as budgets are.

use std::time::Duration;

use jiff::Timestamp;

use super::{Claimed, Of, origins};
use crate::{
    error::{Code, GatewayError},
    proxy::{
        admit::Admitted,
        plan::{Plan, Target},
        prepare::limits::{self, Applied, LimitCheck},
    },
    route::limit::Scope,
    spend::{Claim, Kind},
};

/// Whether there is any.
pub fn concern(admitted: &Admitted<'_>, plan: &Plan) -> bool {
    let mut targets = plan.targets.iter();
    of_request(admitted, plan).next().is_some()
        || targets.any(|target| of_target(target).next().is_some())
}

/// The limits of settings, config and key.
fn of_request<'a>(admitted: &'a Admitted<'_>, plan: &'a Plan) -> impl Iterator<Item = Applied<'a>> {
    let settings = &admitted.gateway.limits;
    let own = settings.requests.iter().chain(&settings.attempts);
    let own = own.chain(&plan.limits).map(Applied::from);
    let own = own.chain(limits::of_holder(admitted.holder()));
    own.filter(|it| it.scoped.limit.tokens.is_some())
}

fn of_target(target: &Target) -> impl Iterator<Item = Applied<'_>> {
    let limits = target.limits.iter().map(Applied::from);
    limits.filter(|it| it.scoped.limit.tokens.is_some())
}

/// Adds what the request claims of each limit of tokens.
pub fn claim<'a>(
    admitted: &'a Admitted<'_>,
    plan: &'a Plan,
    now: Timestamp,
    all: &mut Vec<Claimed<'a>>,
) {
    for applied in of_request(admitted, plan) {
        match applied.counts_attempts() {
            false => add(admitted, applied, None, now, all),
            true => {
                for origin in origins(plan) {
                    add(admitted, applied, Some(origin), now, all);
                }
            }
        }
    }
    for target in &plan.targets {
        for applied in of_target(target) {
            add(admitted, applied, Some(target.base.origin()), now, all);
        }
    }
}

/// `origin`: the one whose response counts.
fn add<'a>(
    admitted: &'a Admitted<'_>,
    applied: Applied<'a>,
    origin: Option<&str>,
    now: Timestamp,
    all: &mut Vec<Claimed<'a>>,
) {
    let scoped = applied.scoped;
    let Some(rate) = scoped.limit.tokens else {
        return;
    };
    let key = LimitCheck::of(admitted).key(applied, origin.unwrap_or_default());
    let kind = match scoped.scope {
        Scope::Settings => Kind::Limit,
        Scope::Caller => Kind::CallersLimit,
    };
    let claim = Claim::of_limit(kind, (*scoped.id().as_bytes(), key.whose()), rate, now);
    let shared = all.iter_mut().find(|it| it.claim.place == claim.place);
    match (shared, origin) {
        // Several targets may share a limit, with several origins.
        (Some(shared), Some(origin)) => {
            let origins = &mut shared.claim.origins;
            if !origins.is_empty() && origins.iter().all(|it| **it != *origin) {
                origins.push(origin.into());
            }
        }
        (Some(shared), None) => shared.claim.origins.clear(),
        (None, _) => {
            let origins = origin.map(Into::into).into_iter().collect();
            let claim = Claim { origins, ..claim };
            let of = Of::Limit(applied);
            all.push(Claimed { of, claim });
        }
    }
}

/// The refusal of a request for which a limit has no room.
pub fn refusal(applied: Applied<'_>, claim: &Claim<'_>, now: Timestamp) -> GatewayError {
    let scoped = applied.scoped;
    let by = match applied.counts_all {
        true => String::new(),
        false => format!(" by {}", scoped.limit.by.name()),
    };
    let window = scoped
        .limit
        .tokens
        .map(|rate| rate.window)
        .unwrap_or_default();
    let message = format!(
        "over the limit of {} tokens in {window:?}{by} ({}): this request may take {}",
        claim.limit, scoped.place, claim.amount
    );
    let mut error = GatewayError::new(Code::RateLimited, message);
    let left = claim
        .end
        .map(|end| Duration::try_from(end.duration_since(now)));
    error.retry_after = Some(left.and_then(Result::ok).unwrap_or(window));
    error
}
