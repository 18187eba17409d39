//! The budgets of one request: which are for it, what it claims of each, and what is told where one
//! has no room. What is counted is `spend`'s business.

mod token_limits;

use std::{borrow::Cow, sync::Arc};

use actix_http::header::HeaderValue;
use jiff::Timestamp;

use super::{
    estimate::{Estimate, Price},
    limits::Applied,
};
use crate::{
    budget::{Amount, By, Match, OnUnknownUsage, Scoped, Unit},
    error::{Code, GatewayError},
    identity::Identity,
    proxy::{
        admit::Admitted,
        clock,
        exchange::Exchange,
        plan::{Plan, Target},
    },
    spend::{Claim, NotReserved, Refused, Standing, Warning, Whose},
};

/// What the request claims of a budget or a limit of tokens.
struct Claimed<'a> {
    of: Of<'a>,
    claim: Claim<'a>,
}

#[derive(Clone, Copy)]
enum Of<'a> {
    Budget(&'a Arc<Scoped>),
    Limit(Applied<'a>),
}

/// Whether any budget or limit of tokens may be for the request.
pub fn concern(admitted: &Admitted<'_>, plan: &Plan) -> bool {
    of_request(admitted).next().is_some() || token_limits::concern(admitted, plan)
}

/// Reserves what the request may use, of all budgets and limits of tokens that are for it.
///
/// # Errors
/// `budget_exceeded`, `rate_limited`, and what goes wrong with the body, which tells of the model.
pub async fn reserve(
    admitted: &Admitted<'_>,
    plan: &Plan,
    exchange: &mut Exchange,
) -> Result<(), GatewayError> {
    let now = clock::wall();
    let mut claimed = claims(admitted, plan, now);
    token_limits::claim(admitted, plan, now, &mut claimed);
    if claimed.is_empty() {
        return Ok(());
    }
    let accounts = admitted.gateway.accounts();
    accounts.prices.ready().await;
    let estimate = Estimate::of(admitted, exchange.connection()).await?;
    for it in &mut claimed {
        fill(it, admitted, plan, &estimate)?;
    }
    let (of, claims): (Vec<_>, Vec<_>) = claimed.into_iter().map(|it| (it.of, it.claim)).unzip();
    let spend = &admitted.gateway.process.budgets.spend;
    let reserved = spend.reserve(&claims, estimate.learner(plan)).await;
    let reserved = reserved.map_err(|it| match it {
        NotReserved::Refused(it) => match of[it.claim] {
            Of::Budget(scoped) => refusal(scoped, &claims[it.claim], &it),
            Of::Limit(applied) => token_limits::refusal(applied, &claims[it.claim], now),
        },
        NotReserved::Uncounted => uncounted(),
    })?;
    if let Some(warning) = reserved.warning
        && let Of::Budget(scoped) = of[warning.claim]
    {
        let claim = &claims[warning.claim];
        exchange.notes.reply.budget_warning = warn(scoped, claim, &warning);
    }
    let recorder = &mut exchange.notes.recorder;
    recorder.hold(reserved.reservation, accounts);
    for it in &of {
        match it {
            Of::Budget(scoped) => recorder.note_counted_by(scoped.name()),
            Of::Limit(applied) => recorder.note_counted_by(&applied.scoped.place),
        }
    }
    Ok(())
}

/// The budgets of settings, key, team and endpoint.
fn of_request<'a>(admitted: &'a Admitted<'_>) -> impl Iterator<Item = &'a Arc<Scoped>> {
    let of_holder = admitted.holder().into_iter().flat_map(Identity::budgets);
    let endpoint = admitted.routed.endpoint().into_iter();
    let of_endpoint = endpoint.flat_map(|endpoint| endpoint.budgets.iter());
    admitted
        .gateway
        .budgets
        .iter()
        .chain(of_holder)
        .chain(of_endpoint)
}

/// Whether a budget is for the request.
fn is_for(only: &Match, admitted: &Admitted<'_>, plan: &Plan) -> bool {
    if only.is_everything() {
        return true;
    }
    let holder = admitted.holder();
    let team = holder.and_then(|it| it.team.as_ref());
    let key = |wanted: &str| {
        holder.is_some_and(|it| it.key.name.as_str() == wanted || it.key.id.to_string() == wanted)
    };
    let team = |wanted: &str| {
        team.is_some_and(|it| it.name.as_str() == wanted || it.id.to_string() == wanted)
    };
    let endpoint = admitted.routed.endpoint().map(|it| it.path.as_str());
    let origin = |wanted: &str| plan.targets.iter().any(|it| it.base.origin() == wanted);
    let mut metadata = only.metadata.iter();
    only.key.as_deref().is_none_or(key)
        && only.team.as_deref().is_none_or(team)
        && only
            .endpoint
            .as_deref()
            .is_none_or(|it| endpoint == Some(it))
        && only.origin.as_deref().is_none_or(origin)
        && metadata.all(|(name, value)| trusted(admitted, name) == Some(Some(value)))
}

/// A value of the request's metadata: `None`: the request is not trusted to say it.
fn trusted<'a>(admitted: &'a Admitted<'_>, name: &str) -> Option<Option<&'a String>> {
    let holder = admitted.holder();
    let is_trusted = holder.is_none_or(|it| it.trusts_metadata(name));
    let metadata = admitted.directives.metadata.as_ref();
    is_trusted.then(|| metadata.and_then(|metadata| metadata.get(name)))
}

/// The budgets that are for the request, with a claim of nothing where each would count it.
pub fn counted<'a>(
    admitted: &'a Admitted<'_>,
    plan: &'a Plan,
    now: Timestamp,
) -> Vec<(&'a Arc<Scoped>, Claim<'a>)> {
    let claimed = claims(admitted, plan, now).into_iter();
    let budget = |it: Claimed<'a>| match it.of {
        Of::Budget(scoped) => Some((scoped, it.claim)),
        Of::Limit(_) => None,
    };
    claimed.filter_map(budget).collect()
}

