//! What serves the requests of one worker, under one snapshot of the settings.

use std::sync::Arc;

use super::{
    plan::PlanCache,
    send::vet::Vetter,
    tokens::{Fetcher, TokenFetcher},
};
use crate::{gateway::Gateway, upstream::Upstream};

/// A snapshot of what all workers share, and one worker's own connections, plans and targets.
pub struct Worker<U> {
    pub gateway: Arc<Gateway>,
    pub upstream: U,
    pub plans: PlanCache,
    pub targets: Vetter,
    pub tokens: Box<dyn TokenFetcher>,
}

impl<U: Upstream + Clone + 'static> Worker<U> {
    pub fn new(gateway: Arc<Gateway>, upstream: U) -> Self {
        let targets = Vetter::new(gateway.policy.clone(), gateway.process.resolver.clone());
        Worker {
            plans: PlanCache::new(gateway.known.clone(), gateway.policy.clone()),
            tokens: Box::new(Fetcher {
                upstream: upstream.clone(),
                targets: targets.clone(),
            }),
            upstream,
            targets,
            gateway,
        }
    }
}
