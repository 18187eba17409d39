//! The second step: everything that is decided of a request before it is sent. Its plan, its place
//! under the rate limits, its first target, and its key in the cache. The same for requests that
//! are sent, for dry runs and for `explain`.

pub mod body_text;
pub mod budgets;
pub mod buffer_body;
pub mod cache_key;
mod condition_facts;
mod credential;
mod estimate;
pub mod limits;
mod models;
mod permitted;

use std::{cell::RefCell, rc::Rc, time::Instant};

use bytes::Bytes;

use self::{
    cache_key::Cacheable,
    limits::{Applied, LimitCheck},
};
use super::{
    admit::Admitted,
    exchange::Exchange,
    plan::{self, Plan, PlanCache, Planned, Wanted},
    sender::{Sender, while_present},
    world::LiveWorld,
};
use crate::{
    cache::{NoCacheReason, key::CacheKey},
    error::GatewayError,
    identity::{ConfigName, Identity},
    route::{
        attempts::{Attempts, Send},
        decided::Decided,
        tree::TargetId,
    },
    upstream::Whole,
};

/// A request ready to be looked up, sent, or explained.
pub struct Prepared<'a> {
    pub plan: &'a Planned,
    pub world: LiveWorld<'a>,
    pub attempts: RefCell<Attempts<'a>>,
    pub first: Send,
    /// The cache's part in it, if it was asked for.
    pub cached: Option<(Cacheable<'a>, Result<CacheKey, NoCacheReason>)>,
}

/// Which targets, in which order? The body is read first only where it decides.
///
/// # Errors
/// What makes no plan, and what goes wrong with the body.
pub async fn plan(
    admitted: &Admitted<'_>,
    plans: &PlanCache,
    sender: &impl Sender,
) -> Result<Rc<Planned>, GatewayError> {
    let model = async || {
        let limit = admitted.gateway.replay_limit;
        buffer_body::read(sender, &admitted.body, limit).await?;
        let text = buffer_body::joined(&admitted.body)?;
        let said = body_text::said(admitted.client(), text).await?;
        admitted.says_stream.set(Some(said.stream));
        Ok(said.model)
    };
    let default_config = admitted.holder().and_then(Identity::default_config);
    let wanted = Wanted {
        by_path: admitted.routed.by_path,
        directives: &admitted.directives,
        default_config: default_config.map(ConfigName::as_str),
    };
    let plan = plan::find(plans, admitted.head, wanted, admitted.client(), model);
    while_present(sender, plan).await?
}

/// Takes the request's places under the limits of settings and plan.
///
/// # Errors
/// `rate_limited`, and `overloaded` where nothing can be counted.
pub async fn take_places(
    admitted: &Admitted<'_>,
    plan: &Plan,
    exchange: &mut Exchange,
) -> Result<(), GatewayError> {
    let settings = &admitted.gateway.limits.requests;
    let limits = settings.iter().chain(&plan.limits).map(Applied::from);
    let of_key = limits::of_holder(admitted.holder()).filter(|it| !it.counts_attempts());
    let recorder = &mut exchange.notes.recorder;
    let limits = limits.chain(of_key).filter(Applied::counts_requests);
    let limits = limits.inspect(|it| recorder.note_counted_by(&it.scoped.place));
    let (room, leases) = LimitCheck::of(admitted).admit(limits, "").await;
    exchange.notes.reply.room = room;
    exchange.leases = leases?;
    Ok(())
}

/// Reads the body where the plan needs it, and finds the first target and the key in the cache.
///
/// # Errors
/// What goes wrong with the body, and a conditional in which nothing holds.
pub async fn prepare<'a>(
    admitted: &'a Admitted<'_>,
    plan: &'a Planned,
    sender: &impl Sender,
    received: Instant,
) -> Result<Prepared<'a>, GatewayError> {
    let gateway = admitted.gateway;
    permitted::check(admitted, plan, sender).await?;
    credential::check(admitted, plan)?;
    if plan.needs_body() {
        buffer_body::read(sender, &admitted.body, gateway.replay_limit).await?;
    } else if plan.may_replay {
        let mut body = admitted.body.borrow_mut();
        body.keep_for_replay(gateway.replay_limit);
    }
    let world = LiveWorld {
        plan,
        origin_health: &gateway.process.origin_health,
        presented: &admitted.presented,
        body: admitted.body.clone(),
        received,
    };
    let decided = while_present(sender, decide(admitted, plan)).await??;
    let (attempts, first) = Attempts::begin(&plan.tree, &decided, &world)?;
    let cached = match Cacheable::asked(admitted, plan, first.target) {
        Some(cacheable) => Some(keyed(cacheable, &attempts.candidates(), sender).await?),
        None => None,
    };
    Ok(Prepared {
        plan,
        world,
        attempts: RefCell::new(attempts),
        first,
        cached,
    })
}

/// The request's key in the cache, or why it has none.
async fn keyed<'a>(
    cacheable: Cacheable<'a>,
    candidates: &[TargetId],
    sender: &impl Sender,
) -> Result<(Cacheable<'a>, Result<CacheKey, NoCacheReason>), GatewayError> {
    let admitted = cacheable.admitted;
    let limit = admitted.gateway.replay_limit;
    let read = async || {
        let whole = buffer_body::try_read(sender, &admitted.body, limit).await?;
        // A body that cannot be read as one piece is still sent.
        let joined = (whole == Whole::Kept).then(|| admitted.body.borrow_mut().joined());
        Ok(match (whole, joined) {
            (Whole::Kept, Some(Ok(joined))) => Ok(joined.unwrap_or_default()),
            (Whole::TooLarge, _) => Err(NoCacheReason::BodyOverLimit),
            _ => Err(NoCacheReason::NoBodyMemory),
        })
    };
    let key = cacheable.key(read, candidates).await?;
    Ok((cacheable, key))
}

/// What the request's facts decide of the plan.
async fn decide(admitted: &Admitted<'_>, plan: &Plan) -> Result<Decided, GatewayError> {
    let body = match plan.reads_body {
        true => buffer_body::joined(&admitted.body)?,
        false => Bytes::new(),
    };
    let source = condition_facts::Source {
        head: admitted.head,
        path: admitted.routed.path,
        metadata: admitted.directives.metadata.as_ref(),
        body: &body,
    };
    condition_facts::decide(admitted.client(), &plan.tree, source).await
}