/// Where the request is counted, for each budget that is for it.
fn claims<'a>(admitted: &'a Admitted<'_>, plan: &'a Plan, now: Timestamp) -> Vec<Claimed<'a>> {
    let mut all = Vec::new();
    for scoped in of_request(admitted).filter(|it| is_for(&it.budget.only, admitted, plan)) {
        let span = scoped.budget.window.at(now);
        let only = scoped.budget.only.origin.as_deref();
        let mut add = |whose, origin: Option<&str>| {
            let claim = Claim::of(scoped, span, whose);
            let origins = origin.or(only).map(Into::into).into_iter().collect();
            let claim = Claim { origins, ..claim };
            let of = Of::Budget(scoped);
            all.push(Claimed { of, claim });
        };
        match &scoped.budget.by {
            By::Nothing => add((Whose::ALL, Cow::Borrowed("")), None),
            By::Key => add(by_key(admitted), None),
            By::Team => add(by_team(admitted), None),
            By::Metadata(name) => add(by_metadata(admitted, name), None),
            By::Endpoint => {
                if let Some(endpoint) = admitted.routed.endpoint() {
                    add(by_value("endpoint", endpoint.path.as_str()), None);
                }
            }
            By::Origin => {
                let wanted = |it: &&str| only.is_none_or(|only| only == *it);
                for origin in origins(plan).filter(wanted) {
                    add(by_value("origin", origin), Some(origin));
                }
            }
        }
    }
    all
}

/// The origins of a plan, each once.
fn origins(plan: &Plan) -> impl Iterator<Item = &str> {
    let origins = plan.targets.iter().map(|target| target.base.origin());
    let is_first = |(at, origin): &(usize, &str)| {
        let mut before = plan.targets.iter().take(*at);
        before.all(|target| target.base.origin() != *origin)
    };
    origins
        .enumerate()
        .filter(is_first)
        .map(|(_, origin)| origin)
}

type Counted<'a> = (Whose, Cow<'a, str>);

fn by_value<'a>(kind: &str, value: &'a str) -> Counted<'a> {
    (
        Whose::of_value(kind, value.as_bytes()),
        Cow::Borrowed(value),
    )
}

fn by_key<'a>(admitted: &'a Admitted<'_>) -> Counted<'a> {
    match admitted.holder() {
        Some(holder) => {
            let key = &holder.key;
            (Whose::of_id(key.id.as_bytes()), key.name.as_str().into())
        }
        None => {
            let caller = admitted.presented.caller().as_bytes();
            (Whose::of_value("caller", caller), "(no key)".into())
        }
    }
}

fn by_team<'a>(admitted: &'a Admitted<'_>) -> Counted<'a> {
    match admitted.holder().and_then(|it| it.team.as_ref()) {
        Some(team) => (Whose::of_id(team.id.as_bytes()), team.name.as_str().into()),
        None => by_key(admitted),
    }
}

/// By what the holder is not trusted to say, its requests are counted as the key's.
fn by_metadata<'a>(admitted: &'a Admitted<'_>, name: &str) -> Counted<'a> {
    match trusted(admitted, name) {
        Some(value) => by_value("metadata", value.map_or("", String::as_str)),
        None => by_key(admitted),
    }
}

/// How much the request claims.
fn fill(
    claimed: &mut Claimed<'_>,
    admitted: &Admitted<'_>,
    plan: &Plan,
    estimate: &Estimate,
) -> Result<(), GatewayError> {
    let claim = &mut claimed.claim;
    let counts_of = |target: &&Target| {
        let mut origins = claim.origins.iter();
        claim.origins.is_empty() || origins.any(|own| **own == *target.base.origin())
    };
    let targets = plan.targets.iter().filter(counts_of);
    let (whole, input) = match claim.unit {
        Unit::Tokens => (estimate.tokens(admitted, targets), estimate.input),
        Unit::Usd => {
            let price = estimate.price(admitted, targets);
            if let Of::Budget(scoped) = claimed.of {
                check_price(scoped, &price, estimate)?;
            }
            (price.whole.nano(), price.input.nano())
        }
    };
    let (whole, input) = (whole.min(Amount::MOST), input.min(Amount::MOST));
    (claim.amount, claim.input) = match claim.on_unknown_usage {
        OnUnknownUsage::Estimate | OnUnknownUsage::Deny => (whole, input),
        OnUnknownUsage::Allow => (whole, 0),
    };
    Ok(())
}

/// A budget may ask for a price of everything that is sent.
fn check_price(scoped: &Scoped, price: &Price, estimate: &Estimate) -> Result<(), GatewayError> {
    match scoped.budget.on_unknown_usage {
        OnUnknownUsage::Deny if price.is_unknown => {}
        OnUnknownUsage::Deny | OnUnknownUsage::Estimate | OnUnknownUsage::Allow => return Ok(()),
    }
    let model = match &estimate.model {
        Some(model) => format!("the model {model:?}"),
        None => "it, since it names no model".to_owned(),
    };
    let message = format!(
        "the request cannot be counted in the budget {} ({}): there is no price for {model} \
         (`on_unknown_usage: deny`)",
        scoped.name(),
        scoped.owner
    );
    Err(GatewayError::new(Code::BudgetExceeded, message))
}

fn refusal(scoped: &Scoped, claim: &Claim<'_>, refused: &Refused) -> GatewayError {
    let Standing {
        spent,
        reserved,
        granted,
    } = refused.standing;
    let shown = |count| Amount::shown(claim.unit, count);
    let window = &scoped.budget.window;
    let resets = match claim.end {
        Some(end) => format!("it begins anew at {}", window.shown(end)),
        None => "it does not begin anew".to_owned(),
    };
    let message = format!(
        "the budget {} ({}) has no room for this request, which may take {}: {} of {} are spent \
         and {} reserved by requests under way; {resets}",
        scoped.name(),
        scoped.owner,
        shown(claim.amount),
        shown(spent),
        shown(claim.limit.saturating_add(granted)),
        shown(reserved),
    );
    GatewayError::new(Code::BudgetExceeded, message)
}

/// The budgets' store does not respond.
fn uncounted() -> GatewayError {
    GatewayError::overloaded("budgets cannot be counted now (`limit_store.on_redis_failure: deny`)")
}

/// The warning that the reply carries. The log has it once in a window.
fn warn(scoped: &Scoped, claim: &Claim<'_>, warning: &Warning) -> Option<HeaderValue> {
    let used = warning.standing.share(claim.limit).as_f64();
    if warning.is_news {
        tracing::warn!(
            budget = scoped.name(),
            owner = &*scoped.owner,
            id = %scoped.id(),
            used,
            "a budget is past its soft threshold"
        );
    }
    HeaderValue::try_from(format!("{};used={used}", scoped.name())).ok()
}
